//! Regions that close at a time that is known.

use super::*;

const MESSAGE: &str = "Maintenance.";

impl Town {
    /// The first region is to close.
    fn close(&mut self, after_s: u64, avoid: Vec<RegionId>) {
        let (after, reason) = (Duration::from_secs(after_s), MESSAGE.to_owned());
        self.put(0, Input::Operator(OperatorCommand::Close { after, reason, avoid }));
    }

    /// Time passes, in which viewers only show that they are there.
    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        for agent in [ADA, BOB] {
            let ping_id = m::complete_ping_check::PingID { ping_id: 0 };
            self.say(agent, &m::CompletePingCheck { ping_id });
        }
        self.put(0, Input::Wakeup);
    }

    /// The countdown that a viewer was shown, and the kick.
    fn told(&mut self, agent: AgentId) -> Vec<String> {
        let got = self.got.remove(&agent).unwrap_or_default();
        let said = |body: &Vec<u8>| match Message::decode(body).unwrap() {
            Message::AlertMessage(alert) => alert.alert_info.iter().next().map(|info| {
                let parameters = llsd::xml::parse(info.extra_params).unwrap();
                assert_eq!(parameters["NAME"].text(), Some("Region 0"));
                let unit = ["MINUTES", "SECONDS"]
                    .into_iter()
                    .find(|unit| parameters[*unit] != llsd::Value::Undefined);
                let left = parameters[unit.unwrap()].as_i32();
                format!("{} {left}", lludp::text::read(info.message))
            }),
            Message::ImprovedInstantMessage(said) if said.message_block.dialog == 22 => {
                Some(lludp::text::read(said.message_block.message).into_owned())
            }
            Message::KickUser(kick) => Some(format!("kicked: {}", lludp::text::read(kick.user_info.reason))),
            _ => None,
        };
        got.iter().filter_map(said).collect()
    }

    /// Who was asked for in the second region.
    fn sent_away(&self) -> Vec<AgentId> {
        let query = |call: &PeerCall| match call {
            PeerCall::QueryAccess(query) => Some(query.agent),
            _ => None,
        };
        self.to_peers.iter().filter_map(query).collect()
    }
}

#[test]
fn who_is_here_is_warned_offered_a_place_and_moved_there() {
    let mut town = Town::with_bob_in(0);
    town.close(150, Vec::new());
    let offer = "Region 0 closes soon. Go to Region 1?";
    let mut first = town.told(BOB);
    first.sort();
    assert_eq!(first, [offer, "RegionRestartSeconds 150"]);
    for (wait, told) in [
        (29, vec![]),
        (1, vec!["RegionRestartMinutes 2"]),
        (30, vec![]),
        (30, vec!["RegionRestartSeconds 60"]),
        (30, vec!["RegionRestartSeconds 30"]),
        (15, vec!["RegionRestartSeconds 15"]),
        (5, vec!["RegionRestartSeconds 10"]),
        (5, vec!["RegionRestartSeconds 5"]),
        (4, vec![]),
    ] {
        town.pass(wait);
        assert_eq!(town.told(BOB), told);
    }
    assert_eq!(town.sent_away(), []);
    town.pass(1);
    assert_eq!(town.sent_away(), [ADA, BOB]);
    // Nobody comes in any more.
    let query = transfer::QueryAccess {
        agent: CLEO,
        session: session(CLEO),
        position: Vec3::ZERO,
        via_teleport: true,
        flags: TeleportFlags::VIA_LOCATION,
        offer: transfer::Offer::of(VersionRange::ALL),
        tickets: true,
    };
    let mut effects = Vec::new();
    let input = Input::Peer { call: PeerCall::QueryAccess(query), waiter: Waiter(5) };
    town.regions[0].handle(town.now, input, &mut effects);
    assert!(effects.iter().any(|e| matches!(e, Effect::Answer { waiter: Waiter(5), result: Err(_) })));
    // Their viewers never arrive: in the end the region closes all the same.
    town.got.clear();
    town.pass(MOVING.as_secs());
    assert_eq!(town.told(BOB), [format!("kicked: {MESSAGE}")]);
}

#[test]
fn who_can_go_nowhere_is_logged_out_with_the_message() {
    let mut town = Town::with_bob_in(0);
    let other = town.regions[1].info().id;
    town.close(0, vec![other]);
    for who in [ADA, BOB] {
        assert_eq!(town.told(who), [format!("kicked: {MESSAGE}")]);
    }
    assert_eq!(town.sent_away(), []);
    town.now += Duration::from_secs(5);
    let mut effects = Vec::new();
    town.regions[0].handle(town.now, Input::Wakeup, &mut effects);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Closed)));
}

#[test]
fn a_full_refuge_takes_nobody_and_the_next_one_is_tried() {
    let mut town = Town::with_bob_in(0);
    let full = RegionConfig { max_agents: 0, ..config(1) };
    town.regions[1] = Region::new(full, town.now);
    let free = RegionConfig { id: RegionId(Uuid::from_u128(0x1002)), ..config(2) };
    town.regions.push(Region::new(free, town.now));
    town.close(0, Vec::new());
    let asked = |town: &Town, who| town.sent_away().iter().filter(|asked| **asked == who).count();
    assert_eq!((asked(&town, ADA), asked(&town, BOB)), (2, 2));
}

#[test]
fn an_empty_region_closes_at_once_and_one_that_stays_open_warns_nobody() {
    let mut town = Town::with_bob_in(1);
    town.close(100, Vec::new());
    town.put(0, Input::Operator(OperatorCommand::KeepOpen));
    town.got.clear();
    town.pass(200);
    assert_eq!(town.told(ADA), [""; 0]);
    assert!(!town.regions[0].shutting_down);
    let mut effects = Vec::new();
    let mut empty = Region::new(config(0), town.now);
    let command = OperatorCommand::Close { after: Duration::ZERO, reason: String::new(), avoid: Vec::new() };
    empty.handle(town.now, Input::Operator(command), &mut effects);
    assert!(matches!(effects.last(), Some(Effect::Closed)), "{effects:?}");
}

#[test]
fn who_comes_in_meanwhile_is_told_how_much_time_is_left() {
    let mut town = Town::with_bob_in(1);
    town.close(100, Vec::new());
    town.pass(2);
    town.enter(CLEO, "Cleo", 0);
    assert_eq!(town.told(CLEO), ["RegionRestartSeconds 98"]);
}
