//! Wrong passwords: counted by name and by address, so that neither one account nor all of them can be tried at
//! leisure. Who comes from where that account has logged in before has an allowance of their own, so that nobody can lock
//! an owner out by typing nonsense elsewhere, and nobody behind the same router can guess without end.

use super::records::{Allowance, LoginRecords};
use model::{AgentId, household};
use services::Result;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// For one name, from addresses that have never been right.
const BY_NAME: Allowance = Allowance { burst: 10, each_s: 60 };
/// For one address, whatever the name.
const BY_ADDRESS: Allowance = Allowance { burst: 40, each_s: 15 };
/// For one name, from one address that has been right before.
const BY_KNOWN: Allowance = Allowance { burst: 50, each_s: 60 };
/// Bytes of a hash that are kept.
const MARK: usize = 16;

/// Whose password is tried, and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Try {
    name: String,
    /// `None`: it is not known where calls come from.
    address: Option<String>,
}

impl Try {
    pub(super) fn new(first: &str, last: &str, from: Option<IpAddr>) -> Self {
        let name = format!("{} {}", first.trim().to_lowercase(), last.trim().to_lowercase());
        Self {
            name: mark("name", &name),
            address: from.map(|from| mark("address", &household(from).to_string())),
        }
    }

    /// Whether it may be tried. `Err`: not within so many seconds.
    pub(super) async fn begin(
        &self,
        records: &dyn LoginRecords,
        agent: Option<AgentId>,
    ) -> Result<core::result::Result<Charged, u64>> {
        let Some(address) = &self.address else { return Ok(Ok(Charged::Not)) };
        if let Some(agent) = agent
            && records.has_used(agent, address).await?
        {
            let charged = records.charge(&self.known(address), BY_KNOWN).await?;
            return Ok(charged.map(|()| Charged::Known));
        }
        if let Err(wait_s) = records.charge(address, BY_ADDRESS).await? {
            return Ok(Err(wait_s));
        }
        let charged = records.charge(&self.name, BY_NAME).await?;
        if charged.is_err() {
            records.refund(address, BY_ADDRESS).await?;
        }
        Ok(charged.map(|()| Charged::Stranger))
    }

    /// It was right.
    pub(super) async fn succeed(
        &self,
        records: &dyn LoginRecords,
        agent: AgentId,
        charged: Charged,
    ) -> Result<()> {
        let Some(address) = &self.address else { return Ok(()) };
        match charged {
            Charged::Not => {}
            Charged::Known => records.refund(&self.known(address), BY_KNOWN).await?,
            Charged::Stranger => {
                records.refund(address, BY_ADDRESS).await?;
                records.refund(&self.name, BY_NAME).await?;
            }
        }
        records.used(agent, address).await
    }

    /// This name from this address.
    fn known(&self, address: &str) -> String {
        mark("known", &format!("{} {address}", self.name))
    }
}

/// How a try was counted before it was known to be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Charged {
    /// It is not known where it comes from.
    Not,
    /// From where that account has logged in before.
    Known,
    /// From elsewhere.
    Stranger,
}

/// Who does something of this kind from an address, as [`LoginRecords::charge`] counts it.
pub fn subject_of(kind: &str, from: IpAddr) -> String {
    mark(kind, &household(from).to_string())
}

/// A text that stands for another and does not tell it at a glance.
pub(super) fn mark(kind: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize();
    services::hex(&hash[..MARK])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_and_what_is_not() {
        let of = |name: &str, from: &str| Try::new(name, "One", Some(from.parse().unwrap()));
        assert_eq!(of("Ada", "192.0.2.1"), of(" ADA ", "::ffff:192.0.2.1"));
        assert_eq!(of("Ada", "2001:db8::1"), of("Ada", "2001:db8::ffff:1"));
        assert_ne!(of("Ada", "2001:db8::1"), of("Ada", "2001:db8:0:1::1"));
        assert_ne!(of("Ada", "192.0.2.1"), of("Ada", "192.0.2.2"));
        assert_ne!(of("Ada", "192.0.2.1"), of("Bob", "192.0.2.1"));
        assert_ne!(mark("name", "x"), mark("address", "x"));
    }
}
