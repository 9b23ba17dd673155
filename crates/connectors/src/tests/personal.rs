//! Preferences, mute lists and tiles of the map.

use super::stub::{Stub, World};
use super::*;
use crate::{HttpAgentPrefs, HttpMapTiles, HttpMuteList};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use robust::map_tiles::read_file_name;
use services::{
    AgentPrefs, AgentPrefsService as _, Mailbox, MapTileService, Mute, MuteListService as _, OfflineMessage,
    ServiceError, mute_kind,
};

#[tokio::test]
async fn preferences_are_the_same_as_nearby() {
    let world = World::start().await;
    let (far, near) = (&world.far.agent_prefs, &world.near.agent_prefs);
    assert_eq!(far.get(agent(1)).await.unwrap(), None);
    assert_eq!(far.language(agent(1)).await.unwrap(), "en-us");
    let prefs = AgentPrefs {
        access: "A".into(),
        hover_height_m: -0.35,
        language: "de".into(),
        group: 0x8000_0000,
        ..AgentPrefs::of(agent(1))
    };
    far.set(&prefs).await.unwrap();
    assert_eq!(far.get(agent(1)).await.unwrap().as_ref(), Some(&prefs));
    assert_eq!(near.get(agent(1)).await.unwrap().as_ref(), Some(&prefs));
    assert_eq!(far.language(agent(1)).await.unwrap(), "de");
    let odd = AgentPrefs { language: "x".repeat(99), ..prefs };
    assert!(matches!(far.set(&odd).await, Err(ServiceError::Refused(_))));
}

#[tokio::test]
async fn mute_lists_are_the_same_as_nearby() {
    let world = World::start().await;
    let (far, near) = (&world.far.mutes, &world.near.mutes);
    assert!(far.list(agent(1)).await.unwrap().is_empty());
    let bell = Mute { id: id(0), name: "Bell | <b>".into(), kind: mute_kind::BY_NAME, flags: 0 };
    let ada = Mute { id: id(7), name: "Ada One".into(), kind: mute_kind::AGENT, flags: u32::MAX };
    for mute in [&ada, &bell] {
        far.update(agent(1), mute).await.unwrap();
    }
    assert_eq!(far.list(agent(1)).await.unwrap(), [bell.clone(), ada.clone()]);
    assert_eq!(near.list(agent(1)).await.unwrap(), [bell.clone(), ada]);
    for there in [true, false] {
        assert_eq!(far.delete(agent(1), bell.id, &bell.name).await.unwrap(), there);
    }
    assert_eq!(near.list(agent(1)).await.unwrap().len(), 1);
    let odd = Mute { name: "x".repeat(300), ..bell };
    assert!(matches!(far.update(agent(1), &odd).await, Err(ServiceError::Refused(_))));
}

async fn tile(
    State(tiles): State<Arc<dyn MapTileService>>,
    Path(file): Path<String>,
) -> (StatusCode, Vec<u8>) {
    let (zoom, cell) = read_file_name(&file).unwrap();
    assert_eq!(zoom, 1);
    match tiles.get(cell).await.unwrap() {
        Some(jpeg) => (StatusCode::OK, jpeg.to_vec()),
        None => (StatusCode::NOT_FOUND, Vec::new()),
    }
}

#[tokio::test]
async fn tiles_of_the_map_are_handed_in_and_got_where_everybody_gets_them() {
    let (store, services) = our_grid().await;
    let near = store.services().map_tiles;
    let public = Router::new().route("/{file}", get(tile)).with_state(near.clone());
    let private = Stub::serve(private_router(store.services(), PrivateConfig::default())).await;
    let far = HttpMapTiles::new(private.client(), Stub::serve(public).await.client());
    let cell = GridCell { x: 1000, y: 1001 };
    let jpeg: Arc<[u8]> = Arc::from(&b"\xFF\xD8\xFF\xE0\0\x10JFIF"[..]);
    assert_eq!(far.get(cell).await.unwrap(), None);
    far.put(cell, jpeg.clone()).await.unwrap();
    assert_eq!(near.get(cell).await.unwrap().as_ref(), Some(&jpeg));
    assert_eq!(far.get(cell).await.unwrap(), Some(jpeg));
    assert!(matches!(
        far.put(cell, Arc::from(&b"<html>...</html>"[..])).await,
        Err(ServiceError::Refused(_))
    ));
    assert!(far.remove(cell).await.unwrap());
    assert_eq!(near.get(cell).await.unwrap(), None);
    // The private port alone has no pictures for everybody.
    assert_eq!(services.map_tiles.get(cell).await.unwrap(), None);
}

/// What a ROBUST answers, by its published words.
#[tokio::test]
async fn what_a_robust_says_of_nothing_and_of_failure_is_understood() {
    let empty = Stub::start(|_, _| (200, b"<?xml version=\"1.0\"?><ServerResponse />".to_vec())).await;
    assert_eq!(HttpAgentPrefs::new(empty.client()).get(agent(1)).await.unwrap(), None);
    let nothing =
        Stub::start(|_, _| (200, b"<ServerResponse><result></result></ServerResponse>".to_vec())).await;
    assert!(HttpMuteList::new(nothing.client()).list(agent(1)).await.unwrap().is_empty());
    let same =
        Stub::start(|_, _| (200, b"<ServerResponse><result>AQ==</result></ServerResponse>".to_vec())).await;
    let answer = HttpMuteList::new(same.client()).list(agent(1)).await;
    assert!(matches!(answer, Err(ServiceError::Unavailable(_))));
    let failure = "<?xml version=\"1.0\"?>\n<ServerResponse>\n  <result>Failure</result>\n</ServerResponse>";
    let failure = Stub::start(move |_, _| (200, failure.as_bytes().to_vec())).await;
    let prefs = HttpAgentPrefs::new(failure.client());
    assert!(matches!(prefs.get(agent(1)).await, Err(ServiceError::Refused(_))));
    assert!(matches!(prefs.set(&AgentPrefs::of(agent(1))).await, Err(ServiceError::Refused(_))));
    let mutes = HttpMuteList::new(failure.client());
    assert!(matches!(mutes.list(agent(1)).await, Err(ServiceError::Refused(_))));
    assert!(!mutes.delete(agent(1), id(1), "x").await.unwrap());
    let wrong = "<?xml version =\"1.0\"?><ServerResponse><Result>Failure</Result><Message>Bad request.</Message>\
                 </ServerResponse>";
    let wrong = Stub::start(move |_, _| (200, wrong.as_bytes().to_vec())).await;
    let tiles = HttpMapTiles::new(wrong.client(), wrong.client());
    let refused = tiles.put(GridCell::default(), Arc::from(&b"x"[..])).await;
    assert_eq!(refused, Err(ServiceError::Refused("Bad request.".into())));
}

#[tokio::test]
async fn messages_wait_as_they_do_nearby_and_where_no_grid_keeps_them_that_is_said() {
    let message = message();
    let world = World::start().await;
    let new = services::NewAccount { first: "Bob".into(), last: "One".into(), ..Default::default() };
    let bob = world.near.accounts.create(new).await.unwrap().id;
    let (far, near) = (&world.far.offline_messages, &world.near.offline_messages);
    far.keep(bob, &message).await.unwrap();
    let waiting = far.waiting(bob).await.unwrap();
    assert_eq!(waiting.messages, std::slice::from_ref(&message));
    assert_eq!(near.waiting(bob).await.unwrap(), waiting);
    far.heard(bob, waiting.mark).await.unwrap();
    assert_eq!(far.waiting(bob).await.unwrap(), Mailbox::default());
    assert!(matches!(far.keep(agent(404), &message).await, Err(ServiceError::Refused(_))));
    let old = &services_of(Router::new()).await.offline_messages;
    assert!(matches!(old.keep(bob, &message).await, Err(ServiceError::Refused(_))));
    assert_eq!(old.waiting(bob).await.unwrap(), Mailbox::default());
    old.heard(bob, 1).await.unwrap();
}

/// Something said to somebody who was not online.
pub(super) fn message() -> OfflineMessage {
    OfflineMessage {
        from: agent(9),
        from_name: "Ada One".into(),
        dialog: 0,
        text: "a & b\u{1}".into(),
        conversation: id(5),
        region: id(6),
        position: model::Vec3::new(1.5, 2.0, 3.0),
        estate: 1,
        sent_s: 12,
        bucket: vec![0],
    }
}
