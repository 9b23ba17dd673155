use super::*;
use model::{AgentId, GridCell, RegionId, RegionSize, SecureSessionId, SessionId};
use services::{
    AuthService, GridService, PresenceService, RegionFlags, RegionInfo, ServiceError, ViewerPassword,
};

fn region(n: u128, name: &str, x: u32, y: u32) -> RegionInfo {
    RegionInfo {
        id: RegionId(id(n)),
        name: name.into(),
        handle: GridCell { x, y }.handle(),
        external_host: "127.0.0.1".into(),
        http_port: 9000,
        udp_port: 9001,
        server_uri: "http://127.0.0.1:9000/".into(),
        owner: agent(3),
        access: 21,
        ..RegionInfo::default()
    }
}

fn names(regions: &[RegionInfo]) -> Vec<&str> {
    regions.iter().map(|region| region.name.as_str()).collect()
}

#[tokio::test]
async fn a_region_is_found_by_what_it_is_known_by() {
    let store = store().await;
    let one = region(1, "Test One", 1000, 1000);
    let large = RegionInfo { size: RegionSize { x: 512, y: 768 }, ..region(2, "Large", 1001, 1000) };
    for region in [&one, &large, &one] {
        store.register(region).await.unwrap();
    }
    let online = |region: &RegionInfo| Some(RegionInfo { flags: RegionFlags::ONLINE, ..region.clone() });
    assert_eq!(GridService::by_id(&store, one.id).await.unwrap(), online(&one));
    assert_eq!(GridService::by_name(&store, "tEST oNE").await.unwrap(), online(&one));
    assert_eq!(GridService::by_name(&store, "Test").await.unwrap(), None);
    for (x, y, there) in [
        (256_000, 256_000, online(&one)),
        (256_255, 256_255, online(&one)),
        (256_256, 256_000, online(&large)),
        (256_767, 256_767, online(&large)),
        (256_768, 256_000, None),
        (256_000, 256_256, None),
        (255_999, 256_000, None),
        (0, 0, None),
        (u32::MAX, u32::MAX, None),
    ] {
        assert_eq!(store.by_position(x, y).await.unwrap(), there, "{x} {y}");
    }
}

#[tokio::test]
async fn the_best_name_comes_first() {
    let store = store().await;
    for (n, name) in (1..).zip(["New Sea", "Sea", "Seaside", "100%", "Sea of Calm", "Land"]) {
        store.register(&region(n, name, 1000 + n as u32, 1000)).await.unwrap();
    }
    assert_eq!(
        names(&GridService::search(&store, "SEA", 10).await.unwrap()),
        ["Sea", "Sea of Calm", "Seaside", "New Sea"]
    );
    assert_eq!(names(&GridService::search(&store, "sea", 2).await.unwrap()), ["Sea", "Sea of Calm"]);
    assert_eq!(names(&GridService::search(&store, "%", 9).await.unwrap()), ["100%"]);
}

#[tokio::test]
async fn ranges_and_neighbours_touch() {
    let store = store().await;
    let large = RegionInfo { size: RegionSize { x: 512, y: 512 }, ..region(1, "Large", 1000, 1000) };
    store.register(&large).await.unwrap();
    for (n, name, x, y) in [
        (2, "East", 1002, 1001),
        (3, "Corner", 1002, 1002),
        (4, "South West", 999, 999),
        (5, "Apart", 1003, 1000),
        (6, "North", 1001, 1002),
    ] {
        store.register(&region(n, name, x, y)).await.unwrap();
    }
    let around = store.neighbours(large.id).await.unwrap();
    assert_eq!(names(&around), ["South West", "East", "North", "Corner"]);
    assert!(store.neighbours(RegionId(id(99))).await.unwrap().is_empty());
    let range = async |cells: [u32; 4]| {
        let [x, y, to_x, to_y] = cells.map(|cell| cell * 256);
        store.range(x, y, to_x, to_y).await.unwrap()
    };
    assert_eq!(names(&range([1001, 1001, 1001, 1001]).await), ["Large"]);
    assert_eq!(names(&range([1002, 1000, 1003, 1001]).await), ["Apart", "East"]);
    assert_eq!(store.range(0, 0, u32::MAX, u32::MAX).await.unwrap().len(), 6);
    assert!(store.range(9, 9, 0, 0).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_place_and_a_name_are_given_once() {
    let store = store().await;
    let one = region(1, "One", 1000, 1000);
    store.register(&one).await.unwrap();
    let refused = async |region: RegionInfo| match store.register(&region).await {
        Err(ServiceError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    let overlapping = RegionInfo { size: RegionSize { x: 512, y: 512 }, ..region(2, "Two", 999, 999) };
    assert_eq!(refused(overlapping).await, "Region overlaps another region");
    assert_eq!(refused(region(2, "ONE", 1001, 1000)).await, "Duplicate region name");
    let moved = region(1, "One", 2000, 1000);
    store.register(&moved).await.unwrap();
    assert_eq!(store.by_position(256_000, 256_000).await.unwrap(), None);
    store.set_flags(one.id, RegionFlags::NO_MOVE, RegionFlags::empty()).await.unwrap();
    assert_eq!(refused(one.clone()).await, "Can't move this region");
    store.set_flags(one.id, RegionFlags::LOCKED_OUT, RegionFlags::NO_MOVE).await.unwrap();
    assert_eq!(refused(one).await, "Region locked out");
    store.set_flags(moved.id, RegionFlags::RESERVATION, RegionFlags::LOCKED_OUT).await.unwrap();
    assert_eq!(refused(region(2, "Two", 2000, 1000)).await, "Bad authentication");
    let nobodys = RegionInfo { owner: AgentId::NULL, ..region(3, "Nobody's", 3000, 1000) };
    store.register(&nobodys).await.unwrap();
    store.set_flags(nobodys.id, RegionFlags::RESERVATION, RegionFlags::empty()).await.unwrap();
    assert_eq!(refused(region(2, "Two", 3000, 1000)).await, "Region location is reserved");
}

#[tokio::test]
async fn a_place_is_held_for_who_proves_to_be_its_owner() {
    let store = store().await;
    let owner = account(&store, "Ada", "One").await;
    let secret = ViewerPassword::from_plain("secret");
    store.set_password(owner, std::slice::from_ref(&secret)).await.unwrap();
    let held = RegionInfo { owner, ..region(1, "Held", 1000, 1000) };
    store.register(&held).await.unwrap();
    store.set_flags(held.id, RegionFlags::RESERVATION, RegionFlags::ONLINE).await.unwrap();
    let token = store.authenticate(owner, &secret, 30).await.unwrap().unwrap();
    let ours = RegionInfo { owner, token: token.to_string(), ..region(2, "Ours", 1000, 1000) };
    let refused = Err(ServiceError::Refused("Bad authentication".into()));
    assert_eq!(store.register(&RegionInfo { token: String::new(), ..ours.clone() }).await, refused);
    assert_eq!(store.register(&ours).await, Ok(()));
    assert_eq!(GridService::by_id(&store, held.id).await.unwrap(), None);

    store.set_flags(ours.id, RegionFlags::AUTHENTICATE, RegionFlags::empty()).await.unwrap();
    assert_eq!(store.register(&ours).await, Ok(()));
    assert!(store.release_token(owner, token).await.unwrap());
    assert_eq!(store.register(&ours).await, refused);
}

#[tokio::test]
async fn regions_are_listed_by_what_they_are_for() {
    let store = store().await;
    for (n, name, flags) in [
        (1, "Default", RegionFlags::DEFAULT_REGION),
        (2, "Both", RegionFlags::DEFAULT_REGION | RegionFlags::DEFAULT_HYPERGRID_REGION),
        (3, "Visitors", RegionFlags::DEFAULT_HYPERGRID_REGION),
        (4, "Link", RegionFlags::HYPERLINK),
    ] {
        let region = region(n, name, 1000 + n as u32, 1000);
        store.register(&region).await.unwrap();
        store.set_flags(region.id, flags, RegionFlags::empty()).await.unwrap();
    }
    assert_eq!(names(&store.default_regions().await.unwrap()), ["Both", "Default"]);
    assert_eq!(names(&store.default_hypergrid_regions().await.unwrap()), ["Both", "Visitors", "Default"]);
    assert_eq!(names(&store.hyperlinks().await.unwrap()), ["Link"]);
}

#[tokio::test]
async fn what_cannot_be_a_region_is_none() {
    let store = store().await;
    let odd_size = |x, y| RegionInfo { size: RegionSize { x, y }, ..region(1, "One", 1000, 1000) };
    for odd in [
        region(0, "One", 1000, 1000),
        region(1, " ", 1000, 1000),
        region(1, &"x".repeat(64), 1000, 1000),
        odd_size(256, 0),
        odd_size(300, 256),
        odd_size(1 << 20, 256),
        RegionInfo { handle: model::RegionHandle::from_metres(1, 256), ..region(1, "One", 1000, 1000) },
        region(1, "One", u32::MAX / 256, 1000),
    ] {
        assert!(matches!(store.register(&odd).await, Err(ServiceError::Invalid(_))), "{odd:?}");
    }
}

#[tokio::test]
async fn a_simulators_address_says_where_it_is_and_not_what_to_ask_there() {
    let store = store().await;
    let at = |external_host: &str, server_uri: &str| RegionInfo {
        external_host: external_host.into(),
        server_uri: server_uri.into(),
        ..region(1, "Test One", 1000, 1000)
    };
    for (host, uri) in [
        ("a", "http://a:9000/secret"),
        ("a", "http://a:9000/?x="),
        ("a", "http://a:9000/#"),
        ("a", "http://name:word@a:9000/"),
        ("a", "http://a\\b/"),
        ("a", "http://a b/"),
        ("a", "http:///"),
        ("a", "file:///etc/passwd"),
        ("a", "gopher://a:70/"),
        ("a", "a:9000"),
        ("a/b", "http://a:9000/"),
        ("a\r\nb", "http://a:9000/"),
    ] {
        let refused = store.register(&at(host, uri)).await;
        assert!(matches!(refused, Err(ServiceError::Invalid(_))), "{host} {uri}");
    }
    for (host, uri) in [
        ("sim.example.org", "http://sim.example.org:9000/"),
        ("sim.example.org", "http://sim.example.org:9000"),
        ("::1", "http://[::1]:9000/"),
        ("räume.example.org", "https://räume.example.org/"),
        ("127.0.0.1", ""),
    ] {
        store.register(&at(host, uri)).await.unwrap();
    }
}

#[tokio::test]
async fn operators_say_where_logins_go() {
    let store = store().await;
    for (n, name, x) in [(1, "Plaza", 1000), (2, "Annex", 1010), (3, "Field", 1003), (4, "Gone", 1001)] {
        store.register(&region(n, name, x, 1000)).await.unwrap();
    }
    let set = async |n, flags| store.set_flags(RegionId(id(n)), flags, RegionFlags::empty()).await.unwrap();
    assert!(!set(9, RegionFlags::DEFAULT_REGION).await);
    for n in [1, 2] {
        set(n, RegionFlags::DEFAULT_REGION).await;
    }
    for n in [2, 3, 4] {
        set(n, RegionFlags::FALLBACK_REGION | RegionFlags::PERSISTENT).await;
    }
    store.deregister(RegionId(id(4))).await.unwrap();
    assert_eq!(names(&store.default_regions().await.unwrap()), ["Annex", "Plaza"]);
    assert_eq!(names(&store.fallback_regions(1000 * 256, 1000 * 256).await.unwrap()), ["Field", "Annex"]);
    assert_eq!(names(&store.online_regions(1009 * 256, 1000 * 256, 2).await.unwrap()), ["Annex", "Field"]);
    assert_eq!(store.online_regions(u32::MAX, 0, 9).await.unwrap().len(), 3);
    let gone = store.flags(RegionId(id(4))).await.unwrap().unwrap();
    assert_eq!(gone, RegionFlags::FALLBACK_REGION | RegionFlags::PERSISTENT);
    store.register(&region(1, "Plaza", 1000, 1000)).await.unwrap();
    let again = store.flags(RegionId(id(1))).await.unwrap().unwrap();
    assert_eq!(again, RegionFlags::DEFAULT_REGION | RegionFlags::ONLINE, "flags outlive a restart");
    assert!(store.deregister(RegionId(id(1))).await.unwrap());
    assert!(!store.deregister(RegionId(id(1))).await.unwrap());
    assert_eq!(store.flags(RegionId(id(1))).await.unwrap(), None);
}

#[tokio::test]
async fn a_grid_that_starts_forgets_the_living() {
    let store = store().await;
    for n in [1, 2] {
        store.register(&region(n, &format!("Region {n}"), 1000 + n as u32, 1000)).await.unwrap();
    }
    let flagged = RegionId(id(2));
    store.set_flags(flagged, RegionFlags::DEFAULT_REGION, RegionFlags::empty()).await.unwrap();
    PresenceService::login(&store, agent(1), SessionId(id(1)), SecureSessionId(id(1))).await.unwrap();
    store.forget_the_living().await.unwrap();
    assert_eq!(store.by_session(SessionId(id(1))).await.unwrap(), None);
    assert_eq!(store.flags(RegionId(id(1))).await.unwrap(), None);
    assert_eq!(store.flags(flagged).await.unwrap(), Some(RegionFlags::DEFAULT_REGION));
    // Nobody stands up for it, so it gives way.
    store.register(&region(3, "Region 2", 1003, 1000)).await.unwrap();
    store.register(&region(4, "Region 4", 1002, 1000)).await.unwrap();
    assert_eq!(store.flags(flagged).await.unwrap(), None);
}
