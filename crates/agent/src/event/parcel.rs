use llsd::{Value, array, map};
use model::{AgentId, AssetId, RegionSize, Vec3};
use uuid::Uuid;

use super::{Event, vector_form};

/// What a viewer learns about a parcel. All fields of the message, with the names that it gives them.
#[derive(Clone, Debug, PartialEq)]
pub struct ParcelProperties {
    /// 0: the parcel asked for; 1: the selection has several; -1: there is none (the rest is not read).
    pub request_result: i32,
    /// That of the request; for the agent's own parcel 0 or a rising number; negative ones have special meanings.
    pub sequence_id: i32,
    /// The viewer is to snap its selection to the parcel.
    pub snap_selection: bool,
    /// Number of the parcel in its region.
    pub local_id: i32,
    /// Agent or group that owns it.
    pub owner_id: Uuid,
    /// Whether that is a group.
    pub is_group_owned: bool,
    /// Auction that it is in; 0 for none.
    pub auction_id: u32,
    /// When it was bought, Unix seconds.
    pub claim_date: i32,
    /// For how much.
    pub claim_price: i32,
    /// Rent a week.
    pub rent_price: i32,
    /// South-west corner of the box around it, metres.
    pub aabb_min: Vec3,
    /// North-east corner of the box around it, metres.
    pub aabb_max: Vec3,
    /// A bit for each square of 4 × 4 m of the region, rows from south, lowest bit west. Viewers insist on 512 bytes
    /// for a region of 256 m, see [`whole_region_bitmap`](Self::whole_region_bitmap).
    pub bitmap: Vec<u8>,
    /// Square metres.
    pub area: i32,
    /// 0 leased, 1 lease pending, 2 abandoned.
    pub status: u8,
    /// Prims that the owner's land in the region may bear.
    pub sim_wide_max_prims: i32,
    /// Prims on the owner's land in the region.
    pub sim_wide_total_prims: i32,
    /// Prims that this parcel may bear.
    pub max_prims: i32,
    /// Prims on it.
    pub total_prims: i32,
    /// Of these, the owner's.
    pub owner_prims: i32,
    /// Of these, the group's.
    pub group_prims: i32,
    /// Of these, others'.
    pub other_prims: i32,
    /// Of these, selected by somebody.
    pub selected_prims: i32,
    /// Factor on the number of prims allowed.
    pub parcel_prim_bonus: f32,
    /// Minutes until others' objects are returned; 0 never.
    pub other_clean_time: i32,
    /// What is allowed there, bits.
    pub parcel_flags: u32,
    /// For how much it is for sale.
    pub sale_price: i32,
    /// Its name.
    pub name: String,
    /// Its description.
    pub desc: String,
    /// Stream that is heard there.
    pub music_url: String,
    /// Media that is seen there.
    pub media_url: String,
    /// Texture that the media replaces.
    pub media_id: AssetId,
    /// Whether the media is scaled to the face: 0 or 1.
    pub media_auto_scale: u8,
    /// Group that it is set to.
    pub group_id: Uuid,
    /// Price of a pass.
    pub pass_price: i32,
    /// Hours that a pass is good for.
    pub pass_hours: f32,
    /// Kind of land in searches.
    pub category: u8,
    /// Who alone may buy it.
    pub auth_buyer_id: AgentId,
    /// Its picture.
    pub snapshot_id: AssetId,
    /// Landing point.
    pub user_location: Vec3,
    /// Where one looks on landing.
    pub user_look_at: Vec3,
    /// 0 blocked, 1 landing point, 2 anywhere.
    pub landing_type: u8,
    /// The region forbids pushing whatever the parcel says.
    pub region_push_override: bool,
    /// The region keeps out agents without payment information.
    pub region_deny_anonymous: bool,
    /// The region keeps out agents with payment information.
    pub region_deny_identified: bool,
    /// The region keeps out agents who have paid.
    pub region_deny_transacted: bool,
    /// Agents inside and outside see each other.
    pub see_avs: bool,
    /// Everybody's sounds are heard.
    pub any_av_sounds: bool,
    /// The group's sounds are heard.
    pub group_av_sounds: bool,
    /// What the media is.
    pub media_desc: String,
    /// MIME type of the media.
    pub media_type: String,
    /// Pixels; 0 for as is.
    pub media_width: i32,
    /// Pixels; 0 for as is.
    pub media_height: i32,
    /// The media starts over at its end.
    pub media_loop: bool,
    /// The media's URL is not shown.
    pub obscure_media: bool,
    /// The stream's URL is not shown.
    pub obscure_music: bool,
    /// The region keeps out agents of unproved age.
    pub region_deny_age_unverified: bool,
    /// Parcels may override the region's access rules.
    pub region_allow_access_override: bool,
    /// Rises with each change of the parcel's environment; -1 for none of its own.
    pub parcel_environment_version: i32,
    /// Parcels may have an environment of their own.
    pub region_allow_environment_override: bool,
    /// More bits of what is allowed.
    pub extended_flags: u32,
}

impl Default for ParcelProperties {
    /// Nobody's parcel over a whole standard region, without limits.
    fn default() -> Self {
        Self {
            request_result: 0,
            sequence_id: 0,
            snap_selection: false,
            local_id: 1,
            owner_id: Uuid::nil(),
            is_group_owned: false,
            auction_id: 0,
            claim_date: 0,
            claim_price: 0,
            rent_price: 0,
            aabb_min: Vec3::ZERO,
            aabb_max: Vec3::new(256.0, 256.0, 0.0),
            bitmap: Self::whole_region_bitmap(RegionSize::STANDARD),
            area: 65536,
            status: 0,
            sim_wide_max_prims: 15000,
            sim_wide_total_prims: 0,
            max_prims: 15000,
            total_prims: 0,
            owner_prims: 0,
            group_prims: 0,
            other_prims: 0,
            selected_prims: 0,
            parcel_prim_bonus: 1.0,
            other_clean_time: 0,
            parcel_flags: 0,
            sale_price: 0,
            name: String::new(),
            desc: String::new(),
            music_url: String::new(),
            media_url: String::new(),
            media_id: AssetId::NULL,
            media_auto_scale: 0,
            group_id: Uuid::nil(),
            pass_price: 0,
            pass_hours: 0.0,
            category: 0,
            auth_buyer_id: AgentId::NULL,
            snapshot_id: AssetId::NULL,
            user_location: Vec3::ZERO,
            user_look_at: Vec3::ZERO,
            landing_type: 2,
            region_push_override: false,
            region_deny_anonymous: false,
            region_deny_identified: false,
            region_deny_transacted: false,
            see_avs: true,
            any_av_sounds: true,
            group_av_sounds: true,
            media_desc: String::new(),
            media_type: "none/none".to_owned(),
            media_width: 0,
            media_height: 0,
            media_loop: false,
            obscure_media: false,
            obscure_music: false,
            region_deny_age_unverified: false,
            region_allow_access_override: true,
            parcel_environment_version: -1,
            region_allow_environment_override: false,
            extended_flags: 0,
        }
    }
}

impl ParcelProperties {
    /// The bitmap of a parcel that covers the region: (edge / 4)² bits.
    pub fn whole_region_bitmap(size: RegionSize) -> Vec<u8> {
        // An edge of a region fits into 16 bits by far; the product of two such in 64.
        let bits = u64::from(size.x.min(0xFFFF) / 4) * u64::from(size.y.min(0xFFFF) / 4);
        vec![0xFF; usize::try_from(bits / 8).unwrap_or(0)]
    }
}

/// ParcelProperties: what the viewer shows of a parcel. The first about the agent's own parcel after an arrival tells
/// the viewer that its teleport is over.
pub fn parcel_properties(parcel: &ParcelProperties) -> Event {
    let p = parcel;
    let parcel_data = map! {
        "RequestResult" => p.request_result,
        "SequenceID" => p.sequence_id,
        "SnapSelection" => p.snap_selection,
        "SelfCount" => 0,
        "OtherCount" => 0,
        "PublicCount" => 0,
        "LocalID" => p.local_id,
        "OwnerID" => p.owner_id,
        "IsGroupOwned" => p.is_group_owned,
        // OpenSimulator sends an integer here, which ends the event queue of a strict client.
        "AuctionID" => Value::from_u32_be(p.auction_id),
        // OpenSimulator sends a date; the template says S32.
        "ClaimDate" => p.claim_date,
        "ClaimPrice" => p.claim_price,
        "RentPrice" => p.rent_price,
        "AABBMin" => vector_form(p.aabb_min),
        "AABBMax" => vector_form(p.aabb_max),
        "Bitmap" => p.bitmap.as_slice(),
        "Area" => p.area,
        "Status" => p.status,
        "SimWideMaxPrims" => p.sim_wide_max_prims,
        "SimWideTotalPrims" => p.sim_wide_total_prims,
        "MaxPrims" => p.max_prims,
        "TotalPrims" => p.total_prims,
        "OwnerPrims" => p.owner_prims,
        "GroupPrims" => p.group_prims,
        "OtherPrims" => p.other_prims,
        "SelectedPrims" => p.selected_prims,
        "ParcelPrimBonus" => p.parcel_prim_bonus,
        "OtherCleanTime" => p.other_clean_time,
        "ParcelFlags" => Value::from_u32_be(p.parcel_flags),
        "SalePrice" => p.sale_price,
        "Name" => p.name.as_str(),
        "Desc" => p.desc.as_str(),
        "MusicURL" => p.music_url.as_str(),
        "MediaURL" => p.media_url.as_str(),
        "MediaID" => p.media_id.0,
        "MediaAutoScale" => p.media_auto_scale,
        "GroupID" => p.group_id,
        "PassPrice" => p.pass_price,
        "PassHours" => p.pass_hours,
        "Category" => p.category,
        "AuthBuyerID" => p.auth_buyer_id.0,
        "SnapshotID" => p.snapshot_id.0,
        "UserLocation" => vector_form(p.user_location),
        "UserLookAt" => vector_form(p.user_look_at),
        "LandingType" => p.landing_type,
        "RegionPushOverride" => p.region_push_override,
        "RegionDenyAnonymous" => p.region_deny_anonymous,
        "RegionDenyIdentified" => p.region_deny_identified,
        "RegionDenyTransacted" => p.region_deny_transacted,
        "SeeAVs" => p.see_avs,
        "AnyAVSounds" => p.any_av_sounds,
        "GroupAVSounds" => p.group_av_sounds,
    };
    let media = map! {
        "MediaDesc" => p.media_desc.as_str(),
        "MediaType" => p.media_type.as_str(),
        "MediaWidth" => p.media_width,
        "MediaHeight" => p.media_height,
        "MediaLoop" => p.media_loop,
        "ObscureMedia" => p.obscure_media,
        "ObscureMusic" => p.obscure_music,
    };
    let environment = map! {
        "ParcelEnvironmentVersion" => p.parcel_environment_version,
        "RegionAllowEnvironmentOverride" => p.region_allow_environment_override,
    };
    let body = map! {
        "ParcelData" => array![parcel_data],
        "MediaData" => array![media],
        "AgeVerificationBlock" => array![map! { "RegionDenyAgeUnverified" => p.region_deny_age_unverified }],
        "RegionAllowAccessBlock" => array![map! { "RegionAllowAccessOverride" => p.region_allow_access_override }],
        "ParcelEnvironmentBlock" => array![environment],
        "ParcelExtendedFlags" => array![map! { "Flags" => Value::from_u32_be(p.extended_flags) }],
    };
    Event::new("ParcelProperties", body)
}
