use crate::Result;
use async_trait::async_trait;
use bitflags::bitflags;
use model::{AgentId, AssetId};
use std::sync::Arc;

/// Longest asset, bytes; textures and meshes are far smaller.
pub const ASSET_BYTES_MAX: usize = 32 << 20;

/// Values of [`AssetMetadata::kind`] (database fact sheet, 8.7).
pub mod asset_type {
    #![allow(missing_docs, reason = "the names say it")]
    pub const TEXTURE: i32 = 0;
    pub const SOUND: i32 = 1;
    pub const CALLING_CARD: i32 = 2;
    pub const LANDMARK: i32 = 3;
    pub const CLOTHING: i32 = 5;
    pub const OBJECT: i32 = 6;
    pub const NOTECARD: i32 = 7;
    pub const FOLDER: i32 = 8;
    pub const SCRIPT: i32 = 10;
    pub const BODY_PART: i32 = 13;
    pub const ANIMATION: i32 = 20;
    pub const GESTURE: i32 = 21;
    pub const LINK: i32 = 24;
    pub const LINK_FOLDER: i32 = 25;
    pub const MESH: i32 = 49;
    pub const SETTINGS: i32 = 56;
    pub const MATERIAL: i32 = 57;
}

bitflags! {
    /// How an asset may be treated.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct AssetFlags: u32 {
        /// A tile of the map.
        const MAPTILE = 1;
        /// Its content may be replaced.
        const REWRITABLE = 2;
        /// May be deleted when nothing shows it.
        const COLLECTABLE = 4;
    }
}

/// Everything about an asset but its content.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AssetMetadata {
    /// Its id.
    pub id: AssetId,
    /// What it is: one of [`asset_type`].
    pub kind: i32,
    /// Its name, at most 64 characters.
    pub name: String,
    /// Its description, at most 64 characters.
    pub description: String,
    /// Who made it; null when nobody knows.
    pub creator: AgentId,
    /// When it was stored, seconds since 1970.
    pub created: u64,
    /// How it may be treated.
    pub flags: AssetFlags,
    /// Lives in one simulator only, until that ends.
    pub temporary: bool,
    /// Never leaves the simulator.
    pub local: bool,
}

/// An asset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// All about it.
    pub metadata: AssetMetadata,
    /// Its content.
    pub data: Arc<[u8]>,
}

/// Textures, landmarks, body parts ... What is in the built-in [library](crate::library) is always there.
#[async_trait]
pub trait AssetService: Send + Sync {
    /// An asset.
    async fn get(&self, id: AssetId) -> Result<Option<Asset>>;

    /// All about an asset but its content.
    async fn metadata(&self, id: AssetId) -> Result<Option<AssetMetadata>>;

    /// The content of an asset.
    async fn data(&self, id: AssetId) -> Result<Option<Arc<[u8]>>>;

    /// Stores an asset for good; the answer is its id, a new one if it came with a null id. An asset that is there
    /// already is left as it is.
    ///
    /// # Errors
    /// `Invalid` if it is too large.
    async fn store(&self, asset: &Asset) -> Result<AssetId>;

    /// Replaces the content of a rewritable asset. Whether that was so.
    async fn update(&self, id: AssetId, data: Arc<[u8]>) -> Result<bool>;

    /// Which of these are there, in the same order.
    async fn exists(&self, ids: &[AssetId]) -> Result<Vec<bool>>;

    /// Deletes an asset. Whether it was there.
    async fn delete(&self, id: AssetId) -> Result<bool>;
}
