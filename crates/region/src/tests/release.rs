//! ReleaseAgent ends a transfer at its source: only from whoever was told the secret.

use super::*;
use transfer::Release;

/// What a region does about somebody's word that an agent is released.
fn release(town: &mut Town, url: &str) -> bool {
    let (now, mut effects) = (town.now, Vec::new());
    let call = PeerCall::Release { agent: ADA, url: url.into() };
    town.regions[0].handle(now, Input::Peer { call, waiter: Waiter(9) }, &mut effects);
    let answer = effects.iter().find_map(|effect| match effect {
        Effect::Answer { waiter: Waiter(9), result } => Some(result.is_ok()),
        _ => None,
    });
    answer.unwrap()
}

/// Ada is on her way to the second region, which has not said yet what became of her: the address for its word.
fn under_way(town: &mut Town) -> Release {
    let message = m::TeleportLocationRequest {
        agent_data: m::teleport_location_request::AgentData { agent_id: ADA.0, session_id: session(ADA).0 },
        info: m::teleport_location_request::Info {
            region_handle: town.regions[1].info().handle.0,
            position: Vec3::new(10.0, 10.0, 30.0),
            look_at: Vec3::X,
        },
    };
    let (_, sequence) = town.viewers.get_mut(&ADA).unwrap();
    *sequence += 1;
    let (mut bytes, now) = (Vec::new(), town.now);
    header::seal_message(&mut bytes, Flags::RELIABLE, *sequence, &message, &mut Vec::new());
    let mut effects = Vec::new();
    town.regions[0].handle(now, Input::Datagram { from: address(ADA), bytes: &bytes }, &mut effects);
    loop {
        let mut next = None;
        for effect in effects.drain(..) {
            match effect {
                Effect::CallGrid { id, call, .. } => next = Some((id, town.look_up(call))),
                Effect::CallPeer { call: PeerCall::UpdateAgent(data), .. } => {
                    return data.release.expect("an address for ReleaseAgent");
                }
                Effect::CallPeer { id, call, .. } => {
                    let mut answers = Vec::new();
                    town.regions[1].handle(now, Input::Peer { call, waiter: Waiter(1) }, &mut answers);
                    let answer = answers.into_iter().find_map(|effect| match effect {
                        Effect::Answer { waiter: Waiter(1), result } => Some(result),
                        _ => None,
                    });
                    next = Some((id, answer.unwrap().map(Reply::Peer).map_err(PeerError::Refused)));
                }
                _ => {}
            }
        }
        match next {
            Some((id, result)) => town.regions[0].handle(now, Input::Reply { id, result }, &mut effects),
            // The viewer is told to go, or to open a circuit, and given a moment for it.
            None => {
                town.now += Duration::from_millis(500);
                town.regions[0].handle(town.now, Input::Wakeup, &mut effects);
            }
        }
    }
}

#[test]
fn whoever_was_not_told_the_secret_releases_nobody() {
    for version in [Version::V0_1, Version::V0_7] {
        let mut town = Town::that_speaks(VersionRange { low: version, high: version }, 1);
        let Release { url, .. } = under_way(&mut town);
        let (before, secret) = url.trim_end_matches('/').rsplit_once('/').unwrap();
        let other = Uuid::from_u128(!secret.parse::<Uuid>().unwrap().as_u128());
        for forged in [
            format!("{before}/"),
            before.trim_end_matches("/release").to_owned(),
            format!("{before}/{other}/"),
            format!("{before}/{}/", Uuid::nil()),
            format!("{before}/{secret}x/"),
            String::new(),
        ] {
            assert!(!release(&mut town, &forged), "{version:?} {forged}");
        }
        assert!(release(&mut town, &url), "{version:?}");
    }
}
