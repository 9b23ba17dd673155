//! Simulators in processes of their own, as far as one test can tell: each has its port, and all they share is a grid.

use super::*;
use crate::calls::PeerTransport as _;
use crate::peering::proof::{Proof, Signed, Source, unix_now_ms};
use crate::{Metrics, PlainSide, PrivateSide, RemoteDestination, RemotePeers};
use model::{RegionHandle, SecureSessionId, TeleportFlags};
use services::Presence;
use transfer::{
    AgentData, Attachment, Baggage, ChildView, Claim, CreateAgent, Hello, InstantMessage, Offer, PeerCall,
    PeerError, PeerReply, QueryAccess, TransferId, Version, VersionRange,
};

/// Some call of nobody in particular.
fn query() -> PeerCall {
    PeerCall::QueryAccess(QueryAccess {
        agent: ADA,
        session: session_of(ADA),
        position: Vec3::new(128.0, 128.0, 30.0),
        via_teleport: true,
        flags: TeleportFlags::VIA_LOCATION,
        offer: Offer::of(VersionRange::ALL),
        tickets: true,
    })
}

fn create(source: Option<RegionId>) -> PeerCall {
    let create = simulation::login(agent_of(ADA), Version::V0_8);
    PeerCall::CreateAgent(Box::new(CreateAgent { source, flags: TeleportFlags::VIA_LOCATION, ..create }))
}

/// Two simulators with one region each, far apart, on one grid.
struct Two {
    grid: Arc<Fake>,
    one: Running,
    other: Running,
}

impl Two {
    async fn start() -> Self {
        let grid = grid();
        let one = simulator(&grid, 1, "http://127.0.0.1:9/").await;
        let other = simulator(&grid, 50, "http://127.0.0.1:9/").await;
        Self { grid, one, other }
    }

    /// A session that the grid knows.
    fn log_in(&self, agent: AgentId, region: RegionId) {
        self.grid.presences.lock().unwrap().push(Presence {
            agent,
            session: session_of(agent),
            secure_session: SecureSessionId::default(),
            region,
            renewed: 0,
        });
    }

    /// Says something to the other simulator in the name of a region, with some key.
    async fn say(
        &self,
        key: &Arc<ProcessKey>,
        from: RegionId,
        call: PeerCall,
    ) -> Result<PeerReply, PeerError> {
        let peers = RemotePeers::new(key.clone(), Arc::default());
        peers.begin(from, &Arc::new(self.other.here.clone()), call, true).await
    }

    /// Says it without a proof, as other simulators do; the status and the body.
    async fn say_plainly(&self, call: &PeerCall) -> (u16, String) {
        self.raw(&simulation::request(call, &self.other.here, false), "").await
    }

    async fn raw(&self, request: &simulation::Request, headers: &str) -> (u16, String) {
        let kind = request.content_type.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
        let headers = format!("{kind}{headers}");
        let mut client = self.other.client().await;
        let answer = client.request(request.method, &request.path, &headers, &request.body).await;
        (answer.status, String::from_utf8(answer.body).unwrap())
    }

    /// A line of the other simulator's metrics.
    async fn assert_counted(&self, line: &str) {
        let text = String::from_utf8(self.other.client().await.get("/metrics").await.body).unwrap();
        assert!(text.lines().any(|known| known == line), "{line} in\n{text}");
    }

    async fn stop(self) {
        self.one.stop().await;
        self.other.stop().await;
    }
}

async fn simulator(grid: &Arc<Fake>, n: u32, grid_url: &str) -> Running {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = RegionConfig { http_base: format!("http://127.0.0.1:{port}/").into(), ..region(n) };
    Running::start_with(grid.clone(), vec![config], Side { port, grid: Some(grid_url) }).await
}

#[tokio::test]
async fn a_proven_call_is_heard_and_answered() {
    let two = Two::start().await;
    let from = two.one.here.id;
    let access = two.say(&two.one.key, from, query()).await.unwrap();
    let PeerReply::Access(agreement) = access else { panic!("{access:?}") };
    assert!(agreement.tickets);
    assert_eq!(agreement.outbound, Version::V0_8);
    // The grid knows no such session; the region that sends it does.
    let created = two.say(&two.one.key, from, create(Some(from))).await.unwrap();
    assert!(matches!(created, PeerReply::Created(_)), "{created:?}");
    let (agent, session) = (ADA, session_of(ADA));
    let end = PeerCall::EndSession { agent, session, reason: "test".into() };
    assert_eq!(two.say(&two.one.key, from, end).await, Ok(PeerReply::Done));
    two.assert_counted("sojourn_peer_calls_in_total{call=\"CreateAgent\",outcome=\"ok\"} 1").await;
    two.stop().await;
}

#[tokio::test]
async fn nobody_speaks_in_anothers_name() {
    let two = Two::start().await;
    let (one, other) = (two.one.here.id, two.other.here.id);
    let stranger = Arc::new(ProcessKey::random());
    let kick = InstantMessage { from: InstantMessage::GRID, to: ADA, dialog: 250, ..Default::default() };
    for (key, from, call, reason) in [
        (&stranger, one, query(), "forged"),
        (&two.one.key, other, query(), "forged"),
        (&two.one.key, RegionId(Uuid::from_u128(77)), query(), "unknown_source"),
        (&two.one.key, one, create(Some(RegionId(Uuid::from_u128(78)))), "wrong_source"),
        // Regions end no sessions by messages.
        (&two.one.key, one, PeerCall::InstantMessage(Box::new(kick)), "wrong_source"),
        // The grid's key is asked for where no grid is.
        (&two.one.key, RegionId::NULL, query(), "no_key"),
    ] {
        let turned_away = two.say(key, from, call).await.unwrap_err();
        assert!(matches!(&turned_away, PeerError::Garbage(why) if why.contains("403")), "{turned_away:?}");
        let text = two.other.client().await.get("/metrics").await.body;
        let line = format!("sojourn_peer_calls_denied_total{{reason=\"{reason}\"}}");
        assert!(String::from_utf8(text).unwrap().contains(&line), "{line}");
    }
    two.stop().await;
}

#[tokio::test]
async fn a_proof_is_for_one_request_at_one_time() {
    let two = Two::start().await;
    let request = simulation::request(&query(), &two.other.here, true);
    let authority = two.other.address.to_string();
    let signed =
        Signed { method: request.method, authority: &authority, path: &request.path, body: &request.body };
    let source = Source::Region(two.one.here.id);
    let headers = |proof: &Proof| -> String {
        proof.headers().iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    };
    let good = headers(&two.one.key.prove(source, &signed));
    assert_eq!(two.raw(&request, &good).await.0, 200);
    assert_eq!(two.raw(&request, &good).await.0, 403);
    two.assert_counted("sojourn_peer_calls_denied_total{reason=\"replayed\"} 1").await;

    let old = two.one.key.prove_at(source, unix_now_ms() - 61_000, &signed);
    assert_eq!(two.raw(&request, &headers(&old)).await.0, 403);
    two.assert_counted("sojourn_peer_calls_denied_total{reason=\"stale\"} 1").await;

    let fresh = headers(&two.one.key.prove(source, &signed));
    let mut changed = request.clone();
    changed.body.push(b' ');
    assert_eq!(two.raw(&changed, &fresh).await.0, 403);
    let elsewhere = Signed { authority: "127.0.0.1:9", ..signed };
    let elsewhere = headers(&two.one.key.prove(source, &elsewhere));
    assert_eq!(two.raw(&request, &elsewhere).await.0, 403);
    two.assert_counted("sojourn_peer_calls_denied_total{reason=\"forged\"} 2").await;

    let half: String = good.lines().take(2).map(|line| format!("{line}\r\n")).collect();
    assert_eq!(two.raw(&request, &half).await.0, 403);
    two.assert_counted("sojourn_peer_calls_denied_total{reason=\"malformed\"} 1").await;
    two.stop().await;
}

#[tokio::test]
async fn other_simulators_are_taken_as_far_as_the_grid_vouches() {
    let two = Two::start().await;
    assert_eq!(two.say_plainly(&query()).await.0, 200);
    // No such session.
    assert_eq!(two.say_plainly(&create(None)).await.0, 403);
    two.assert_counted("sojourn_peer_calls_denied_total{reason=\"unknown_session\"} 1").await;
    two.log_in(ADA, RegionId::NULL);
    let (status, body) = two.say_plainly(&create(None)).await;
    assert!(status == 200 && body.contains("\"success\":true"), "{status} {body}");
    two.stop().await;
}

/// A region of somebody else's, at some host.
fn foreign(n: u128, host: &str) -> RegionInfo {
    RegionInfo {
        id: RegionId(Uuid::from_u128(n)),
        name: format!("Foreign {n}"),
        handle: RegionHandle::from_metres(256 * n as u32, 256),
        external_host: host.into(),
        server_uri: format!("http://{host}:9000/"),
        ..RegionInfo::default()
    }
}

fn update(source: RegionId, baggage: Arc<Baggage>) -> PeerCall {
    PeerCall::UpdateAgent(Box::new(AgentData {
        agent: ADA,
        session: session_of(ADA),
        transfer: None,
        source,
        version: Version::V0_2,
        position: Vec3::new(1.0, 2.0, 30.0),
        velocity: Vec3::ZERO,
        rotation: model::Quat::IDENTITY,
        look_at: Vec3::X,
        flying: false,
        always_run: false,
        control_flags: 0,
        draw_distance_m: 128.0,
        throttles: None,
        outfit: Arc::default(),
        animations: Vec::new(),
        baggage,
        children: Vec::new(),
        crossing: false,
        wait_for_root: true,
        release: None,
    }))
}

#[tokio::test]
async fn what_is_large_is_read_for_those_alone_who_have_regions() {
    let alone = Running::start(1).await;
    let (near, far) = (foreign(0x5001, "127.0.0.1"), foreign(0x5002, "192.0.2.1"));
    alone.grid.regions.lock().unwrap().extend([near.clone(), far.clone()]);
    let object = Attachment { object: "x".repeat(1 << 20).into(), ..Attachment::default() };
    let baggage = Baggage { attachments: vec![Arc::new(object)], ..Baggage::default() };
    let large = simulation::request(&update(near.id, Arc::new(baggage)), &alone.here, false);
    assert!(large.body.len() < 64 << 10, "it is small as long as it is packed");
    let say = async |headers: &str, body: &[u8]| {
        let headers = format!("Content-Type: {}\r\n{headers}", large.content_type.unwrap());
        alone.client().await.request(large.method, &large.path, &headers, body).await.status
    };
    let presence = |region| Presence {
        agent: ADA,
        session: session_of(ADA),
        secure_session: SecureSessionId::default(),
        region,
        renewed: 0,
    };
    for (regions, status) in [(&[][..], 403), (&[far.id], 403), (&[near.id], 200)] {
        *alone.grid.presences.lock().unwrap() = regions.iter().copied().map(presence).collect();
        assert_eq!(say("", &large.body).await, status, "{regions:?}");
    }
    let text = String::from_utf8(alone.client().await.get("/metrics").await.body).unwrap();
    let unread = "sojourn_peer_calls_in_total{call=\"unread\",outcome=\"denied\"} 2";
    assert!(text.lines().any(|line| line == unread), "{text}");
    // Who sends it is seen to before what it is: this is no proof, and that no body.
    assert_eq!(say("X-Sojourn-Source: grid\r\n", b"rubbish").await, 403);
    assert_eq!(say("", b"rubbish").await, 400);
    alone.stop().await;
}

#[tokio::test]
async fn a_region_that_sends_an_agent_is_where_the_grid_says() {
    let two = Two::start().await;
    let (near, far) = (foreign(0x5001, "127.0.0.1"), foreign(0x5002, "192.0.2.1"));
    two.grid.regions.lock().unwrap().extend([near.clone(), far.clone()]);
    two.log_in(ADA, near.id);
    let update = |source| update(source, Arc::default());
    let view = |root| {
        PeerCall::ChildView(ChildView {
            agent: ADA,
            session: session_of(ADA),
            root,
            position: Vec3::ONE,
            camera: Vec3::ONE,
            velocity: Vec3::ZERO,
            draw_distance_m: 64.0,
            throttles: None,
        })
    };
    let hello = |region: &RegionInfo| {
        PeerCall::Hello(Hello {
            id: region.id,
            name: region.name.clone(),
            handle: region.handle,
            host: region.external_host.clone(),
            server_uri: region.server_uri.clone(),
            ..Hello::default()
        })
    };
    let nobody = RegionId(Uuid::from_u128(0x5003));
    let moved = RegionInfo { handle: RegionHandle::from_metres(512, 512), ..near.clone() };
    for (call, status) in [
        (update(near.id), 200),
        (update(far.id), 403),
        (update(nobody), 403),
        (view(near.handle), 200),
        (view(far.handle), 403),
        (hello(&near), 200),
        (hello(&far), 403),
        (hello(&moved), 403),
    ] {
        assert_eq!(two.say_plainly(&call).await.0, status, "{call:?}");
    }
    for (source, status) in [
        (near.id, 200),
        (far.id, 403),
        // OpenSimulator 0.9.2 names the destination.
        (two.other.here.id, 200),
    ] {
        let create = simulation::Request {
            method: "POST",
            path: format!("/agent/{ADA}/"),
            content_type: Some("application/json"),
            body: format!(
                "{{\"agent_id\":\"{ADA}\",\"session_id\":\"{}\",\"circuit_code\":\"17\",\
                 \"destination_uuid\":\"{}\",\"source_uuid\":\"{source}\",\"source_x\":\"256\",\
                 \"source_y\":\"256\",\"start_pos\":\"<128, 128, 30>\",\"child\":true}}",
                session_of(ADA),
                two.other.here.id,
            )
            .into_bytes(),
        };
        assert_eq!(two.raw(&create, "").await.0, status, "{source}");
    }
    two.stop().await;
}

#[tokio::test]
async fn what_only_our_own_can_mean_takes_a_proof() {
    let two = Two::start().await;
    let (agent, session, source) = (ADA, session_of(ADA), two.one.here.id);
    two.log_in(ADA, source);
    let claim = Claim { holder: source, visit: 1 };
    let PeerCall::CreateAgent(plain) = create(Some(source)) else { unreachable!() };
    for call in [
        PeerCall::Withdraw { agent, session, source, transfer: TransferId(1) },
        PeerCall::EndSession { agent, session, reason: String::new() },
        PeerCall::CloseChild { agent, session, claim: Some(claim) },
        PeerCall::CreateAgent(Box::new(CreateAgent { transfer: Some(TransferId(1)), ..*plain.clone() })),
        PeerCall::CreateAgent(Box::new(CreateAgent { claim: Some(claim), ..*plain })),
    ] {
        let request = simulation::request(&call, &two.other.here, true);
        assert_eq!(two.raw(&request, "").await.0, 403, "{call:?}");
    }
    two.assert_counted("sojourn_peer_calls_denied_total{reason=\"needs_proof\"} 5").await;
    // What the published protocol can say needs none.
    let close = PeerCall::CloseChild { agent, session, claim: None };
    assert_eq!(two.say_plainly(&close).await.0, 200);
    two.stop().await;
}

#[tokio::test]
async fn word_of_people_comes_from_where_they_are() {
    let two = Two::start().await;
    let (near, far) = (foreign(0x5001, "127.0.0.1"), foreign(0x5002, "192.0.2.1"));
    two.grid.regions.lock().unwrap().extend([near.clone(), far.clone()]);
    two.log_in(ALAN, far.id);
    let status = |friend| PeerCall::FriendStatus { friend, to: ADA, online: true };
    let message = |region: RegionId| {
        PeerCall::InstantMessage(Box::new(InstantMessage {
            from: ALAN,
            to: ADA,
            text: "hello".into(),
            region: region.0,
            ..InstantMessage::default()
        }))
    };
    // The test's grid is at a loopback address, as every caller here is; so ask where there is none.
    let alone = Running::start(1).await;
    let say = async |call: PeerCall| {
        let request = simulation::request(&call, &two.other.here, false);
        let kind = format!("Content-Type: {}\r\n", request.content_type.unwrap());
        let mut client = alone.client().await;
        client.request(request.method, &request.path, &kind, &request.body).await.status
    };
    alone.grid.regions.lock().unwrap().extend([near.clone(), far.clone()]);
    alone.grid.presences.lock().unwrap().extend(two.grid.presences.lock().unwrap().iter());
    assert_eq!(say(status(ALAN)).await, 403);
    assert_eq!(say(status(ADA)).await, 403);
    assert_eq!(say(message(far.id)).await, 403);
    // Who has gone has gone from nowhere; but only friends are told, and only what is so.
    let gone = |friend| PeerCall::FriendStatus { friend, to: ADA, online: false };
    let cleo = AgentId(Uuid::from_u128(0xC1E0));
    let see = services::FriendRights::SEE_ONLINE;
    assert_eq!(say(gone(cleo)).await, 403);
    let bonds = [((ADA, cleo), see), ((cleo, ADA), see), ((ADA, ALAN), see), ((ALAN, ADA), see)];
    alone.grid.bonds.lock().unwrap().extend(bonds);
    assert_eq!(say(gone(cleo)).await, 200);
    assert_eq!(say(status(cleo)).await, 403);
    assert_eq!(say(gone(ALAN)).await, 403);
    assert_eq!(say(message(near.id)).await, 200);
    // From now on this host is known to have regions.
    assert_eq!(say(status(ALAN)).await, 200);
    assert_eq!(two.say_plainly(&status(ALAN)).await.0, 200);
    alone.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_login_service_of_another_process_puts_agents_in_and_ends_sessions() {
    let grid = grid();
    let key = Arc::new(ProcessKey::random());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let metrics = Arc::new(Metrics::new());
    let length = async |request: axum::extract::Request| {
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
        body.len().to_string()
    };
    let side = PlainSide {
        router: axum::Router::new().route("/assets/", axum::routing::post(length)),
        metrics: metrics.clone(),
        trace: Arc::default(),
        proxies: Proxies::default(),
        private: Some(PrivateSide { key: key.clone(), operators: Vec::new() }),
        pulse: Arc::new(Well),
    };
    let served = tokio::spawn(side.serve(listener, stopped));
    let running = simulator(&grid, 1, &url).await;
    let destination = RemoteDestination::new(key, metrics);

    let prepared = destination.create_agent(&running.here, agent_of(ADA)).await.unwrap();
    assert_eq!((prepared.sim_ip, prepared.sim_port), (Ipv4Addr::LOCALHOST, running.here.udp_port));
    let seed = prepared.seed_capability.strip_prefix(&*running.here.server_uri).unwrap().to_owned();
    let seed = format!("/{seed}");
    let mut client = running.client().await;
    let wanted: Value = ["EventQueueGet"].into_iter().collect();
    client.post(&seed, &wanted).await.llsd();
    destination.end_session(&running.here, ADA, session_of(ADA), "test").await;
    assert_eq!(client.post(&seed, &wanted).await.status, 404);
    let gone = RegionInfo { id: RegionId(Uuid::from_u128(5)), ..running.here.clone() };
    let refused = destination.create_agent(&gone, agent_of(ADA)).await.unwrap_err();
    assert!(!refused.reason.is_empty());

    let mut operator = Client::connect(url["http://".len()..url.len() - 1].parse().unwrap()).await;
    assert_eq!(operator.get("/healthz").await.status, 200);
    let text = String::from_utf8(operator.get("/metrics").await.body).unwrap();
    assert!(text.contains("sojourn_peer_calls_total{call=\"CreateAgent\",outcome=\"ok\"} 1"), "{text}");
    assert_eq!(
        operator.request("GET", "/metrics", "X-Forwarded-For: 203.0.113.1\r\n", b"").await.status,
        403
    );
    assert_eq!(operator.get("/nothing").await.status, 404);
    // An asset of a simulator of others may be longer than anything else.
    let long = vec![b' '; 17 << 20];
    assert_eq!(
        operator.request("POST", "/assets/", "", &long).await.body,
        (17 << 20).to_string().into_bytes()
    );
    running.stop().await;
    stop.send(true).unwrap();
    served.await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_or_makes_no_sense_is_said_so() {
    let two = Two::start().await;
    let closed = RegionInfo { server_uri: "http://127.0.0.1:9/".into(), ..two.other.here.clone() };
    let gone = RegionInfo { id: RegionId(Uuid::from_u128(5)), ..two.other.here.clone() };
    let no_url = RegionInfo { server_uri: "https://127.0.0.1/".into(), ..two.other.here.clone() };
    let peers = RemotePeers::new(two.one.key.clone(), Arc::default());
    for to in [closed, gone, no_url] {
        let result = peers.begin(two.one.here.id, &Arc::new(to), query(), true).await;
        assert!(matches!(&result, Err(PeerError::Unreachable(why)) if !why.is_empty()), "{result:?}");
    }
    let mut client = two.other.client().await;
    let path = format!("/agent/{ADA}/");
    for (method, path, body, status) in [
        ("POST", path.as_str(), &b"{"[..], 400),
        ("PUT", &path, b"", 400),
        ("GET", &path, b"", 405),
        ("POST", "/agent/rubbish/", b"{}", 404),
        ("PUT", "/friends", b"", 404),
        // A large agent may come in, a large anything else may not.
        ("PUT", &path, &[b' '; 2 << 20], 400),
    ] {
        let answer = client.request(method, path, "Content-Type: application/json\r\n", body).await;
        assert_eq!(answer.status, status, "{method} {path}");
    }
    let large = two.other.client().await.request("POST", "/friends", "", &[b'x'; 2 << 20]).await;
    assert_eq!(large.status, 413);
    two.stop().await;
}

#[tokio::test]
async fn the_key_is_public_and_the_history_is_not() {
    let running = Running::start(1).await;
    let mut client = running.client().await;
    let key = client.get("/sojourn/key").await;
    assert!(crate::peering::proof::read_key(&key.body).is_some());
    let history = client.get("/transfers").await;
    let history: serde_json::Value = serde_json::from_slice(&history.body).unwrap();
    assert_eq!((&history["last"], &history["transfers"]), (&0.into(), &serde_json::json!([])));
    assert_eq!(client.get("/transfers?after=x").await.status, 400);
    // A number of a process before this one is no reason to wait.
    assert_eq!(client.get("/transfers?after=7").await.status, 200);
    for path in ["/transfers", "/metrics"] {
        let proxied = client.request("GET", path, "Forwarded: for=203.0.113.1\r\n", b"").await;
        assert_eq!(proxied.status, 403, "{path}");
    }
    running.stop().await;
}
