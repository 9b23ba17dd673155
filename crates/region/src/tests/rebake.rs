//! Baked textures that are asked for and are nowhere.

use super::*;

fn asked_for(town: &mut Town) -> Vec<AssetId> {
    let got = town.got.remove(&ADA).unwrap_or_default();
    got.iter()
        .filter_map(|body| match Message::decode(body).unwrap() {
            Message::RebakeAvatarTextures(asked) => Some(AssetId(asked.texture_data.texture_id)),
            _ => None,
        })
        .collect()
}

#[test]
fn who_wears_a_bake_that_is_missing_is_asked_for_it_now_and_then() {
    let mut town = Town::with_bob_in(0);
    let bake = |n: u128| AssetId(Uuid::from_u128(0x1111_2222_3333 + n));
    let entry: Vec<u8> = (0..20).flat_map(|n| bake(n).0.into_bytes()).collect();
    let message = m::AgentSetAppearance {
        agent_data: m::agent_set_appearance::AgentData {
            agent_id: ADA.0,
            session_id: session(ADA).0,
            serial_num: 2,
            size: Vec3::new(0.45, 0.6, 1.9),
        },
        wearable_data: (&[]).into(),
        object_data: m::agent_set_appearance::ObjectData { texture_entry: &entry },
        visual_param: (&[]).into(),
    };
    town.say(ADA, &message);
    town.got.clear();
    for texture in [bake(0), bake(0), AssetId(Uuid::from_u128(5)), bake(1), bake(0)] {
        town.put(0, Input::TextureMissing(texture));
    }
    assert_eq!(asked_for(&mut town), [bake(0), bake(1)]);
    assert!(!town.got.contains_key(&BOB) || town.got[&BOB].is_empty(), "nobody else is asked");
    for n in 0..20 {
        town.put(0, Input::TextureMissing(bake(n)));
    }
    assert_eq!(asked_for(&mut town).len(), 14, "not more than an avatar has");
    town.now += Duration::from_secs(31);
    town.put(0, Input::TextureMissing(bake(0)));
    assert_eq!(asked_for(&mut town), [bake(0)]);
}
