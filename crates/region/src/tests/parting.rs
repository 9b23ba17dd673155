//! A peer without tickets, and what it closes of an agent that comes and goes.

use super::*;
use model::CapsSecret;
use transfer::{AgentCreated, AgentData, Agreement, Hello, PeerReply, Release, ReleaseWhen, Whereabouts};

/// The peer's region.
const PEER: RegionId = RegionId(Uuid::from_u128(0x9));

/// Ada is in region 0, out of sight of the peer.
struct Journey {
    town: Town,
    /// What the peer was asked, by the name of the call, and when.
    asked: Vec<(&'static str, Moment)>,
    /// It does not answer CreateAgent.
    silent: bool,
    /// Its region.
    peer: Arc<services::RegionInfo>,
    /// What the peer's own calls were answered.
    answered: Vec<PeerReply>,
}

impl Journey {
    /// The peer is so many regions away.
    fn new(away: u32) -> Self {
        let peer = Arc::new(info(away));
        Self { peer, town: Town::with_bob_in(1), asked: Vec::new(), silent: false, answered: Vec::new() }
    }

    fn put(&mut self, input: Input<'_>) {
        let mut effects = Vec::new();
        self.town.regions[0].handle(self.town.now, input, &mut effects);
        self.town.collect(0);
        for effect in effects {
            let result = match effect {
                Effect::CallGrid { id, call: GridCall::RegionAt(_), .. } => {
                    (id, Ok(Reply::Region(Some(self.peer.clone()))))
                }
                Effect::CallGrid { id, call: GridCall::RegionsInRange { .. }, .. } => {
                    (id, Ok(Reply::Regions(vec![self.peer.clone()])))
                }
                Effect::CallPeer { id, call, .. } => {
                    self.asked.push((call.name(), self.town.now));
                    if self.silent && call.name() == "CreateAgent" {
                        continue;
                    }
                    (id, Ok(Reply::Peer(reply(&call))))
                }
                Effect::Answer { waiter: Waiter(2), result } => {
                    self.answered.extend(result);
                    continue;
                }
                _ => continue,
            };
            self.put(Input::Reply { id: result.0, result: result.1 });
        }
    }

    fn say<'m>(&mut self, message: &impl WireMessage<'m>) {
        let (_, sequence) = self.town.viewers.get_mut(&ADA).unwrap();
        *sequence += 1;
        let mut bytes = Vec::new();
        header::seal_message(&mut bytes, Flags::RELIABLE, *sequence, message, &mut Vec::new());
        self.put(Input::Datagram { from: address(ADA), bytes: &bytes });
    }

    /// Ada asks to go to the peer.
    fn wish(&mut self) {
        let agent_data =
            m::teleport_location_request::AgentData { agent_id: ADA.0, session_id: session(ADA).0 };
        let info = m::teleport_location_request::Info {
            region_handle: self.peer.handle.0,
            position: Vec3::new(128.0, 128.0, 25.0),
            look_at: Vec3::X,
        };
        self.say(&m::TeleportLocationRequest { agent_data, info });
    }

    fn peer_says(&mut self, call: PeerCall) {
        self.put(Input::Peer { call, waiter: Waiter(2) });
    }

    /// The peer sends Ada back.
    fn announce(&mut self) {
        let create = CreateAgent {
            caps: Some(CapsSecret(Uuid::from_u128(0x77))),
            flags: TeleportFlags::VIA_LOCATION,
            ..announced(ADA)
        };
        self.peer_says(PeerCall::CreateAgent(Box::new(create)));
    }

    /// What it says when it sees no more of a region, and when it gives a transfer up.
    fn close(&mut self) {
        self.peer_says(PeerCall::CloseChild { agent: ADA, session: session(ADA), claim: None });
    }

    /// The rest of the way back.
    fn arrive(&mut self) {
        let data = AgentData {
            wait_for_root: true,
            release: Some(Release { url: "http://peer/agent/a/release".into(), when: ReleaseWhen::Settled }),
            ..updated(ADA, PEER)
        };
        self.peer_says(PeerCall::UpdateAgent(Box::new(data)));
        self.show_up();
    }

    /// The viewer's part of it.
    fn show_up(&mut self) {
        let (agent_id, session_id) = (ADA.0, session(ADA).0);
        let circuit_code = m::use_circuit_code::CircuitCode { code: 7, session_id, id: agent_id };
        self.say(&m::UseCircuitCode { circuit_code });
        let agent_data = m::complete_agent_movement::AgentData { agent_id, session_id, circuit_code: 7 };
        self.say(&m::CompleteAgentMovement { agent_data });
    }

    fn is_here(&self) -> bool {
        self.town.regions[0].agents().any(|agent| agent.agent == ADA && agent.acts)
    }

    /// When the peer was asked this, in milliseconds from the start of the time of the tests.
    fn when(&self, call: &str) -> Vec<u64> {
        let start = Moment::from_millis(1000);
        let asked = self.asked.iter().filter(|(name, _)| *name == call);
        asked.map(|(_, at)| at.since(start).as_millis() as u64).collect()
    }
}

fn info(away: u32) -> services::RegionInfo {
    services::RegionInfo {
        id: PEER,
        handle: GridCell { x: 1000 + away, y: 1000 }.handle(),
        size: RegionSize::STANDARD,
        external_host: "127.0.0.1".into(),
        udp_port: 9009,
        ..services::RegionInfo::default()
    }
}

/// It takes everybody.
fn reply(call: &PeerCall) -> PeerReply {
    match call {
        PeerCall::QueryAccess(_) => {
            PeerReply::Access(Agreement { outbound: Version::V0_8, inbound: Version::V0_8, tickets: false })
        }
        PeerCall::CreateAgent(create) => {
            let caps = create.caps.unwrap();
            PeerReply::Created(AgentCreated { caps, existed: false, tickets: false })
        }
        PeerCall::UpdateAgent(_) => PeerReply::Whereabouts(Whereabouts::Arrived),
        _ => PeerReply::Done,
    }
}

#[test]
fn a_close_of_what_was_left_does_not_end_the_next_visit() {
    for (late, comes) in
        [(Duration::ZERO, true), (Duration::from_millis(1900), true), (Duration::from_secs(2), false)]
    {
        let mut journey = Journey::new(100);
        journey.wish();
        assert!(!journey.is_here());
        journey.announce();
        journey.town.now += late;
        journey.close();
        journey.arrive();
        assert_eq!(journey.is_here(), comes, "closed {late:?} later");
        let arrived = journey.answered.contains(&PeerReply::Whereabouts(Whereabouts::Arrived));
        assert_eq!(arrived, comes, "closed {late:?} later");
    }
}

#[test]
fn a_close_was_about_this_visit_if_the_agent_does_not_follow() {
    for closed in [false, true] {
        let mut journey = Journey::new(100);
        journey.wish();
        journey.announce();
        if closed {
            journey.close();
        }
        journey.show_up();
        for _ in 0..100 {
            journey.town.now += Duration::from_millis(100);
            journey.put(Input::Wakeup);
        }
        // A viewer that was sent and not taken back is let in without its things.
        assert_eq!(journey.is_here(), !closed);
    }
}

#[test]
fn a_peer_that_is_letting_go_is_sent_nobody_before_it_has() {
    for (stay_ms, create_ms) in [(100, 600), (400, 900)] {
        let mut journey = Journey::new(100);
        journey.wish();
        journey.announce();
        journey.arrive();
        assert!(journey.is_here());
        journey.asked.clear();
        journey.town.now += Duration::from_millis(stay_ms);
        // Ada has not settled: the peer still waits for its release, and gets it.
        journey.wish();
        assert_eq!(journey.when("ReleaseAgent"), [stay_ms]);
        assert_eq!(journey.when("CreateAgent"), [0; 0]);
        for _ in 0..20 {
            journey.town.now += Duration::from_millis(50);
            journey.put(Input::Wakeup);
        }
        assert_eq!(journey.when("CreateAgent"), [create_ms]);
        assert_eq!(journey.when("ReleaseAgent"), [stay_ms]);
        assert!(!journey.is_here());
    }
}

#[test]
fn a_cancel_in_mid_create_closes_only_what_was_made_for_the_teleport() {
    for looks_in in [false, true] {
        let mut journey = Journey::new(1);
        if looks_in {
            // The peer comes up: whoever is here sees into it.
            let hello =
                Hello { id: PEER, handle: journey.peer.handle, size: journey.peer.size, ..Hello::default() };
            journey.peer_says(PeerCall::Hello(hello));
            assert_eq!(journey.when("CreateAgent"), [0]);
        }
        journey.silent = true;
        journey.wish();
        assert_eq!(journey.when("CreateAgent").len(), if looks_in { 2 } else { 1 });
        let info = m::teleport_cancel::Info { agent_id: ADA.0, session_id: session(ADA).0 };
        journey.say(&m::TeleportCancel { info });
        assert!(journey.is_here());
        assert_eq!(journey.when("CloseAgent").is_empty(), looks_in);
    }
}
