//! Attacks that were described elsewhere, tried on a simulator of ours: each is refused, and leaves nothing behind.

use super::*;
use model::{GridCell, SecureSessionId, TeleportFlags};
use services::{FriendRights, Presence};
use simulation::Request;
use transfer::{
    ChildView, CreateAgent, FriendDeed, FriendNews, Hello, InstantMessage, PeerCall, Release, Version,
};

/// A simulator whose region has another address than this machine, on a grid in its process: to it, every test calls from
/// the address of a stranger.
struct Guarded {
    running: Running,
}

const HERE: &str = "http://192.0.2.9:80/";

impl Guarded {
    async fn start() -> Self {
        let config =
            RegionConfig { http_base: HERE.into(), sim_ip: Ipv4Addr::new(192, 0, 2, 9), ..region(1) };
        let running = Running::start_with(grid(), vec![config], SIDE).await;
        // Ada has logged in, and is in no region yet; Alan stands in one of a simulator elsewhere.
        let guarded = Self { running };
        guarded.is_in(ADA, RegionId::NULL);
        let elsewhere = guarded.region(0x5001, "192.0.2.77", GridCell { x: 5000, y: 5000 });
        guarded.is_in(ALAN, elsewhere.id);
        guarded
    }

    fn region(&self, n: u128, host: &str, cell: GridCell) -> RegionInfo {
        let region = RegionInfo {
            id: RegionId(Uuid::from_u128(n)),
            name: format!("Region {n:x}"),
            handle: cell.handle(),
            external_host: host.into(),
            server_uri: format!("http://{host}:9000/"),
            ..RegionInfo::default()
        };
        self.running.grid.regions.lock().unwrap().push(region.clone());
        region
    }

    fn is_in(&self, agent: AgentId, region: RegionId) {
        let mut presences = self.running.grid.presences.lock().unwrap();
        presences.retain(|presence| presence.agent != agent);
        presences.push(Presence {
            agent,
            session: session_of(agent),
            secure_session: SecureSessionId::default(),
            region,
            renewed: 0,
        });
    }

    async fn send(&self, request: &Request, headers: &str) -> u16 {
        let kind = request.content_type.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
        let headers = format!("{kind}{headers}");
        let mut client = self.running.client().await;
        client.request(request.method, &request.path, &headers, &request.body).await.status
    }

    async fn say(&self, call: &PeerCall) -> u16 {
        self.send(&simulation::request(call, &self.running.here, false), "").await
    }

    async fn denied(&self, reason: &str) -> u64 {
        let text = String::from_utf8(self.running.client().await.get("/metrics").await.body).unwrap();
        let name = format!("sojourn_peer_calls_denied_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
    }

    fn agents(&self) -> usize {
        self.running.directory.sessions().len()
    }
}

/// An agent as releases make it that name no source.
fn create() -> PeerCall {
    let create = simulation::login(agent_of(ADA), Version::V0_8);
    PeerCall::CreateAgent(Box::new(CreateAgent { flags: TeleportFlags::VIA_LOCATION, ..create }))
}

fn close() -> PeerCall {
    PeerCall::CloseChild { agent: ADA, session: session_of(ADA), claim: None }
}

#[tokio::test]
async fn who_has_seen_a_session_pass_makes_and_closes_no_agent() {
    let guarded = Guarded::start().await;
    assert_eq!((guarded.say(&create()).await, guarded.say(&close()).await), (403, 403));
    assert_eq!((guarded.agents(), guarded.denied("not_vouched").await), (0, 2));
    // Where the agent is, or where people look in from, a simulator may be of a release that names no source.
    let far = guarded.region(0x5002, "127.0.0.1", GridCell { x: 1500, y: 1500 });
    assert_eq!(guarded.say(&create()).await, 403);
    guarded.is_in(ADA, far.id);
    assert_eq!(guarded.say(&create()).await, 200);
    assert_eq!((guarded.say(&close()).await, guarded.agents()), (200, 0));
    guarded.running.stop().await;
}

#[tokio::test]
async fn a_neighbour_of_a_release_that_names_no_source_makes_agents() {
    let guarded = Guarded::start().await;
    guarded.region(0x5002, "127.0.0.1", GridCell { x: 1002, y: 1001 });
    assert_eq!(guarded.say(&create()).await, 200);
    assert_eq!(guarded.agents(), 1);
    guarded.running.stop().await;
}

/// All that other releases say, and that is taken by the address from which it comes.
fn by_address(near: &RegionInfo) -> Vec<PeerCall> {
    let (agent, session) = (ADA, session_of(ADA));
    let message = InstantMessage { from: ALAN, to: ADA, region: near.id.0, ..InstantMessage::default() };
    vec![
        create(),
        PeerCall::ChildView(ChildView {
            agent,
            session,
            root: near.handle,
            position: Vec3::ONE,
            camera: Vec3::ONE,
            velocity: Vec3::ZERO,
            draw_distance_m: 64.0,
            throttles: None,
        }),
        PeerCall::Hello(Hello {
            id: near.id,
            name: near.name.clone(),
            handle: near.handle,
            host: near.external_host.clone(),
            server_uri: near.server_uri.clone(),
            ..Hello::default()
        }),
        PeerCall::InstantMessage(Box::new(message)),
        PeerCall::FriendStatus { friend: ALAN, to: ADA, online: true },
        PeerCall::FriendNews(Box::new(FriendNews { from: ALAN, to: ADA, deed: FriendDeed::Terminated })),
        close(),
    ]
}

#[tokio::test]
async fn what_a_proxy_or_a_browser_carries_is_not_from_where_it_comes() {
    let guarded = Guarded::start().await;
    // On this machine there is a simulator of the grid.
    let near = guarded.region(0x5002, "127.0.0.1", GridCell { x: 1002, y: 1001 });
    let calls = by_address(&near);
    for header in [
        "X-Forwarded-For: 203.0.113.5",
        "Forwarded: for=203.0.113.5",
        "Origin: http://evil.example.com",
        "Sec-Fetch-Site: cross-site",
    ] {
        for call in &calls {
            let request = simulation::request(call, &guarded.running.here, false);
            assert_eq!(guarded.send(&request, &format!("{header}\r\n")).await, 403, "{header} {call:?}");
        }
    }
    assert_eq!((guarded.agents(), guarded.denied("relayed").await), (0, 28));
    for call in &calls {
        assert_eq!(guarded.say(call).await, 200, "{call:?}");
    }
    guarded.running.stop().await;
}

#[tokio::test]
async fn nobody_but_the_grid_ends_a_session_by_a_message() {
    let kick = |to| {
        PeerCall::InstantMessage(Box::new(InstantMessage {
            from: InstantMessage::GRID,
            to,
            dialog: 250,
            ..InstantMessage::default()
        }))
    };
    let guarded = Guarded::start().await;
    let near = guarded.region(0x5002, "127.0.0.1", GridCell { x: 1002, y: 1001 });
    assert_eq!(guarded.say(&create()).await, 200);
    let PeerCall::InstantMessage(message) = kick(ADA) else { unreachable!() };
    // In the name of a region that is here, and in nobody's.
    let by_region = PeerCall::InstantMessage(Box::new(InstantMessage { region: near.id.0, ..*message }));
    assert_eq!((guarded.say(&by_region).await, guarded.say(&kick(ADA)).await), (403, 403));
    assert_eq!((guarded.agents(), guarded.denied("wrong_source").await), (1, 2));
    guarded.running.stop().await;

    // Where the grid is another process, at this address, it is believed.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = RegionConfig { http_base: format!("http://127.0.0.1:{port}/").into(), ..region(1) };
    let side = Side { port, grid: Some("http://127.0.0.1:9/") };
    let running = Running::start_with(grid(), vec![config], side).await;
    let request = simulation::request(&kick(ADA), &running.here, false);
    let mut client = running.client().await;
    assert_eq!(client.request(request.method, &request.path, "", &request.body).await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn what_the_grid_does_not_know_of_a_friendship_is_not_told() {
    let guarded = Guarded::start().await;
    guarded.region(0x5002, "127.0.0.1", GridCell { x: 1002, y: 1001 });
    // Known from now on as a host of the grid.
    assert_eq!(guarded.say(&create()).await, 200);
    let name = || "Alan Resident".to_owned();
    let offered = || FriendDeed::Offered { name: name(), words: String::new() };
    let approved = || FriendDeed::Approved { name: name(), status_follows: false };
    let denied = || FriendDeed::Denied { name: name() };
    let rights = || FriendDeed::Rights { before: 1, now: 7 };
    let (see, none) = (FriendRights::SEE_ONLINE, FriendRights::empty());
    for (what, theirs, his, so) in [
        ("nothing", None, None, vec![denied(), FriendDeed::Terminated]),
        ("an offer", Some(none), None, vec![offered(), denied(), FriendDeed::Terminated]),
        ("friends", Some(see), Some(see), vec![approved(), rights()]),
    ] {
        let mut bonds: std::collections::BTreeMap<_, _> = [((ADA, AgentId(Uuid::from_u128(5))), see)].into();
        bonds.extend(theirs.map(|rights| ((ADA, ALAN), rights)));
        bonds.extend(his.map(|rights| ((ALAN, ADA), rights)));
        *guarded.running.grid.bonds.lock().unwrap() = bonds;
        for deed in [offered(), approved(), denied(), rights(), FriendDeed::Terminated] {
            let expected = if so.contains(&deed) { 200 } else { 403 };
            let news = FriendNews { from: ALAN, to: ADA, deed };
            let call = PeerCall::FriendNews(Box::new(news));
            assert_eq!(guarded.say(&call).await, expected, "{what}: {call:?}");
        }
    }
    assert_eq!(guarded.denied("not_so").await, 8);
    guarded.running.stop().await;
}

#[tokio::test]
async fn a_page_elsewhere_reads_nothing_under_its_own_name() {
    let running = Running::start(1).await;
    for (host, path, status) in [
        ("evil.example.com", "/sessions", 403),
        ("evil.example.com:80", "/transfers", 403),
        ("127.0.0.1", "/sessions", 200),
        ("localhost:80", "/transfers", 200),
        ("[::1]", "/sessions", 200),
        // Numbers, for scrapers.
        ("simulator.example.org", "/metrics", 200),
    ] {
        let mut client = running.client().await;
        client.raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await;
        assert_eq!(client.answer().await.unwrap().status, status, "{host} {path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn there_is_no_way_to_put_an_object_into_a_region() {
    let running = Running::start(1).await;
    let mut client = running.client().await;
    let object = Uuid::from_u128(0x0b1ec7);
    let id = running.here.id;
    let body = format!("{{\"sog\":\"<SceneObjectGroup/>\",\"destination_uuid\":\"{id}\",\"modified\":true}}");
    for path in [format!("/object/{object}/"), format!("/object/{object}/{id}/"), "/object/".into()] {
        for method in ["POST", "PUT", "DELETE", "GET"] {
            let answer =
                client.request(method, &path, "Content-Type: application/json\r\n", body.as_bytes()).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn nobody_outside_a_session_fetches_or_uploads() {
    let running = Running::start(1).await;
    let [textures, upload] =
        running.granted(ADA, &["GetTexture", "UploadBakedTexture"]).await.try_into().unwrap();
    let mut client = running.client().await;
    let asset = Uuid::from_u128(0xa55e7);
    let paths =
        ["/assets", "/assets/{}", "/assets/{}/data", "/CAPS/{}/GetTexture?texture_id={}", "/CAPS/upload/{}"];
    for path in paths.map(|path| path.replace("{}", &asset.to_string())) {
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD"] {
            assert_eq!(client.request(method, &path, "", b"").await.status, 404, "{method} {path}");
        }
        // What is large is not even taken in.
        let large = running.client().await.request("POST", &path, "", &[0; 2 << 20]).await;
        assert_eq!(large.status, 413, "{path}");
    }
    let begun = client.request("POST", &upload, "", b"").await.llsd();
    let uploader = begun["uploader"].text().unwrap()["http://127.0.0.1:80".len()..].to_owned();
    // An uploader is good for one upload.
    client.request("POST", &uploader, "", b"picture").await.llsd();
    assert_eq!(client.request("POST", &uploader, "", b"picture").await.status, 404);
    let begun = client.request("POST", &upload, "", b"").await.llsd();
    let uploader = begun["uploader"].text().unwrap()["http://127.0.0.1:80".len()..].to_owned();
    // With the session its capabilities are over, and uploaders that it has been given.
    running.end_session(ADA).await;
    assert_eq!(client.request("POST", &upload, "", b"").await.status, 404);
    assert_eq!(client.get(&format!("{textures}?texture_id={asset}")).await.status, 404);
    assert_eq!(client.request("POST", &uploader, "", b"picture").await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn whatever_comes_to_the_simulation_service_is_answered_and_does_nothing() {
    let guarded = Guarded::start().await;
    guarded.region(0x5002, "127.0.0.1", GridCell { x: 1002, y: 1001 });
    let id = guarded.running.here.id;
    let places = [
        format!("/agent/{ADA}/"),
        format!("/agent/{ADA}/{id}/"),
        format!("/agent/{ADA}/{id}/release/"),
        format!("/agent/{}/", Uuid::nil()),
        format!("/region/{id}/"),
        "/friends".into(),
        format!("/sojourn/agent/{ADA}/{id}/end"),
        format!("/sojourn/agent/{ADA}/{id}/withdraw"),
        "/sojourn/command".into(),
    ];
    let deep = [&b"["[..], &b"{\"a\":[".repeat(20_000)].concat();
    let bodies: [&[u8]; 9] = [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"\"agent\"",
        &deep,
        b"\x1f\x8b\x08\0\0\0\0\0\0\0",
        b"<llsd><map/></llsd>",
        b"\xff\xfe\0\0",
    ];
    let kinds = [
        "application/json",
        "application/x-gzip",
        "text/plain",
        "application/llsd+xml",
        "multipart/form-data",
    ];
    let mut client = guarded.running.client().await;
    for path in &places {
        for method in ["POST", "PUT", "GET", "PATCH", "QUERYACCESS", "DELETE"] {
            for (body, kind) in bodies.iter().flat_map(|body| kinds.map(|kind| (body, kind))) {
                let kind = format!("Content-Type: {kind}\r\n");
                let answer = client.request(method, path, &kind, body).await;
                let said = String::from_utf8_lossy(&answer.body).to_lowercase();
                // Others look at the words only, where the status is 200.
                let refused = (400..500).contains(&answer.status)
                    || (method, path.as_str()) == ("POST", "/friends") && said.contains("<result>false")
                    || method == "QUERYACCESS"
                    || method == "DELETE";
                assert!(refused, "{method} {path} {kind}{body:?}: {} {said}", answer.status);
            }
        }
    }
    assert_eq!(guarded.agents(), 0);
    guarded.running.stop().await;
}

#[tokio::test]
async fn a_release_from_somewhere_ends_nothing() {
    let guarded = Guarded::start().await;
    guarded.region(0x5002, "127.0.0.1", GridCell { x: 1002, y: 1001 });
    assert_eq!(guarded.say(&create()).await, 200);
    let base = format!("{HERE}agent/{ADA}/{}/release/", guarded.running.here.id);
    for url in [base.clone(), format!("{base}{}/", Uuid::nil()), format!("{base}{}/", Uuid::from_u128(7))] {
        let release = Release { url: url.into(), when: transfer::ReleaseWhen::Settled };
        let call = PeerCall::Release { agent: ADA, url: release.url };
        guarded.say(&call).await;
        assert_eq!(guarded.agents(), 1);
    }
    guarded.running.stop().await;
}
