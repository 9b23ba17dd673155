//! Land holdings. For now one parcel covers each region.

use bitflags::bitflags;
use glam::Vec3;
use model::{AgentId, AssetId, RegionSize};
use uuid::Uuid;

/// Edge of the squares in which parcels are measured, metres.
pub const SQUARE_M: u32 = 4;

bitflags! {
    /// The `ParcelFlags` of ParcelProperties, as viewers know them.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct ParcelFlags: u32 {
        /// Everybody may fly.
        const ALLOW_FLY = 1 << 0;
        /// Everybody's scripts run.
        const ALLOW_OTHER_SCRIPTS = 1 << 1;
        /// It is for sale.
        const FOR_SALE = 1 << 2;
        /// Everybody may make landmarks.
        const ALLOW_LANDMARK = 1 << 3;
        /// Everybody may shape the land.
        const ALLOW_TERRAFORM = 1 << 4;
        /// Avatars may be hurt.
        const ALLOW_DAMAGE = 1 << 5;
        /// Everybody may build.
        const CREATE_OBJECTS = 1 << 6;
        /// Only the group may enter.
        const USE_ACCESS_GROUP = 1 << 8;
        /// Only those listed may enter.
        const USE_ACCESS_LIST = 1 << 9;
        /// Those listed may not enter.
        const USE_BAN_LIST = 1 << 10;
        /// Passes are sold.
        const USE_PASS_LIST = 1 << 11;
        /// Shown in search.
        const SHOW_DIRECTORY = 1 << 12;
        /// Deeded for the group's contribution.
        const ALLOW_DEED_TO_GROUP = 1 << 13;
        /// Sound stays on the parcel.
        const SOUND_LOCAL = 1 << 15;
        /// Group members may build.
        const CREATE_GROUP_OBJECTS = 1 << 26;
        /// Everybody's objects may enter.
        const ALLOW_ALL_OBJECT_ENTRY = 1 << 27;
        /// Group members' objects may enter.
        const ALLOW_GROUP_OBJECT_ENTRY = 1 << 28;
        /// Voice is on.
        const ALLOW_VOICE = 1 << 29;
        /// Voice uses the estate's channel.
        const USE_ESTATE_VOICE = 1 << 30;
        /// Adults only, by age check.
        const DENY_AGE_UNVERIFIED = 1 << 31;
    }
}

impl Default for ParcelFlags {
    /// A parcel open to everybody, on which only its owner builds.
    fn default() -> Self {
        Self::ALLOW_FLY
            | Self::ALLOW_OTHER_SCRIPTS
            | Self::ALLOW_LANDMARK
            | Self::ALLOW_ALL_OBJECT_ENTRY
            | Self::ALLOW_GROUP_OBJECT_ENTRY
            | Self::CREATE_GROUP_OBJECTS
            | Self::ALLOW_VOICE
            | Self::USE_ESTATE_VOICE
    }
}

/// Where teleports onto a parcel end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LandingType {
    /// Nowhere: teleports are blocked.
    Blocked,
    /// At the parcel's landing point.
    LandingPoint,
    /// Where the visitor wants.
    #[default]
    Direct,
}

impl LandingType {
    /// The `LandingType` of ParcelProperties.
    pub fn to_wire(self) -> u8 {
        match self {
            Self::Blocked => 0,
            Self::LandingPoint => 1,
            Self::Direct => 2,
        }
    }
}

/// One parcel with all that ParcelProperties tells about it; field names are the message's. What belongs to the
/// answer and not to the parcel (RequestResult, SequenceID, SnapSelection, SelectedPrims, ...) is left to who answers.
#[derive(Clone, PartialEq, Debug)]
pub struct Parcel {
    /// `LocalID`: the parcel's number in its region, from 1.
    pub local_id: i32,
    /// The parcel's id, for search and landmarks to parcels.
    pub global_id: Uuid,
    /// `OwnerID`.
    pub owner: AgentId,
    /// `IsGroupOwned`.
    pub group_owned: bool,
    /// `GroupID`; null for none.
    pub group: Uuid,
    /// `ClaimDate`, Unix seconds.
    pub claim_date: i32,
    /// `ClaimPrice`.
    pub claim_price: i32,
    /// `RentPrice`.
    pub rent_price: i32,
    /// `AABBMin`, region-local metres.
    pub aabb_min: Vec3,
    /// `AABBMax`, region-local metres.
    pub aabb_max: Vec3,
    /// `Bitmap`: one bit for each square of [`SQUARE_M`], row by row from the south-west, lowest bit first.
    pub bitmap: Vec<u8>,
    /// `Area`, square metres.
    pub area_m2: i32,
    /// `Status`: 0 leased (owned), 1 pending, 2 abandoned.
    pub status: u8,
    /// `SimWideMaxPrims` and `MaxPrims`.
    pub max_prims: i32,
    /// `ParcelPrimBonus`.
    pub prim_bonus: f32,
    /// `OtherCleanTime`: minutes until others' objects are returned; 0 never.
    pub other_clean_time: i32,
    /// `ParcelFlags`.
    pub flags: ParcelFlags,
    /// `SalePrice`.
    pub sale_price: i32,
    /// `Name`.
    pub name: String,
    /// `Desc`.
    pub description: String,
    /// `MusicURL`.
    pub music_url: String,
    /// `MediaURL`.
    pub media_url: String,
    /// `MediaID`.
    pub media: AssetId,
    /// `MediaAutoScale`.
    pub media_auto_scale: u8,
    /// `PassPrice`.
    pub pass_price: i32,
    /// `PassHours`.
    pub pass_hours: f32,
    /// `Category`: 0 none.
    pub category: u8,
    /// `AuthBuyerID`.
    pub authorised_buyer: AgentId,
    /// `SnapshotID`.
    pub snapshot: AssetId,
    /// `UserLocation`: the landing point, region-local metres; zero for none.
    pub user_location: Vec3,
    /// `UserLookAt`.
    pub user_look_at: Vec3,
    /// `LandingType`.
    pub landing_type: LandingType,
    /// `SeeAVs`: avatars on the parcel are seen from outside.
    pub see_avatars: bool,
    /// `AnyAVSounds`.
    pub any_avatar_sounds: bool,
    /// `GroupAVSounds`.
    pub group_avatar_sounds: bool,
}

/// Overlay byte: owned by somebody else.
const OVERLAY_OWNED: u8 = 1;
/// Overlay byte: owned by who looks.
const OVERLAY_SELF: u8 = 3;
/// Overlay byte: a parcel border along the square's west edge.
const OVERLAY_WEST: u8 = 0x40;
/// Overlay byte: a parcel border along the square's south edge.
const OVERLAY_SOUTH: u8 = 0x80;
/// Overlay byte: sound stays on the parcel.
const OVERLAY_SOUND_LOCAL: u8 = 0x20;

impl Parcel {
    /// The default parcel: the whole region, its owner's.
    pub(crate) fn whole_region(size: RegionSize, owner: AgentId, name: String, global_id: Uuid) -> Self {
        let squares = (size.x / SQUARE_M) as usize * (size.y / SQUARE_M) as usize;
        Self {
            local_id: 1,
            global_id,
            owner,
            group_owned: false,
            group: Uuid::nil(),
            claim_date: 0,
            claim_price: 0,
            rent_price: 0,
            aabb_min: Vec3::ZERO,
            aabb_max: Vec3::new(size.x as f32, size.y as f32, 0.0),
            bitmap: vec![0xFF; squares / 8],
            area_m2: i32::try_from(u64::from(size.x) * u64::from(size.y)).unwrap_or(i32::MAX),
            status: 0,
            max_prims: 15_000,
            prim_bonus: 1.0,
            other_clean_time: 0,
            flags: ParcelFlags::default(),
            sale_price: 0,
            name,
            description: String::new(),
            music_url: String::new(),
            media_url: String::new(),
            media: AssetId::NULL,
            media_auto_scale: 0,
            pass_price: 0,
            pass_hours: 0.0,
            category: 0,
            authorised_buyer: AgentId::NULL,
            snapshot: AssetId::NULL,
            user_location: Vec3::ZERO,
            user_look_at: Vec3::ZERO,
            landing_type: LandingType::Direct,
            see_avatars: true,
            any_avatar_sounds: true,
            group_avatar_sounds: true,
        }
    }

    /// The bytes of ParcelOverlay as one viewer sees the region, all packets in a row: one byte a square, row by
    /// row from the south-west. A packet takes 1024 of them, so a region of 256 m is four packets.
    pub fn overlay(&self, size: RegionSize, viewer: AgentId) -> Vec<u8> {
        let (columns, rows) = ((size.x / SQUARE_M) as usize, (size.y / SQUARE_M) as usize);
        let mut owned = if self.owner == viewer { OVERLAY_SELF } else { OVERLAY_OWNED };
        if self.flags.contains(ParcelFlags::SOUND_LOCAL) {
            owned |= OVERLAY_SOUND_LOCAL;
        }
        let mut bytes = vec![owned; columns * rows];
        for byte in bytes.iter_mut().take(columns) {
            *byte |= OVERLAY_SOUTH;
        }
        for byte in bytes.iter_mut().step_by(columns.max(1)) {
            *byte |= OVERLAY_WEST;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(size: RegionSize) -> (Parcel, AgentId) {
        let owner = AgentId(Uuid::from_u128(7));
        (Parcel::whole_region(size, owner, "Here".into(), Uuid::from_u128(1)), owner)
    }

    #[test]
    fn bitmap_has_a_bit_for_every_square() {
        assert_eq!(parcel(RegionSize::STANDARD).0.bitmap, vec![0xFF; 512]);
        assert_eq!(parcel(RegionSize { x: 512, y: 512 }).0.bitmap.len(), 2048);
    }

    #[test]
    fn overlay_like_the_recording() {
        // OpenSimulator 0.9.2.2, login, ParcelOverlay of the region's owner: c3 83 83 ... then 43 03 03 ... each row.
        let (parcel, owner) = parcel(RegionSize::STANDARD);
        let bytes = parcel.overlay(RegionSize::STANDARD, owner);
        assert_eq!(bytes.len(), 4 * 1024);
        assert_eq!(bytes[..3], [0xC3, 0x83, 0x83]);
        assert_eq!(bytes[64..67], [0x43, 0x03, 0x03]);
        assert_eq!(bytes[4095], 0x03);
        let others = parcel.overlay(RegionSize::STANDARD, AgentId::NULL);
        assert_eq!(others[..2], [0xC1, 0x81]);
    }
}
