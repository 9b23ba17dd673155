//! How avatars are shown: their bodies, looks and animations as messages.

use circuit::{Circuit, Delivery, Encoded, Refused};
use lludp::messages as m;
use lludp::text;
use model::{Moment, RegionHandle, Uuid, Vec3};
use scene::{Appearance, Presence};
use std::sync::Arc;
use transfer::Outfit;

/// PCode of an avatar.
const PCODE_AVATAR: u8 = 47;
/// Material of an avatar: flesh.
const MATERIAL_FLESH: u8 = 4;

/// What the scene needs to know of an outfit.
pub(crate) fn outfit_appearance(outfit: &Outfit) -> Appearance {
    let standard = Appearance::default();
    let height = if outfit.height_mm > 0 { outfit.height_mm as f32 / 1000.0 } else { standard.size.z };
    Appearance {
        texture_entry: if outfit.texture_entry.is_empty() {
            Arc::from(default_texture_entry())
        } else {
            Arc::from(outfit.texture_entry.as_slice())
        },
        visual_params: Arc::from(outfit.visual_params.as_slice()),
        size: Vec3::new(standard.size.x, standard.size.y, height),
        ..standard
    }
}

/// One texture on everything: the one that viewers have built in for avatars without bakes.
fn default_texture_entry() -> Vec<u8> {
    const DEFAULT_AVATAR: [u8; 16] = uuid::uuid!("c228d1cf-4b5d-4ba8-84f4-899a0796aa97").into_bytes();
    let mut entry = DEFAULT_AVATAR.to_vec();
    // Each part is a default value and an empty list of exceptions (a zero byte): texture, colour (stored inverted),
    // repeats (two floats), offsets and rotation (two bytes each), then material, media, glow and material id.
    entry.push(0);
    entry.extend([0, 0, 0, 0, 0]);
    for _ in 0..2 {
        entry.extend(1.0_f32.to_le_bytes());
        entry.push(0);
    }
    entry.extend([0; 9]);
    entry.extend([0; 6]);
    entry.extend([0; 16]);
    entry
}

/// AvatarAppearance; nothing of an avatar that viewers would ignore it of.
pub(crate) fn appearance(presence: &Presence) -> Option<Encoded> {
    let appearance = presence.appearance();
    // With one parameter or none viewers ignore the message.
    if appearance.visual_params.len() < 2 {
        return None;
    }
    let params: Vec<_> = appearance
        .visual_params
        .iter()
        .map(|&param_value| m::avatar_appearance::VisualParam { param_value })
        .collect();
    let data = [m::avatar_appearance::AppearanceData {
        appearance_version: 0,
        cof_version: appearance.cof_version,
        flags: 0,
    }];
    let hover =
        [m::avatar_appearance::AppearanceHover { hover_height: Vec3::new(0.0, 0.0, appearance.hover_m) }];
    Some(Encoded::new(&m::AvatarAppearance {
        sender: m::avatar_appearance::Sender { id: presence.agent().0, is_trial: false },
        object_data: m::avatar_appearance::ObjectData { texture_entry: &appearance.texture_entry },
        visual_param: params.as_slice().into(),
        appearance_data: (&data).into(),
        appearance_hover: (&hover).into(),
        attachment_block: (&[]).into(),
    }))
}

/// AvatarAnimation: all that it plays.
pub(crate) fn write_animations(
    now: Moment,
    circuit: &mut Circuit,
    presence: &Presence,
    delivery: Delivery,
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let list: Vec<_> = presence
        .animations()
        .iter()
        .map(|playing| m::avatar_animation::AnimationList {
            anim_id: playing.id,
            anim_sequence_id: playing.sequence,
        })
        .collect();
    let message = m::AvatarAnimation {
        sender: m::avatar_animation::Sender { id: presence.agent().0 },
        animation_list: list.as_slice().into(),
        animation_source_list: (&[]).into(),
        physical_avatar_event_list: (&[]).into(),
    };
    circuit.try_write(now, out, &message, delivery)
}

/// ObjectUpdate of one avatar.
pub(crate) fn write_full(
    now: Moment,
    circuit: &mut Circuit,
    presence: &Presence,
    (here, delivery): (RegionHandle, Delivery),
    out: &mut Vec<u8>,
) -> Result<(), Refused> {
    let name = presence.name();
    let values = text::Nul::new(&format!(
        "FirstName STRING RW SV {}\nLastName STRING RW SV {}\nTitle STRING RW SV {}",
        name.first, name.last, name.title
    ));
    let data = scene::wire::avatar_object_data(presence);
    let block = [m::object_update::ObjectData {
        id: presence.local_id().0,
        state: 0,
        full_id: presence.agent().0,
        crc: 0,
        p_code: PCODE_AVATAR,
        material: MATERIAL_FLESH,
        click_action: 0,
        scale: presence.appearance().size,
        object_data: &data,
        parent_id: 0,
        update_flags: 0,
        path_curve: 16,
        profile_curve: 1,
        path_begin: 0,
        path_end: 0,
        path_scale_x: 100,
        path_scale_y: 100,
        path_shear_x: 0,
        path_shear_y: 0,
        path_twist: 0,
        path_twist_begin: 0,
        path_radius_offset: 0,
        path_taper_x: 0,
        path_taper_y: 0,
        path_revolutions: 0,
        path_skew: 0,
        profile_begin: 0,
        profile_end: 0,
        profile_hollow: 0,
        texture_entry: &[],
        texture_anim: &[],
        name_value: values.as_bytes(),
        data: &[],
        text: &[],
        text_color: [0; 4],
        media_url: &[],
        ps_block: &[],
        extra_params: &[0],
        sound: Uuid::nil(),
        owner_id: Uuid::nil(),
        gain: 0.0,
        flags: 0,
        radius: 0.0,
        joint_type: 0,
        joint_pivot: Vec3::ZERO,
        joint_axis_or_anchor: Vec3::ZERO,
    }];
    let message = m::ObjectUpdate {
        region_data: m::object_update::RegionData { region_handle: here.0, time_dilation: u16::MAX },
        object_data: (&block).into(),
    };
    circuit.try_write(now, out, &message, delivery)
}
