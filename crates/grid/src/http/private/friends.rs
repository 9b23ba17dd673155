use super::{Answer, PrivateState, refused};
use robust::Form;
use robust::friends::{Call, Entry, WORDING, write_many};
use services::Friend;

pub(super) async fn answer(state: PrivateState, form: Form) -> Answer {
    let friends = &state.services.friends;
    Ok(match Call::parse(&form)? {
        Call::List(agent) => {
            let entry = |friend: Friend| Entry {
                agent: agent.id.into(),
                friend: friend.friend.into(),
                given: friend.given,
                has: friend.has,
            };
            write_many(friends.list(agent.id).await?.into_iter().map(entry))
        }
        // By its id alone, the friendship would be with somebody of this grid.
        Call::Store { agent, friend, .. } if !agent.is_local() || !friend.is_local() => {
            return refused("friends of other grids are not kept here");
        }
        Call::Store { agent, friend, given } => {
            friends.store(agent.id, friend.id, given).await?;
            WORDING.success()
        }
        Call::Delete { agent, friend } => WORDING.done(friends.delete(agent.id, friend.id).await?),
    })
}
