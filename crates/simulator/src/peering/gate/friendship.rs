//! News of friendships: taken as far as the grid, which entered it first, bears it out. So whoever forges one can at most
//! tell people what is so.

use super::{Denied, Gate};
use transfer::{FriendDeed, FriendNews};

impl Gate {
    /// Whether it is so; rights are put right.
    pub(super) async fn bear_out(&self, news: &mut FriendNews) -> Result<(), Denied> {
        let theirs = self.registry.friends(news.to).await?;
        let entry = theirs.into_iter().find(|entry| entry.friend == news.from);
        let offered = entry.is_some_and(|entry| entry.has.is_none());
        let has = entry.and_then(|entry| entry.has);
        let so = match (&mut news.deed, has) {
            // An offer is half a friendship.
            (FriendDeed::Offered { .. }, _) => offered,
            (FriendDeed::Approved { .. }, has) => has.is_some(),
            (FriendDeed::Rights { now, .. }, Some(rights)) => {
                *now = rights.bits();
                true
            }
            (FriendDeed::Rights { .. }, None) => false,
            (FriendDeed::Denied { .. } | FriendDeed::Terminated, has) => has.is_none(),
        };
        match so {
            true => Ok(()),
            false => {
                let words = format!("the grid knows nothing of such news of {} for {}", news.from, news.to);
                Err(Denied::new("not_so", words))
            }
        }
    }
}
