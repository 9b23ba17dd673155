//! The map of regions and who is where, asked of a grid of ours.

use super::*;
use model::{SecureSessionId, SessionId};
use services::{Presence, RegionFlags, ServiceError};
use std::collections::BTreeMap;

fn names(regions: &[RegionInfo]) -> Vec<&str> {
    regions.iter().map(|region| region.name.as_str()).collect()
}

#[tokio::test]
async fn regions_are_entered_found_and_struck_out() {
    let (store, services) = our_grid().await;
    let grid = services.grid;
    let one = region(1, "One", 1000, 1000);
    let two = region(2, "Two", 1001, 1001);
    for region in [&one, &two, &one] {
        grid.register(region).await.unwrap();
    }
    let taken = grid.register(&region(3, "Three", 1000, 1000)).await;
    assert_eq!(taken, Err(ServiceError::Refused("Region overlaps another region".into())));

    let online = RegionInfo { flags: RegionFlags::ONLINE, ..one.clone() };
    assert_eq!(grid.by_id(one.id).await.unwrap(), Some(online.clone()));
    grid.forget(one.id);
    assert_eq!(grid.by_position(256_100, 256_100).await.unwrap(), Some(online.clone()));
    grid.forget(one.id);
    assert_eq!(grid.by_name("oNE").await.unwrap(), Some(online));
    assert_eq!(grid.by_name("Three").await.unwrap(), None);
    assert_eq!(names(&grid.search("t", 10).await.unwrap()), ["Two"]);
    assert_eq!(names(&grid.range(0, 0, u32::MAX, u32::MAX).await.unwrap()), ["One", "Two"]);
    assert_eq!(names(&grid.neighbours(one.id).await.unwrap()), ["Two"]);
    assert!(grid.range(0, 0, 1, 1).await.unwrap().is_empty());

    assert!(grid.deregister(one.id).await.unwrap());
    assert!(!grid.deregister(one.id).await.unwrap());
    assert_eq!(grid.by_id(one.id).await.unwrap(), None);
    assert_eq!(store.services().grid.by_id(one.id).await.unwrap(), None);
}

#[tokio::test]
async fn regions_are_listed_by_what_they_are_for() {
    let store = SqlStore::open(&Database::Memory, Arc::new(SystemClock), [7; 32], CHEAP).await.unwrap();
    let features = BTreeMap::from([("map-server-url".to_owned(), "http://127.0.0.1:8002/".to_owned())]);
    let ours = store.with_extra_features(features.clone()).services();
    let grid = services_of(private_router(ours.clone(), PrivateConfig::default())).await.grid;
    for (n, name, flags) in [
        (1, "Default", RegionFlags::DEFAULT_REGION),
        (2, "Visitors", RegionFlags::DEFAULT_HYPERGRID_REGION),
        (3, "Fallback", RegionFlags::FALLBACK_REGION),
        (4, "Link", RegionFlags::HYPERLINK),
    ] {
        let region = region(n, name, 1000 + n as u32, 1000);
        grid.register(&region).await.unwrap();
        ours.grid.set_flags(region.id, flags, RegionFlags::empty()).await.unwrap();
    }
    assert_eq!(names(&grid.default_regions().await.unwrap()), ["Default"]);
    assert_eq!(names(&grid.default_hypergrid_regions().await.unwrap()), ["Visitors", "Default"]);
    assert_eq!(names(&grid.hyperlinks().await.unwrap()), ["Link"]);
    assert_eq!(names(&grid.fallback_regions(0, 0).await.unwrap()), ["Fallback"]);
    assert_eq!(names(&grid.online_regions(0, 0, 2).await.unwrap()), ["Default", "Visitors"]);
    assert_eq!(grid.online_regions(0, 0, usize::MAX).await.unwrap().len(), 3);
    let expected = RegionFlags::ONLINE | RegionFlags::DEFAULT_REGION;
    assert_eq!(grid.flags(RegionId(id(1))).await.unwrap(), Some(expected));
    assert_eq!(grid.flags(RegionId(id(9))).await.unwrap(), None);
    assert_eq!(grid.extra_features().await.unwrap(), features);
    let set = grid.set_flags(RegionId(id(1)), RegionFlags::LOCKED_OUT, RegionFlags::empty()).await;
    assert!(matches!(set, Err(ServiceError::Refused(_))));
}

#[tokio::test]
async fn sessions_begin_move_and_end() {
    let (store, services) = our_grid().await;
    let presence = services.presence;
    let (session, secure, here) = (SessionId(id(5)), SecureSessionId(id(6)), RegionId(id(7)));
    presence.login(agent(1), session, secure).await.unwrap();
    let stored = store.services().presence.by_session(session).await.unwrap().unwrap();
    assert_eq!(stored.secure_session, secure);
    assert!(presence.report(session, here).await.unwrap());
    assert!(!presence.report(SessionId(id(8)), here).await.unwrap());
    let told = Presence {
        agent: agent(1),
        session,
        secure_session: SecureSessionId::NULL,
        region: here,
        renewed: 0,
    };
    assert_eq!(presence.by_session(session).await.unwrap(), Some(told));
    let nobody = [agent(2)];
    assert!(presence.by_agents(&nobody).await.unwrap().is_empty());
    assert!(presence.by_agents(&[]).await.unwrap().is_empty());
    let many: Vec<_> = (0..3000).map(agent).collect();
    let told = Presence { session: SessionId::NULL, ..told };
    assert_eq!(presence.by_agents(&many).await.unwrap(), [told]);
    assert_eq!(presence.logout_region(here).await.unwrap(), 0);
    assert_eq!(presence.by_session(session).await.unwrap(), None);
    presence.login(agent(1), session, secure).await.unwrap();
    assert!(presence.logout(session).await.unwrap());
    assert!(!presence.logout(session).await.unwrap());
}
