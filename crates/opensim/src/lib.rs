//! What an OpenSimulator leaves behind, read: its configuration files and its databases.
//!
//! [`Configuration`] is what its `.ini` files say as far as it means something here, and a list of all the rest;
//! [`GridConfiguration`] is the same of a ROBUST, its grid;
//! [`Source`] reads people, friendships, inventories and assets out of its databases. Nothing of it is ever written to.
//!
//! Everything here may have been edited by hand or by programs of others for ten years. So what cannot be read is
//! counted and named, and the rest goes on.

mod assets;
mod configuration;
mod files;
mod ini;
mod inventory;
mod reading;
mod records;
mod robust;
mod source;

pub use assets::{AssetTable, OldAsset};
pub use configuration::{Architecture, Configuration, Region};
pub use files::FileStore;
pub use ini::Unreadable;
pub use inventory::mended;
pub use reading::Left;
pub use records::{Counts, OldBelongings, OldFriend, OldPassword};
pub use robust::GridConfiguration;
pub use source::Source;
