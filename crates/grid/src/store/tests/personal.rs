use super::*;
use model::GridCell;
use services::{
    AgentPrefs, AgentPrefsService, MapTileService, Mute, MuteListService, OfflineMessage,
    OfflineMessageService, ServiceError, mute_kind,
};

#[tokio::test]
async fn preferences_are_those_that_were_set_last() {
    let store = store().await;
    assert_eq!(AgentPrefsService::get(&store, agent(1)).await.unwrap(), None);
    assert_eq!(store.language(agent(1)).await.unwrap(), "en-us");
    let mut prefs = AgentPrefs {
        access: "PG".into(),
        hover_height_m: -0.35,
        language: "de".into(),
        everyone: 0x7FFF_FFFF,
        ..AgentPrefs::of(agent(1))
    };
    AgentPrefsService::set(&store, &prefs).await.unwrap();
    assert_eq!(AgentPrefsService::get(&store, agent(1)).await.unwrap().as_ref(), Some(&prefs));
    assert_eq!(store.language(agent(1)).await.unwrap(), "de");
    prefs.language_is_public = false;
    AgentPrefsService::set(&store, &prefs).await.unwrap();
    assert_eq!(AgentPrefsService::get(&store, agent(1)).await.unwrap().as_ref(), Some(&prefs));
    assert_eq!(store.language(agent(1)).await.unwrap(), "en-us");
    assert_eq!(AgentPrefsService::get(&store, agent(2)).await.unwrap(), None);
    let nobodys = [
        AgentPrefs::of(AgentId::NULL),
        AgentPrefs { hover_height_m: f32::NAN, ..prefs.clone() },
        AgentPrefs { access: "Anything".into(), ..prefs.clone() },
        AgentPrefs { language: "x".repeat(17), ..prefs },
    ];
    for prefs in nobodys {
        assert!(matches!(AgentPrefsService::set(&store, &prefs).await, Err(ServiceError::Invalid(_))));
    }
}

fn mute(n: u128, name: &str) -> Mute {
    Mute { id: id(n), name: name.into(), kind: mute_kind::OBJECT, flags: 0 }
}

#[tokio::test]
async fn an_entry_of_the_mute_list_is_an_id_and_a_name() {
    let store = store().await;
    let kept = [mute(0, "Bell"), mute(0, "Drum"), mute(7, "Bell")];
    for mute in kept.iter().rev() {
        store.update(agent(1), mute).await.unwrap();
    }
    store.update(agent(2), &mute(7, "Bell")).await.unwrap();
    assert_eq!(MuteListService::list(&store, agent(1)).await.unwrap(), kept);
    let changed = Mute { flags: 3, kind: mute_kind::BY_NAME, ..mute(0, "Drum") };
    store.update(agent(1), &changed).await.unwrap();
    assert_eq!(MuteListService::list(&store, agent(1)).await.unwrap()[1], changed);
    for (name, there) in [("Drum", true), ("Drum", false), ("", false)] {
        assert_eq!(MuteListService::delete(&store, agent(1), id(0), name).await.unwrap(), there);
    }
    assert_eq!(MuteListService::list(&store, agent(1)).await.unwrap().len(), 2);
    assert_eq!(MuteListService::list(&store, agent(2)).await.unwrap(), [mute(7, "Bell")]);
    for (agent, name) in [(AgentId::NULL, "x".to_owned()), (agent(1), "x".repeat(256))] {
        let refused = store.update(agent, &mute(1, &name)).await;
        assert!(matches!(refused, Err(ServiceError::Invalid(_))));
    }
}

#[tokio::test]
async fn a_full_mute_list_takes_changes_but_nothing_new() {
    let store = store().await;
    for n in 0..2_000 {
        store.update(agent(1), &mute(n, "x")).await.unwrap();
    }
    assert!(matches!(store.update(agent(1), &mute(2_000, "x")).await, Err(ServiceError::Refused(_))));
    store.update(agent(1), &mute(1_999, "x")).await.unwrap();
    store.update(agent(2), &mute(2_000, "x")).await.unwrap();
}

#[tokio::test]
async fn a_map_tile_is_a_picture_of_one_cell() {
    let store = store().await;
    let cell = GridCell { x: 1000, y: u32::MAX };
    let picture = |end: &[u8]| Arc::from([&b"\xFF\xD8\xFF\xE0\0\x10JFIF"[..], end].concat());
    assert_eq!(MapTileService::get(&store, cell).await.unwrap(), None);
    MapTileService::put(&store, cell, picture(b"one")).await.unwrap();
    MapTileService::put(&store, cell, picture(b"two")).await.unwrap();
    assert_eq!(MapTileService::get(&store, cell).await.unwrap(), Some(picture(b"two")));
    assert_eq!(MapTileService::get(&store, GridCell { x: 1001, ..cell }).await.unwrap(), None);
    for wrong in [Vec::new(), b"\xFF\xD8\xFF".to_vec(), b"<script>alert()".to_vec(), vec![0xFF; 1 << 21]] {
        assert!(matches!(store.put(cell, wrong.into()).await, Err(ServiceError::Invalid(_))));
    }
    assert!(MapTileService::remove(&store, cell).await.unwrap());
    assert!(!MapTileService::remove(&store, cell).await.unwrap());
    assert_eq!(MapTileService::get(&store, cell).await.unwrap(), None);
}

fn message(text: &str) -> OfflineMessage {
    OfflineMessage {
        from: agent(9),
        from_name: "Ada One".into(),
        dialog: 0,
        text: text.into(),
        conversation: id(5),
        region: id(6),
        position: model::Vec3::new(1.5, 2.0, 3.0),
        estate: 1,
        sent_s: 12,
        bucket: vec![0],
    }
}

#[tokio::test]
async fn what_was_said_waits_until_it_was_heard() {
    let store = store().await;
    let bob = account(&store, "Bob", "One").await;
    let keep = async |text: &str| store.keep(bob, &message(text)).await;
    let texts = async || {
        let mailbox = store.waiting(bob).await.unwrap();
        (mailbox.messages.into_iter().map(|message| message.text).collect::<Vec<_>>(), mailbox.mark)
    };
    assert_eq!(texts().await, (vec![], 0));
    keep("one").await.unwrap();
    assert_eq!(store.waiting(bob).await.unwrap().messages, [message("one")]);
    keep("two").await.unwrap();
    let (two, mark) = texts().await;
    assert_eq!(two, ["one", "two"]);
    keep("three").await.unwrap();
    store.heard(bob, mark).await.unwrap();
    assert_eq!(texts().await.0, ["three"], "what came since stays");
    store.heard(bob, texts().await.1).await.unwrap();
    keep("four").await.unwrap();
    store.heard(bob, mark).await.unwrap();
    assert_eq!(texts().await.0, ["four"], "what is heard twice is nothing else");
    for _ in 1..100 {
        keep("again").await.unwrap();
    }
    assert!(matches!(keep("too much").await, Err(ServiceError::Refused(_))));
    assert!(matches!(store.keep(agent(404), &message("x")).await, Err(ServiceError::Refused(_))));
    assert!(matches!(keep(&"x".repeat(1025)).await, Err(ServiceError::Invalid(_))));
}
