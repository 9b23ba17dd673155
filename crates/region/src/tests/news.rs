//! What viewers hear of each other, however slow they are and whatever gets lost.

use super::*;
use scene::Appearance;

/// More people than one message about them can name.
const CROWD: u128 = 80;

impl Town {
    /// Time passes in steps of a tenth of a second; viewers show that they are there, and `hearing` acknowledge all.
    fn wait(&mut self, tenths: u64, hearing: &[AgentId]) {
        for _ in 0..tenths {
            self.now += Duration::from_millis(100);
            for agent in self.viewers.keys().copied().collect::<Vec<_>>() {
                let ping_id = m::complete_ping_check::PingID { ping_id: 0 };
                self.say(agent, &m::CompletePingCheck { ping_id });
                if hearing.contains(&agent) {
                    self.acknowledge(agent);
                }
            }
            self.put(0, Input::Wakeup);
        }
    }

    fn acknowledge(&mut self, agent: AgentId) {
        for numbers in self.unacked.remove(&agent).unwrap_or_default().chunks(200) {
            let packets: Vec<_> = numbers.iter().map(|&id| m::packet_ack::Packets { id }).collect();
            self.say(agent, &m::PacketAck { packets: packets.as_slice().into() });
        }
    }

    /// An avatar looks different.
    fn dress(&mut self, agent: AgentId, with: u8) {
        let looks = Appearance { visual_params: Arc::from([with; 8]), ..Appearance::default() };
        let region = &mut self.regions[0];
        region.scene.set_appearance(self.now, agent, looks, &mut region.scene_events).unwrap();
        self.put(0, Input::Wakeup);
    }

    fn local(&self, agent: AgentId) -> u32 {
        self.regions[0].scene.presence(agent).unwrap().local_id().0
    }

    /// What a viewer has got of avatars, in words, and forgets all it has got.
    fn seen(&mut self, agent: AgentId) -> Vec<String> {
        let got = self.got.remove(&agent).unwrap_or_default();
        got.iter().flat_map(|body| sights(&Message::decode(body).unwrap())).collect()
    }
}

fn sights(message: &Message<'_>) -> Vec<String> {
    match message {
        Message::ObjectUpdate(m) => m.object_data.iter().map(|block| format!("body {}", block.id)).collect(),
        Message::ImprovedTerseObjectUpdate(m) => {
            let id = |data: &[u8]| u32::from_le_bytes(data[..4].try_into().unwrap());
            m.object_data.iter().map(|block| format!("place {}", id(block.data))).collect()
        }
        Message::KillObject(m) => m.object_data.iter().map(|block| format!("gone {}", block.id)).collect(),
        Message::AvatarAppearance(m) => {
            let with = m.visual_param.iter().next().unwrap().param_value;
            vec![format!("looks {} {with}", words_of(m.sender.id))]
        }
        Message::AvatarAnimation(m) => vec![format!("plays {}", words_of(m.sender.id))],
        _ => Vec::new(),
    }
}

fn words_of(id: Uuid) -> &'static str {
    match AgentId(id) {
        ADA => "Ada",
        BOB => "Bob",
        _ => "somebody",
    }
}

fn times(seen: &[String], what: &str) -> usize {
    seen.iter().filter(|seen| *seen == what).count()
}

#[test]
fn who_looks_in_or_comes_later_sees_looks_and_animations_too() {
    let mut town = Town::with_bob_in(0);
    town.dress(ADA, 7);
    town.wait(5, &[ADA, BOB]);
    town.got.clear();
    town.enter(CLEO, "Cleo", 0);
    town.wait(5, &[ADA, BOB, CLEO]);
    let (seen, body) = (town.seen(CLEO), format!("body {}", town.local(ADA)));
    for what in [body.as_str(), "looks Ada 7", "plays Ada", "plays Bob"] {
        assert!(times(&seen, what) > 0, "{what} in {seen:?}");
    }

    // A viewer that begins its circuit anew has forgotten everybody, whether or not we had forgotten it.
    for forgotten in [true, false] {
        town.wait(20, &[ADA, BOB, CLEO]);
        town.got.clear();
        match forgotten {
            true => town.regions[0].drop_link(CLEO),
            false => town.viewers.get_mut(&CLEO).unwrap().1 = 0,
        }
        town.open_from(address(CLEO), CLEO);
        town.wait(5, &[ADA, BOB, CLEO]);
        let seen = town.seen(CLEO);
        for what in [body.as_str(), "looks Ada 7", "plays Ada"] {
            assert!(times(&seen, what) > 0, "{what} in {seen:?}, {forgotten}");
        }
    }
}

#[test]
fn what_got_lost_is_said_anew_and_never_an_older_state_last() {
    let mut town = Town::with_bob_in(0);
    town.wait(20, &[ADA, BOB]);
    town.got.clear();
    // Bob hears nothing of both changes; what he gets at last is the newest.
    town.dress(ADA, 7);
    town.dress(ADA, 8);
    assert_eq!(town.seen(BOB), ["looks Ada 7", "looks Ada 8"]);
    town.wait(40, &[ADA]);
    let seen = town.seen(BOB);
    assert!(times(&seen, "looks Ada 8") > 0, "{seen:?}");
    assert_eq!(times(&seen, "looks Ada 7"), 0, "{seen:?}");
    // What he acknowledges is not said again.
    town.wait(40, &[ADA, BOB]);
    town.got.clear();
    town.wait(100, &[ADA, BOB]);
    assert_eq!(times(&town.seen(BOB), "looks Ada 8"), 0);
}

#[test]
fn where_somebody_rests_is_said_until_it_is_heard() {
    let mut town = Town::with_bob_in(0);
    town.wait(20, &[ADA, BOB]);
    town.got.clear();
    let placement = scene::Placement::facing(Vec3::new(50.0, 60.0, 0.0), Vec3::X);
    let region = &mut town.regions[0];
    region.scene.relocate(town.now, ADA, placement, &mut region.scene_events);
    town.put(0, Input::Wakeup);
    let what = format!("place {}", town.local(ADA));
    town.wait(5, &[ADA]);
    assert!(times(&town.seen(BOB), &what) > 0);
    town.wait(40, &[ADA]);
    assert!(times(&town.seen(BOB), &what) > 0, "he has not acknowledged it");
    town.wait(40, &[ADA, BOB]);
    town.got.clear();
    town.wait(100, &[ADA, BOB]);
    assert_eq!(times(&town.seen(BOB), &what), 0);
}

#[test]
fn who_has_gone_is_gone_even_for_a_viewer_that_has_stalled() {
    let mut town = Town::with_bob_in(0);
    // Fewer bytes than it takes to fill them.
    let config = circuit::Config { unacked_bytes: 2000, ..circuit::Config::default() };
    town.regions[0].circuit_config = Arc::new(config);
    town.enter(CLEO, "Cleo", 0);
    town.wait(20, &[ADA, BOB, CLEO]);
    let local = town.local(ADA);
    let text = vec![b'x'; 900];
    let say = |town: &mut Town| {
        let chat_data = m::chat_from_viewer::ChatData { message: &text, r#type: 1, channel: 0 };
        let agent_data = m::chat_from_viewer::AgentData { agent_id: BOB.0, session_id: session(BOB).0 };
        town.say(BOB, &m::ChatFromViewer { agent_data, chat_data });
    };
    (0..4).for_each(|_| say(&mut town));
    town.got.clear();
    let agent_data = m::logout_request::AgentData { agent_id: ADA.0, session_id: session(ADA).0 };
    town.say(ADA, &m::LogoutRequest { agent_data });
    town.wait(3, &[BOB]);
    let what = format!("gone {local}");
    assert_eq!(times(&town.seen(CLEO), &what), 0, "there was no room for it");
    town.wait(20, &[BOB, CLEO]);
    assert_eq!(times(&town.seen(CLEO), &what), 1);
}

#[test]
fn a_crowd_fits_on_the_map() {
    let mut town = Town::with_bob_in(0);
    town.regions[0].config.max_agents = 200;
    for n in 0..CROWD {
        let agent = AgentId(Uuid::from_u128(0x100 + n));
        town.enter(agent, "One", 0);
    }
    town.got.clear();
    town.wait(25, &[]);
    for viewer in [ADA, AgentId(Uuid::from_u128(0x100 + CROWD - 1))] {
        let got = town.got.remove(&viewer).unwrap();
        let (you, agents) = got
            .iter()
            .find_map(|body| match Message::decode(body).unwrap() {
                Message::CoarseLocationUpdate(map) => {
                    assert_eq!(map.location.iter().count(), map.agent_data.iter().count());
                    let agents: Vec<_> = map.agent_data.iter().map(|agent| agent.agent_id).collect();
                    Some((map.index.you, agents))
                }
                _ => None,
            })
            .unwrap();
        assert_eq!((agents.len(), agents[you as usize]), (60, viewer.0));
    }
}

#[test]
fn all_land_comes_to_a_viewer_that_was_slow() {
    let mut town = Town::with_bob_in(0);
    let config = circuit::Config { unacked_bytes: 20_000, ..circuit::Config::default() };
    town.regions[0].circuit_config = Arc::new(config);
    town.enter(CLEO, "Cleo", 0);
    town.wait(30, &[ADA, BOB]);
    let patches = |town: &Town| {
        let land = |body: &Vec<u8>| match Message::decode(body).unwrap() {
            Message::LayerData(land) => {
                let patches = lludp::layer::LayerDecoder::new(land.layer_data.data).unwrap();
                patches.map(|patch| patch.unwrap()).map(|patch| (patch.x, patch.y)).collect()
            }
            _ => Vec::new(),
        };
        let all: Vec<(u16, u16)> = town.got[&CLEO].iter().flat_map(land).collect();
        all
    };
    let first = patches(&town).len();
    assert!(first < 256, "it does not fit into what may be unacknowledged");
    town.wait(60, &[ADA, BOB, CLEO]);
    let mut all = patches(&town);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 256);
}
