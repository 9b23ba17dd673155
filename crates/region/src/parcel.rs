//! ParcelProperties: the scene's parcel in the words of the event.

use agent::event::ParcelProperties;
use scene::Parcel;

/// What the event says about a parcel; `sequence` is the viewer's, to match its request.
pub(crate) fn properties(parcel: &Parcel, sequence: i32) -> ParcelProperties {
    ParcelProperties {
        request_result: 0,
        sequence_id: sequence,
        snap_selection: false,
        local_id: parcel.local_id,
        owner_id: parcel.owner.0,
        is_group_owned: parcel.group_owned,
        auction_id: 0,
        claim_date: parcel.claim_date,
        claim_price: parcel.claim_price,
        rent_price: parcel.rent_price,
        aabb_min: parcel.aabb_min,
        aabb_max: parcel.aabb_max,
        bitmap: parcel.bitmap.clone(),
        area: parcel.area_m2,
        status: parcel.status,
        sim_wide_max_prims: parcel.max_prims,
        sim_wide_total_prims: 0,
        max_prims: parcel.max_prims,
        total_prims: 0,
        owner_prims: 0,
        group_prims: 0,
        other_prims: 0,
        selected_prims: 0,
        parcel_prim_bonus: parcel.prim_bonus,
        other_clean_time: parcel.other_clean_time,
        parcel_flags: parcel.flags.bits(),
        sale_price: parcel.sale_price,
        name: parcel.name.clone(),
        desc: parcel.description.clone(),
        music_url: parcel.music_url.clone(),
        media_url: parcel.media_url.clone(),
        media_id: parcel.media,
        media_auto_scale: parcel.media_auto_scale,
        group_id: parcel.group,
        pass_price: parcel.pass_price,
        pass_hours: parcel.pass_hours,
        category: parcel.category,
        auth_buyer_id: parcel.authorised_buyer,
        snapshot_id: parcel.snapshot,
        user_location: parcel.user_location,
        user_look_at: parcel.user_look_at,
        landing_type: parcel.landing_type.to_wire(),
        see_avs: parcel.see_avatars,
        any_av_sounds: parcel.any_avatar_sounds,
        group_av_sounds: parcel.group_avatar_sounds,
        ..ParcelProperties::default()
    }
}
