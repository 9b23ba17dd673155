//! What a grid of ours knows of people.

use super::*;
use model::Vec3;
use services::{Account, AvatarData, Friend, FriendRights, NewAccount, Place, ServiceError, ViewerPassword};

async fn with_account(store: &SqlStore, n: u128, first: &str) -> Account {
    let new =
        NewAccount { id: Some(agent(n)), first: first.into(), last: "One".into(), email: "a@b.c".into() };
    store.services().accounts.create(new).await.unwrap()
}

fn is_refused<T: std::fmt::Debug>(answer: services::Result<T>) {
    assert!(matches!(answer, Err(ServiceError::Refused(_))), "{answer:?}");
}

#[tokio::test]
async fn accounts_are_found_and_changed() {
    let (store, services) = our_grid().await;
    let accounts = services.accounts;
    let ada = with_account(&store, 1, "Ada").await;
    let bob = with_account(&store, 2, "Bob").await;
    assert_eq!(accounts.by_id(ada.id).await.unwrap().as_ref(), Some(&ada));
    assert_eq!(accounts.by_name("ada", "ONE").await.unwrap().as_ref(), Some(&ada));
    assert_eq!(accounts.by_email("a@b.c").await.unwrap().as_ref(), Some(&ada));
    assert_eq!(accounts.by_id(agent(9)).await.unwrap(), None);
    let several = accounts.by_ids(&[bob.id, agent(9), ada.id, ada.id]).await.unwrap();
    assert_eq!(several, [ada.clone(), bob]);
    assert!(accounts.by_ids(&[]).await.unwrap().is_empty());
    assert_eq!(accounts.search("one", 1).await.unwrap().len(), 1);
    let changed = Account {
        title: "Countess".into(),
        level: -1,
        flags: u32::MAX,
        service_urls: [("HomeURI".into(), "http://x/".into())].into(),
        ..ada
    };
    accounts.set(&changed).await.unwrap();
    assert_eq!(store.services().accounts.by_id(changed.id).await.unwrap().as_ref(), Some(&changed));
    is_refused(accounts.set(&Account { id: agent(9), ..changed.clone() }).await);
    is_refused(accounts.list(None, 10).await);
    is_refused(accounts.create(NewAccount::default()).await);
    is_refused(accounts.remove(changed.id).await);
}

#[tokio::test]
async fn passwords_open_and_tokens_end() {
    let (store, services) = our_grid().await;
    let auth = services.auth;
    let ada = with_account(&store, 1, "Ada").await.id;
    let (secret, wrong) = (ViewerPassword::from_plain("secret"), ViewerPassword::from_plain("wrong"));
    store.services().auth.set_password(ada, std::slice::from_ref(&secret)).await.unwrap();
    assert!(auth.verify(ada, &secret).await.unwrap());
    assert!(!auth.verify(ada, &wrong).await.unwrap());
    assert_eq!(auth.authenticate(ada, &wrong, 30).await.unwrap(), None);
    let token = auth.authenticate(ada, &secret, 30).await.unwrap().unwrap();
    assert!(auth.verify_token(ada, token, 30).await.unwrap());
    assert!(auth.release_token(ada, token).await.unwrap());
    assert!(!auth.release_token(ada, token).await.unwrap());
    assert!(!auth.verify_token(ada, token, 30).await.unwrap());
    is_refused(auth.set_password(ada, &[wrong]).await);
}

#[tokio::test]
async fn places_are_remembered() {
    let (store, services) = our_grid().await;
    let users = services.grid_users;
    let place = |n: u8| Place {
        region: RegionId(id(n.into())),
        position: Vec3::new(f32::from(n), 2.5, 3.3),
        look_at: Vec3::new(0.6, -0.8, 0.0),
    };
    assert_eq!(users.get(agent(1)).await.unwrap(), None);
    let came = users.logged_in(agent(1)).await.unwrap();
    assert_eq!((came.online, came.home, came.last, came.logout), (true, None, None, 0));
    users.set_home(agent(1), place(1)).await.unwrap();
    users.set_last_position(agent(1), place(2)).await.unwrap();
    let here = users.get(agent(1)).await.unwrap().unwrap();
    assert_eq!((here.home, here.last, here.online), (Some(place(1)), Some(place(2)), true));
    users.logged_out(agent(1), place(3)).await.unwrap();
    let gone = users.get(agent(1)).await.unwrap();
    assert_eq!(gone, store.services().grid_users.get(agent(1)).await.unwrap());
    assert!(!gone.unwrap().online);
    users.set_home(agent(2), place(1)).await.unwrap();
    let both = users.get_many(&[agent(2), agent(9), agent(1)]).await.unwrap();
    assert_eq!(both.iter().map(|user| user.agent).collect::<Vec<_>>(), [agent(1), agent(2)]);
    assert!(users.get_many(&[agent(9)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn friendship_has_two_sides() {
    let (_store, services) = our_grid().await;
    let friends = services.friends;
    let (see, map) = (FriendRights::SEE_ONLINE, FriendRights::SEE_ON_MAP);
    assert!(friends.list(agent(1)).await.unwrap().is_empty());
    friends.store(agent(1), agent(3), map).await.unwrap();
    friends.store(agent(1), agent(2), see).await.unwrap();
    friends.store(agent(2), agent(1), see | map).await.unwrap();
    let expected = [
        Friend { friend: agent(2), given: see, has: Some(see | map) },
        Friend { friend: agent(3), given: map, has: None },
    ];
    assert_eq!(friends.list(agent(1)).await.unwrap(), expected);
    assert!(friends.delete(agent(1), agent(2)).await.unwrap());
    assert!(!friends.delete(agent(1), agent(2)).await.unwrap());
    assert_eq!(friends.list(agent(1)).await.unwrap(), expected[1..]);
}

#[tokio::test]
async fn an_avatar_is_entries() {
    let (_store, services) = our_grid().await;
    let avatars = services.avatars;
    let data = |pairs: &[(&str, &str)]| -> AvatarData {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let get = async || avatars.get(agent(1)).await.unwrap();
    assert_eq!(get().await, None);
    avatars.set(agent(1), &data(&[("AvatarType", "1"), ("Wearable 0:0", "a:b")])).await.unwrap();
    avatars.set_entries(agent(1), &data(&[("_ap_5", "c"), ("0 <&>", "d&e=f")])).await.unwrap();
    let all = [("AvatarType", "1"), ("Wearable 0:0", "a:b"), ("_ap_5", "c"), ("0 <&>", "d&e=f")];
    assert_eq!(get().await, Some(data(&all)));
    avatars.remove_entries(agent(1), &["_ap_5", "0 <&>"]).await.unwrap();
    assert_eq!(get().await, Some(data(&all[..2])));
    avatars.reset(agent(1)).await.unwrap();
    assert_eq!(get().await, None);
    let huge = data(&[("a", &"x".repeat(100_000))]);
    is_refused(avatars.set(agent(1), &huge).await);
}

#[tokio::test]
async fn sessions_are_renewed_where_the_grid_has_leases() {
    let (store, far) = our_grid().await;
    let session = |n| model::SessionId(id(n));
    let here = RegionId(id(9));
    store.services().presence.login(agent(1), session(1), model::SecureSessionId::NULL).await.unwrap();
    assert!(far.presence.hold(session(1), here).await.unwrap());
    assert!(!far.presence.hold(session(2), here).await.unwrap());
    let held: Vec<_> = (1..2000).map(|n| (session(n), here)).collect();
    let renewed = far.presence.renew(&held).await.unwrap();
    assert_eq!((renewed.unknown.len(), renewed.unknown.contains(&session(1))), (1998, false));
    assert_eq!(renewed.elsewhere, []);
    let renewed = far.presence.renew(&[(session(1), RegionId(id(10)))]).await.unwrap();
    assert_eq!((renewed.unknown, renewed.elsewhere), (vec![], vec![session(1)]));
    // A ROBUST has nothing at this path, or takes what comes for XML-RPC, and ends nobody.
    let fault = async || "<?xml version=\"1.0\"?><methodResponse><fault/></methodResponse>";
    for robust in [axum::Router::new(), axum::Router::new().fallback(fault)] {
        let robust = services_of(robust).await;
        assert_eq!(robust.presence.renew(&held).await, Ok(services::Renewed::default()));
    }
}
