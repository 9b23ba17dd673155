//! What regions ask about people, in the words of the services.
//!
//! An offer of friendship is half a friendship, as other simulators keep it: the one who is asked has an entry without
//! rights for the one who asks, and there is none in return.

use model::AgentId;
use region::{SocialCall, SocialReply};
use services::{
    Friend, FriendRights, FriendsService, Mailbox, OfflineMessage, Result, ServiceError, Services, mute_crc,
    mute_file,
};
use transfer::InstantMessage;

/// Friends of one person, and offers to them, at most.
const FRIENDS: usize = 2000;

/// The kind of message that an offer of friendship is.
pub(crate) const OFFERED: u8 = 38;

/// What those who become friends let each other do.
const AT_FIRST: FriendRights = FriendRights::SEE_ONLINE;

/// Answers a question of a region.
pub(crate) async fn answer(services: &Services, call: SocialCall) -> Result<SocialReply> {
    let friends = &*services.friends;
    match call {
        SocialCall::Offer { from, to } => offer(services, from, to).await,
        SocialCall::Accept { agent, friend } => {
            let Some(known) = find(friends, agent, friend).await? else {
                return refused("That offer of friendship is not there any more.");
            };
            if known.has.is_none() {
                befriend(friends, agent, friend).await?;
            }
            Ok(SocialReply::Done)
        }
        SocialCall::Decline { agent, friend } => match find(friends, agent, friend).await? {
            Some(Friend { has: None, .. }) => {
                friends.delete(agent, friend).await?;
                Ok(SocialReply::Done)
            }
            _ => refused("That offer of friendship is not there any more."),
        },
        SocialCall::Terminate { agent, friend } => {
            // Both, whatever the first finds: half a friendship would be an offer.
            let given = friends.delete(agent, friend).await?;
            let had = friends.delete(friend, agent).await?;
            if given || had { Ok(SocialReply::Done) } else { refused("That friendship has ended already.") }
        }
        SocialCall::Grant { agent, friend, rights } => {
            let Some(Friend { given, has: Some(_), .. }) = find(friends, agent, friend).await? else {
                return refused("Only friends can be given rights.");
            };
            let now = FriendRights::from_bits_truncate(rights);
            friends.store(agent, friend, now).await?;
            Ok(SocialReply::Rights { before: given.bits(), now: now.bits() })
        }
        SocialCall::Keep(message) => {
            services.offline_messages.keep(message.to, &kept(*message)).await?;
            Ok(SocialReply::Done)
        }
        SocialCall::Mutes { agent, crc } => {
            let file = mute_file(&services.mutes.list(agent).await?);
            let known = mute_crc(file.as_bytes()) == crc;
            Ok(SocialReply::Mutes((!known).then(|| file.into_bytes().into())))
        }
        SocialCall::Waiting(agent) => waiting(services, agent).await,
    }
}

async fn offer(services: &Services, from: AgentId, to: AgentId) -> Result<SocialReply> {
    let friends = &*services.friends;
    let Some(account) = services.accounts.by_id(to).await? else {
        return refused("There is no such person.");
    };
    let theirs = friends.list(to).await?;
    match theirs.iter().find(|known| known.friend == from) {
        Some(Friend { has: Some(_), .. }) => return refused("You are friends already."),
        Some(_) => return Ok(SocialReply::Done),
        None if theirs.len() >= FRIENDS => return refused("They have too many friends."),
        None => {}
    }
    // Who has an entry that is not returned has been asked by the other.
    if find(friends, from, to).await?.is_some() {
        befriend(friends, from, to).await?;
        return Ok(SocialReply::Befriended { name: format!("{} {}", account.first, account.last) });
    }
    friends.store(to, from, FriendRights::empty()).await?;
    Ok(SocialReply::Done)
}

/// The entry of the one who asked comes last: until then it is an offer still, and can be accepted again.
async fn befriend(friends: &dyn FriendsService, agent: AgentId, friend: AgentId) -> Result<()> {
    friends.store(agent, friend, AT_FIRST).await?;
    friends.store(friend, agent, AT_FIRST).await
}

async fn find(friends: &dyn FriendsService, agent: AgentId, friend: AgentId) -> Result<Option<Friend>> {
    Ok(friends.list(agent).await?.into_iter().find(|known| known.friend == friend))
}

/// What waits for somebody. Offers are kept as messages too, for their words, and hold as long as they are offers.
async fn waiting(services: &Services, agent: AgentId) -> Result<SocialReply> {
    let offers = services.friends.list(agent).await?.into_iter().filter(|known| known.has.is_none());
    let mut offers: Vec<AgentId> = offers.map(|known| known.friend).collect();
    let Mailbox { messages, mark } = services.offline_messages.waiting(agent).await?;
    let mut read = Vec::new();
    for message in messages {
        if message.dialog == OFFERED {
            let Some(place) = offers.iter().position(|&from| from == message.from) else { continue };
            offers.remove(place);
        }
        read.push(said(agent, message));
    }
    let accounts = services.accounts.by_ids(&offers).await?;
    let offers =
        accounts.into_iter().map(|account| (account.id, format!("{} {}", account.first, account.last)));
    Ok(SocialReply::Waiting { messages: read, mark, offers: offers.collect() })
}

fn kept(message: InstantMessage) -> OfflineMessage {
    OfflineMessage {
        from: message.from,
        from_name: message.from_name,
        dialog: message.dialog,
        text: message.text,
        conversation: message.conversation,
        region: message.region,
        position: message.position,
        estate: message.estate,
        sent_s: message.sent_s,
        bucket: message.bucket,
    }
}

fn said(to: AgentId, message: OfflineMessage) -> InstantMessage {
    InstantMessage {
        from: message.from,
        from_name: message.from_name,
        to,
        dialog: message.dialog,
        from_group: false,
        text: message.text,
        conversation: message.conversation,
        offline: 1,
        position: message.position,
        region: message.region,
        estate: message.estate,
        sent_s: message.sent_s,
        bucket: message.bucket,
    }
}

fn refused<T>(words: &str) -> Result<T> {
    Err(ServiceError::Refused(words.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use model::Uuid;
    use services::Account;
    use std::sync::Arc;

    const ADA: AgentId = AgentId(Uuid::from_u128(1));
    const BOB: AgentId = AgentId(Uuid::from_u128(2));

    fn grid() -> (Arc<Fake>, Services) {
        let account = |id, first: &str| Account {
            id,
            first: first.into(),
            last: "One".into(),
            email: String::new(),
            created: 0,
            level: 0,
            flags: 0,
            title: String::new(),
            country: String::new(),
            service_urls: Default::default(),
        };
        let fake = Fake { accounts: vec![account(ADA, "Ada"), account(BOB, "Bob")], ..Fake::default() };
        let fake = Arc::new(fake);
        let services = fake.services();
        (fake, services)
    }

    /// Ada's side and Bob's.
    fn entries(fake: &Fake) -> (Option<u32>, Option<u32>) {
        let bonds = fake.bonds.lock().unwrap();
        let of = |one, other| bonds.get(&(one, other)).map(|rights| rights.bits());
        (of(ADA, BOB), of(BOB, ADA))
    }

    const OFFER: SocialCall = SocialCall::Offer { from: ADA, to: BOB };
    const ACCEPT: SocialCall = SocialCall::Accept { agent: BOB, friend: ADA };

    #[tokio::test]
    async fn an_offer_is_half_a_friendship_until_it_is_accepted() {
        let (fake, services) = grid();
        assert!(matches!(answer(&services, ACCEPT).await, Err(ServiceError::Refused(_))));
        for _ in 0..2 {
            assert_eq!(answer(&services, OFFER).await, Ok(SocialReply::Done));
            assert_eq!(entries(&fake), (None, Some(0)));
        }
        let own = SocialCall::Accept { agent: ADA, friend: BOB };
        assert!(matches!(answer(&services, own).await, Err(ServiceError::Refused(_))), "not hers to accept");
        for _ in 0..2 {
            assert_eq!(answer(&services, ACCEPT).await, Ok(SocialReply::Done));
            assert_eq!(entries(&fake), (Some(1), Some(1)));
        }
        assert!(matches!(answer(&services, OFFER).await, Err(ServiceError::Refused(_))), "friends already");
        let end = SocialCall::Terminate { agent: ADA, friend: BOB };
        assert_eq!(answer(&services, end.clone()).await, Ok(SocialReply::Done));
        assert_eq!(entries(&fake), (None, None));
        assert!(matches!(answer(&services, end).await, Err(ServiceError::Refused(_))));
    }

    #[tokio::test]
    async fn who_offers_what_was_offered_has_accepted() {
        let (fake, services) = grid();
        assert_eq!(answer(&services, OFFER).await, Ok(SocialReply::Done));
        let back = SocialCall::Offer { from: BOB, to: ADA };
        assert_eq!(answer(&services, back).await, Ok(SocialReply::Befriended { name: "Ada One".into() }));
        assert_eq!(entries(&fake), (Some(1), Some(1)));
    }

    #[tokio::test]
    async fn what_is_declined_is_gone_but_no_friendship_is() {
        let (fake, services) = grid();
        let decline = SocialCall::Decline { agent: BOB, friend: ADA };
        assert_eq!(answer(&services, OFFER).await, Ok(SocialReply::Done));
        assert_eq!(answer(&services, decline.clone()).await, Ok(SocialReply::Done));
        assert_eq!(entries(&fake), (None, None));
        assert_eq!(answer(&services, OFFER).await, Ok(SocialReply::Done));
        assert_eq!(answer(&services, ACCEPT).await, Ok(SocialReply::Done));
        assert!(matches!(answer(&services, decline).await, Err(ServiceError::Refused(_))));
        assert_eq!(entries(&fake), (Some(1), Some(1)));
    }

    #[tokio::test]
    async fn an_offer_waits_with_its_words_or_without() {
        let (_, services) = grid();
        let ask = async || match answer(&services, SocialCall::Waiting(BOB)).await.unwrap() {
            SocialReply::Waiting { messages, mark, offers } => {
                let words = messages.into_iter().map(|message| (message.offline, message.text));
                (words.collect::<Vec<_>>(), mark, offers)
            }
            other => panic!("{other:?}"),
        };
        let keep = async |dialog, text: &str| {
            let message =
                InstantMessage { from: ADA, to: BOB, dialog, text: text.into(), ..Default::default() };
            answer(&services, SocialCall::Keep(Box::new(message))).await.unwrap();
        };
        assert_eq!(answer(&services, OFFER).await, Ok(SocialReply::Done));
        keep(0, "Hello").await;
        assert_eq!(ask().await, (vec![(1, "Hello".into())], 1, vec![(ADA, "Ada One".into())]));
        keep(OFFERED, "Shall we?").await;
        let both = vec![(1, "Hello".into()), (1, "Shall we?".into())];
        assert_eq!(ask().await, (both, 2, vec![]));
        assert_eq!(answer(&services, ACCEPT).await, Ok(SocialReply::Done));
        assert_eq!(ask().await, (vec![(1, "Hello".into())], 2, vec![]), "an offer that is none any more");
    }

    #[tokio::test]
    async fn who_has_the_list_of_mutes_is_not_given_it() {
        let (fake, services) = grid();
        let ask = async |crc| answer(&services, SocialCall::Mutes { agent: ADA, crc }).await.unwrap();
        assert_eq!(ask(0).await, SocialReply::Mutes(None), "nothing, and nothing muted");
        assert_eq!(ask(7).await, SocialReply::Mutes(Some(Arc::default())));
        let mute = services::Mute { id: BOB.0, name: "Bob One".into(), kind: 1, flags: 0 };
        fake.muted.lock().unwrap().push(mute.clone());
        let file = mute_file(&[mute]);
        assert_eq!(ask(0).await, SocialReply::Mutes(Some(file.clone().into_bytes().into())));
        assert_eq!(ask(mute_crc(file.as_bytes())).await, SocialReply::Mutes(None));
    }

    #[tokio::test]
    async fn rights_are_for_friends_alone() {
        let (fake, services) = grid();
        let grant = SocialCall::Grant { agent: BOB, friend: ADA, rights: 0xFFFF_FFFE };
        assert_eq!(answer(&services, OFFER).await, Ok(SocialReply::Done));
        assert!(matches!(answer(&services, grant.clone()).await, Err(ServiceError::Refused(_))), "not yet");
        assert_eq!(answer(&services, ACCEPT).await, Ok(SocialReply::Done));
        assert_eq!(answer(&services, grant).await, Ok(SocialReply::Rights { before: 1, now: 6 }));
        assert_eq!(entries(&fake), (Some(1), Some(6)));
        let nobody = SocialCall::Offer { from: ADA, to: AgentId(Uuid::from_u128(9)) };
        assert!(matches!(answer(&services, nobody).await, Err(ServiceError::Refused(_))));
    }
}
