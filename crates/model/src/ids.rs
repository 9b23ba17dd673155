use core::fmt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The null id: "none" on the wire.
            pub const NULL: Self = Self(Uuid::nil());

            /// Whether this is the null id.
            pub fn is_null(self) -> bool {
                self.0.is_nil()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )*};
}

uuid_ids! {
    /// A person's account, and with it their agents and avatar: one id for all three on every wire.
    AgentId
    /// One login. Shared by all agents of that login, ended by logout.
    SessionId
    /// The login's second secret; goes to few services only, never over LLUDP in clear.
    SecureSessionId
    /// A region, for as long as it exists, wherever it stands.
    RegionId
    /// An asset: texture, landmark, body part ... immutable content.
    AssetId
    /// An inventory item.
    ItemId
    /// An inventory folder.
    FolderId
    /// The secret in a capability URL: the key to one agent's capabilities in one region.
    CapsSecret
}

/// The secret number by which a region recognises a viewer's first packet; one a session, never zero
/// (XML-RPC integers are signed, so logins give out 1..=0x7FFF_FFFF).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CircuitCode(pub u32);

/// An object's or avatar's number inside one region; meaningless elsewhere. Never zero for a living object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct LocalId(pub u32);
