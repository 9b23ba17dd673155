use super::*;
use crate::Statistics;
use model::{RegionId, SecureSessionId, SessionId, Vec3};
use services::{
    Account, AccountChanges, AgentPrefs, AgentPrefsService, AuthService, AvatarData, AvatarService, Friend,
    FriendRights, FriendsService, GridUserService, InventoryService, Mute, MuteListService, Place,
    PresenceService, ServiceError, ViewerPassword, mute_kind,
};

#[tokio::test]
async fn accounts_are_found_by_what_they_are_known_by() {
    let store = store().await;
    let new = NewAccount { first: "Ada".into(), last: "Løvelace".into(), email: "a@b.c".into(), id: None };
    let ada = store.create(new).await.unwrap();
    assert_eq!(ada.created, 1_000_000);
    assert_eq!(store.by_id(ada.id).await.unwrap().as_ref(), Some(&ada));
    assert_eq!(store.by_name("aDA", "LØVELACE").await.unwrap().as_ref(), Some(&ada));
    assert_eq!(store.by_email("a@b.c").await.unwrap().as_ref(), Some(&ada));
    assert_eq!(store.by_name("Ada", "Other").await.unwrap(), None);
    assert_eq!(store.by_id(agent(9)).await.unwrap(), None);
    assert_eq!(store.by_ids(&[agent(9), ada.id, ada.id]).await.unwrap(), [ada]);
}

#[tokio::test]
async fn a_name_is_given_once_and_is_one_that_viewers_can_send() {
    let store = store().await;
    account(&store, "Ada", "One").await;
    let taken = NewAccount { first: "ADA".into(), last: "one".into(), ..NewAccount::default() };
    assert!(matches!(store.create(taken).await, Err(ServiceError::Refused(_))));
    let long = "x".repeat(32);
    for (first, last) in
        [("", "One"), ("Ada", ""), ("A da", "One"), ("Ada\t", "One"), (&long, "One"), ("\"", "One")]
    {
        let odd = NewAccount { first: first.into(), last: last.into(), ..NewAccount::default() };
        assert!(matches!(store.create(odd).await, Err(ServiceError::Invalid(_))), "{first:?} {last:?}");
    }
}

#[tokio::test]
async fn accounts_are_searched_listed_and_changed() {
    let store = store().await;
    for (first, last) in [("Ada", "Abel"), ("Bob", "Adams"), ("Cid", "Ada%"), ("Eve", "Bell")] {
        account(&store, first, last).await;
    }
    let names = async |query: &str, limit| -> Vec<String> {
        let found = AccountService::search(&store, query, limit).await.unwrap();
        found.into_iter().map(|account| account.first).collect()
    };
    assert_eq!(names("ada", 10).await, ["Ada", "Bob", "Cid"]);
    assert_eq!(names("ada%", 10).await, ["Cid"]);
    assert_eq!(names("b ad", 10).await, ["Bob"]);
    assert_eq!(names("ada", 1).await, ["Ada"]);
    assert!(names("", 10).await.is_empty());

    let all = AccountService::list(&store, None, 10).await.unwrap();
    assert_eq!(all.len(), 4);
    assert_eq!(AccountService::list(&store, Some(all[1].id), 10).await.unwrap(), all[2..]);

    let changed = Account {
        level: 200,
        flags: 0xFFFF_FFFF,
        service_urls: [("HomeURI".into(), "http://x/".into())].into(),
        ..all[0].clone()
    };
    AccountService::set(&store, &changed).await.unwrap();
    assert_eq!(store.by_id(changed.id).await.unwrap(), Some(changed.clone()));
    let name_of_another =
        Account { first: all[1].first.clone(), last: all[1].last.clone(), ..changed.clone() };
    assert!(matches!(AccountService::set(&store, &name_of_another).await, Err(ServiceError::Refused(_))));
    assert!(matches!(
        AccountService::set(&store, &Account { id: agent(9), ..changed }).await,
        Err(ServiceError::Refused(_))
    ));
}

#[tokio::test]
async fn removing_an_account_leaves_nothing_of_it() {
    let store = store().await;
    let (ada, bob) = (account(&store, "Ada", "One").await, account(&store, "Bob", "Two").await);
    let place = Place { region: RegionId(id(5)), position: Vec3::ONE, look_at: Vec3::X };
    for who in [ada, bob] {
        store.set_password(who, &[ViewerPassword::from_plain("secret")]).await.unwrap();
        PresenceService::login(&store, who, SessionId(who.0), SecureSessionId(id(1))).await.unwrap();
        store.set_home(who, place).await.unwrap();
        AvatarService::set(&store, who, &AvatarData::from([("Serial".into(), "1".into())])).await.unwrap();
        store.create_user_inventory(who).await.unwrap();
        AgentPrefsService::set(&store, &AgentPrefs::of(who)).await.unwrap();
        let mute = Mute { id: id(7), name: String::new(), kind: mute_kind::AGENT, flags: 0 };
        store.update(who, &mute).await.unwrap();
    }
    FriendsService::store(&store, ada, bob, FriendRights::SEE_ONLINE).await.unwrap();
    FriendsService::store(&store, bob, ada, FriendRights::SEE_ONLINE).await.unwrap();

    assert!(store.remove(ada).await.unwrap());
    assert!(!store.remove(ada).await.unwrap());
    assert!(!store.verify(ada, &ViewerPassword::from_plain("secret")).await.unwrap());
    assert_eq!(store.by_session(SessionId(ada.0)).await.unwrap(), None);
    assert_eq!(GridUserService::get(&store, ada).await.unwrap(), None);
    assert_eq!(AvatarService::get(&store, ada).await.unwrap(), None);
    assert!(store.skeleton(ada).await.unwrap().is_empty());
    assert_eq!(AgentPrefsService::get(&store, ada).await.unwrap(), None);
    assert!(MuteListService::list(&store, ada).await.unwrap().is_empty());
    assert!(FriendsService::list(&store, bob).await.unwrap().is_empty());

    assert!(store.verify(bob, &ViewerPassword::from_plain("secret")).await.unwrap());
    assert!(!store.skeleton(bob).await.unwrap().is_empty());
    assert_eq!(MuteListService::list(&store, bob).await.unwrap().len(), 1);
}

#[tokio::test]
async fn changes_of_an_account_leave_each_other_alone() {
    let (stores, _, _kept) = two_stores().await;
    let ada = account(&stores[0], "Ada", "One").await;
    for round in 1..20 {
        let level = AccountChanges { id: ada, level: Some(round), ..AccountChanges::default() };
        let title =
            AccountChanges { id: ada, title: Some(format!("No. {round}")), ..AccountChanges::default() };
        let (one, other) = tokio::join!(
            AccountService::change(&stores[0], &level),
            AccountService::change(&stores[1], &title)
        );
        one.unwrap().unwrap();
        other.unwrap().unwrap();
        let now = stores[0].by_id(ada).await.unwrap().unwrap();
        assert_eq!((now.level, now.title), (round, format!("No. {round}")));
    }
}

#[tokio::test]
async fn what_cannot_be_kept_or_said_is_refused_and_found_nowhere() {
    let store = store().await;
    let ada = account(&store, "Ada", "One").await;
    let grid = store.services().grid;
    let invalid = |result| matches!(result, Err(ServiceError::Invalid(_)));
    for odd in ["a\0b", "\u{1b}[2J"] {
        let title = AccountChanges { id: ada, title: Some(odd.into()), ..AccountChanges::default() };
        assert!(invalid(AccountService::change(&store, &title).await.map(drop)));
        let mute = Mute { id: id(3), name: odd.into(), kind: 1, flags: 0 };
        assert!(invalid(store.update(ada, &mute).await));
        assert!(!MuteListService::delete(&store, ada, id(3), odd).await.unwrap());
        let entry: AvatarData = [("a".to_owned(), odd.to_owned())].into();
        assert!(invalid(store.set_entries(ada, &entry).await));
        store.remove_entries(ada, &[odd]).await.unwrap();
        assert_eq!(store.by_name(odd, "One").await.unwrap(), None);
        assert_eq!(store.by_email(odd).await.unwrap(), None);
        assert_eq!(AccountService::search(&store, odd, 9).await.unwrap(), []);
        assert_eq!(grid.by_name(odd).await.unwrap(), None);
        assert_eq!(grid.search(odd, 9).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_password_opens_until_it_is_changed() {
    let store = store().await;
    let ada = account(&store, "Ada", "One").await;
    let secret = ViewerPassword::from_plain("secret");
    assert!(!store.verify(ada, &secret).await.unwrap());
    store.set_password(ada, std::slice::from_ref(&secret)).await.unwrap();
    assert!(store.verify(ada, &secret).await.unwrap());
    store.set_password(ada, &ViewerPassword::forms_of("a password of many letters")).await.unwrap();
    assert!(!store.verify(ada, &secret).await.unwrap());
    assert!(store.verify(ada, &ViewerPassword::from_plain("a password of many letters")).await.unwrap());
    assert!(store.verify(ada, &ViewerPassword::from_plain("a password of ma")).await.unwrap());
    assert!(!store.verify(ada, &ViewerPassword::from_plain("a password of m")).await.unwrap());
    store.set_password(ada, &[]).await.unwrap();
    assert!(!store.verify(ada, &ViewerPassword::from_plain("a password of many letters")).await.unwrap());
    assert!(matches!(store.set_password(agent(9), &[secret]).await, Err(ServiceError::Refused(_))));
}

#[tokio::test]
async fn a_token_is_good_for_a_while() {
    let (store, clock) = store_with_clock().await;
    let (ada, bob) = (account(&store, "Ada", "One").await, account(&store, "Bob", "Two").await);
    let secret = ViewerPassword::from_plain("secret");
    store.set_password(ada, std::slice::from_ref(&secret)).await.unwrap();
    assert_eq!(store.authenticate(ada, &ViewerPassword::from_plain("wrong"), 30).await.unwrap(), None);
    let token = store.authenticate(ada, &secret, 30).await.unwrap().unwrap();
    assert!(!store.verify_token(bob, token, 30).await.unwrap());
    clock.to(1_000_000 + 1799);
    assert!(store.verify_token(ada, token, 1).await.unwrap());
    clock.to(1_000_000 + 1799 + 60);
    assert!(!store.verify_token(ada, token, 30).await.unwrap());
    assert!(!store.release_token(ada, token).await.unwrap());

    let first = store.authenticate(ada, &secret, 29).await.unwrap().unwrap();
    let mut tokens = Vec::new();
    for _ in 0..16 {
        tokens.push(store.authenticate(ada, &secret, 30).await.unwrap().unwrap());
    }
    assert!(!store.verify_token(ada, first, 30).await.unwrap(), "one more than a person can have");
    assert!(store.release_token(ada, tokens[0]).await.unwrap());
    assert!(!store.verify_token(ada, tokens[0], 30).await.unwrap());
    assert!(store.verify_token(ada, tokens[15], 30).await.unwrap());
    store.set_password(ada, &[secret]).await.unwrap();
    assert!(!store.verify_token(ada, tokens[15], 30).await.unwrap(), "the password was changed");
}

#[tokio::test]
async fn a_session_is_one_and_somewhere() {
    let (store, clock) = store_with_clock().await;
    let [first, second] = [SessionId(id(1)), SessionId(id(2))];
    let secure = SecureSessionId(id(3));
    let here = RegionId(id(4));
    PresenceService::login(&store, agent(1), first, secure).await.unwrap();
    let presence = store.by_session(first).await.unwrap().unwrap();
    assert_eq!((presence.agent, presence.region, presence.renewed), (agent(1), RegionId::NULL, 1_000_000));
    clock.to(1_000_030);
    assert!(store.report(first, here).await.unwrap());
    let presence = store.by_session(first).await.unwrap().unwrap();
    assert_eq!((presence.region, presence.secure_session, presence.renewed), (here, secure, 1_000_030));

    PresenceService::login(&store, agent(1), second, secure).await.unwrap();
    assert!(!store.report(first, here).await.unwrap(), "the second login ended the first session");
    PresenceService::login(&store, agent(2), first, secure).await.unwrap();
    let both = store.by_agents(&[agent(2), agent(1), agent(1), agent(3)]).await.unwrap();
    assert_eq!(both.iter().map(|presence| presence.session).collect::<Vec<_>>(), [second, first]);

    store.report(second, here).await.unwrap();
    assert_eq!(store.logout_region(RegionId::NULL).await.unwrap(), 0, "who has not arrived is in no region");
    assert_eq!(store.logout_region(here).await.unwrap(), 1);
    assert!(store.logout(first).await.unwrap());
    assert!(!store.logout(first).await.unwrap());
}

#[tokio::test]
async fn places_are_remembered() {
    let (store, clock) = store_with_clock().await;
    let place = |n: u8| Place {
        region: RegionId(id(n.into())),
        position: Vec3::new(f32::from(n), 2.5, 3.3),
        look_at: Vec3::new(0.6, -0.8, 0.0),
    };
    assert_eq!(GridUserService::get(&store, agent(1)).await.unwrap(), None);
    let user = store.logged_in(agent(1)).await.unwrap();
    assert_eq!(
        (user.home, user.last, user.online, user.login, user.logout),
        (None, None, true, 1_000_000, 0)
    );
    store.set_home(agent(1), place(1)).await.unwrap();
    store.set_last_position(agent(1), place(2)).await.unwrap();
    let user = GridUserService::get(&store, agent(1)).await.unwrap().unwrap();
    assert_eq!((user.home, user.last, user.online), (Some(place(1)), Some(place(2)), true));
    clock.to(1_000_100);
    store.logged_out(agent(1), place(3)).await.unwrap();
    let user = GridUserService::get(&store, agent(1)).await.unwrap().unwrap();
    assert_eq!((user.home, user.last), (Some(place(1)), Some(place(3))));
    assert_eq!((user.online, user.login, user.logout), (false, 1_000_000, 1_000_100));
    let nowhere = Place { position: Vec3::new(f32::NAN, 1.0, 1.0), look_at: Vec3::INFINITY, ..place(4) };
    store.set_home(agent(2), nowhere).await.unwrap();
    let users = store.get_many(&[agent(2), agent(1), agent(3)]).await.unwrap();
    assert_eq!(users[1].home, Some(Place { position: Vec3::ZERO, look_at: Vec3::ZERO, ..place(4) }));
    assert_eq!(users.len(), 2);
}

#[tokio::test]
async fn friendship_has_two_sides() {
    let store = store().await;
    let (see, map) = (FriendRights::SEE_ONLINE, FriendRights::SEE_ON_MAP);
    FriendsService::store(&store, agent(1), agent(2), see).await.unwrap();
    let list = async |who| FriendsService::list(&store, agent(who)).await.unwrap();
    assert_eq!(list(1).await, [Friend { friend: agent(2), given: see, has: None }]);
    assert!(list(2).await.is_empty());
    FriendsService::store(&store, agent(2), agent(1), map).await.unwrap();
    FriendsService::store(&store, agent(1), agent(2), see | map).await.unwrap();
    assert_eq!(list(1).await, [Friend { friend: agent(2), given: see | map, has: Some(map) }]);
    assert_eq!(list(2).await, [Friend { friend: agent(1), given: map, has: Some(see | map) }]);
    assert!(FriendsService::delete(&store, agent(1), agent(2)).await.unwrap());
    assert!(!FriendsService::delete(&store, agent(1), agent(2)).await.unwrap());
    assert_eq!(list(2).await, [Friend { friend: agent(1), given: map, has: None }]);
}

#[tokio::test]
async fn an_avatar_is_entries() {
    let store = store().await;
    let data = |pairs: &[(&str, &str)]| -> AvatarData {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let get = async || AvatarService::get(&store, agent(1)).await.unwrap();
    assert_eq!(get().await, None);
    AvatarService::set(&store, agent(1), &data(&[("a", "1"), ("b", "2")])).await.unwrap();
    store.set_entries(agent(1), &data(&[("b", "3"), ("c", "4")])).await.unwrap();
    assert_eq!(get().await, Some(data(&[("a", "1"), ("b", "3"), ("c", "4")])));
    store.remove_entries(agent(1), &["a", "x"]).await.unwrap();
    assert_eq!(get().await, Some(data(&[("b", "3"), ("c", "4")])));
    AvatarService::set(&store, agent(1), &data(&[("d", "5")])).await.unwrap();
    assert_eq!(get().await, Some(data(&[("d", "5")])));
    store.reset(agent(1)).await.unwrap();
    assert_eq!(get().await, None);
    let many = |from: u32| (from..from + 400).map(|n| (n.to_string(), "x".to_owned())).collect();
    store.set_entries(agent(1), &many(0)).await.unwrap();
    store.set_entries(agent(1), &many(50)).await.unwrap();
    let too_many = store.set_entries(agent(1), &many(400)).await;
    assert!(matches!(too_many, Err(ServiceError::Invalid(_))), "they add up");
    assert_eq!(get().await.unwrap().len(), 450);
    let huge = data(&[("a", &"x".repeat(100_000))]);
    assert!(matches!(AvatarService::set(&store, agent(1), &huge).await, Err(ServiceError::Invalid(_))));
}

#[tokio::test]
async fn the_grid_is_counted() {
    let (store, clock) = store_with_clock().await;
    clock.to(100_000_000);
    account(&store, "Ada", "One").await;
    store.logged_in(agent(1)).await.unwrap();
    PresenceService::login(&store, agent(1), SessionId(id(1)), SecureSessionId(id(1))).await.unwrap();
    assert!(store.people_by_region().await.unwrap().is_empty(), "nobody has arrived yet");
    let region = RegionId(id(8));
    assert!(store.report(SessionId(id(1)), region).await.unwrap());
    assert_eq!(store.people_by_region().await.unwrap(), [(region, 1)].into());
    let counted = store.statistics().await.unwrap();
    assert_eq!(
        (counted.residents, counted.active_users, counted.online_users, counted.regions),
        (1, 1, 1, 0)
    );
    clock.to(110_000_000);
    assert_eq!(store.statistics().await.unwrap().active_users, 0);
}
