//! Users: how they log in, what they do, what their viewers report.

use crate::faults::{Deed, Rule, Whim};
use crate::script::Trouble;
use crate::traffic::Way;
use crate::verdict::{Wish, asks};
use crate::world::{Happening, Rehearsal, Report, Waiting, Where};
use model::{AgentId, CircuitCode, FolderId, Moment, SecureSessionId, SessionId, TeleportFlags, Vec3};
use rand::RngExt as _;
use region::Input;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use transfer::{CreateAgent, Offer, PeerCall, PeerReply, QueryAccess, Refusal, Version, VersionRange};
use viewer::teleport::Stage;
use viewer::{Config, Core, HttpReply, Identity, Misbehaviour, Phase, RequestId, Unable, ViewerEvent};

/// A login, by its place in the order of logins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Who(pub usize);

/// How a region is told of a new user.
pub(crate) type Introduction = fn(&mut Rehearsal, Where, CreateAgent) -> Result<PeerReply, Refusal>;

/// A user in one session.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) agent: AgentId,
    pub(crate) session: SessionId,
    pub(crate) address: SocketAddr,
    pub(crate) config: Config,
    /// `None` until the answer to the login call has come.
    pub(crate) core: Option<Core>,
    pub(crate) wake: Option<Moment>,
    /// What they came with, if they brought anything.
    pub(crate) carries: Option<region::Carried>,
    /// The teleport that it has asked for.
    pub(crate) wish: Option<Wish>,
    /// All that the viewer reported, with the moments.
    pub(crate) heard: Vec<(Moment, ViewerEvent)>,
    /// The viewer was told to vanish, or to misbehave otherwise: it need not live.
    pub(crate) may_die: bool,
}

impl Rehearsal {
    /// Logs a new user in; their viewer starts when the answer has come.
    ///
    /// # Errors
    /// The region's refusal.
    pub fn log_in(&mut self, name: &str, at: Where) -> Result<Who, Refusal> {
        self.log_in_with(name, at, |_| {})
    }

    /// The same, with a viewer that is set up differently.
    ///
    /// # Errors
    /// The region's refusal.
    pub fn log_in_with(
        &mut self,
        name: &str,
        at: Where,
        change: impl FnOnce(&mut Config),
    ) -> Result<Who, Refusal> {
        self.log_in_by(name, at, change, Self::create_from_login)
    }

    /// The same, made known to the region in another way.
    pub(crate) fn log_in_by(
        &mut self,
        name: &str,
        at: Where,
        change: impl FnOnce(&mut Config),
        how: Introduction,
    ) -> Result<Who, Refusal> {
        let agent = AgentId(self.random_id());
        let mut config = Config { report_movement: false, seed: self.seed, ..Config::default() };
        change(&mut config);
        self.begin_session(name, agent, at, config, how)
    }

    /// A user who was here before logs in once more, from another place; the session before is ended first.
    ///
    /// # Errors
    /// The region's refusal.
    pub fn log_in_again(&mut self, who: Who, at: Where) -> Result<Who, Refusal> {
        let (agent, session, name) = {
            let person = &mut self.people[who.0];
            person.may_die = true;
            (person.agent, person.session, person.name.clone())
        };
        self.superseded.insert(session);
        let last = self.presence.get(&session).and_then(|reports| reports.last()).copied();
        if let Some(Report::Arrived(there)) = last {
            let reason = "You logged in from elsewhere.".to_string();
            let _ = self.call_from_login(there, PeerCall::EndSession { agent, session, reason });
        }
        let config = self.people[who.0].config.clone();
        self.begin_session(&name, agent, at, config, Self::create_from_login)
    }

    fn begin_session(
        &mut self,
        name: &str,
        agent: AgentId,
        at: Where,
        config: Config,
        introduce: Introduction,
    ) -> Result<Who, Refusal> {
        let session = SessionId(self.random_id());
        let secure_session = SecureSessionId(self.random_id());
        let circuit_code = CircuitCode(self.random.random_range(1..=0x7FFF_FFFF));
        let flags = TeleportFlags::VIA_LOGIN;
        let position = Vec3::new(128.0, 128.0, 23.0);
        let offer = Offer::of(VersionRange::ALL);
        let query =
            QueryAccess { agent, session, position, via_teleport: true, flags, offer, tickets: false };
        self.note(|| format!("--- {name} logs in at {}", self.stages[at.0].plot.name));
        self.call_from_login(at, PeerCall::QueryAccess(query))?;
        let create = CreateAgent {
            agent,
            session,
            secure_session,
            circuit_code,
            first: name.to_string(),
            last: "Rehearsal".to_string(),
            caps: None,
            flags,
            position,
            look_at: Vec3::X,
            draw_distance_m: config.draw_distance_m,
            outfit: Arc::default(),
            client: transfer::Client::default(),
            children: Vec::new(),
            claim: None,
            transfer: None,
            source: None,
            version: Version::V0_8,
        };
        let reply = introduce(self, at, create)?;
        let PeerReply::Created(created) = reply else { return Err(Refusal::new("garbage")) };
        let who = Who(self.people.len());
        let stage = &self.stages[at.0];
        let identity = Identity {
            agent,
            session,
            secure_session,
            circuit_code,
            first: name.to_string(),
            last: "Rehearsal".to_string(),
            simulator: stage.address,
            region: stage.info.handle,
            region_size: stage.info.size,
            seed: format!("{}CAPS/{}0000/", stage.info.server_uri, created.caps),
            start_location: "last".to_string(),
            message: String::new(),
            inventory_root: FolderId::NULL,
            answer: BTreeMap::new(),
        };
        let address = SocketAddr::from((Ipv4Addr::new(10, 1, 0, 1), 20_000 + who.0 as u16));
        self.people.push(Person {
            name: name.to_string(),
            agent,
            session,
            address,
            config,
            core: None,
            wake: None,
            wish: None,
            carries: None,
            heard: Vec::new(),
            may_die: false,
        });
        let due = self.now + self.faults.http.latency;
        self.later(due, Happening::Enter { who, identity: Box::new(identity) });
        Ok(who)
    }

    fn create_from_login(&mut self, at: Where, create: CreateAgent) -> Result<PeerReply, Refusal> {
        self.call_from_login(at, PeerCall::CreateAgent(Box::new(create)))
    }

    /// Somebody outside tells a region something, and does not wait for the answer.
    pub(crate) fn tell_from_login(&mut self, at: Where, call: PeerCall) {
        let waiter = self.new_waiter(at, Waiting::Login);
        self.drive(at, Input::Peer { call, waiter });
    }

    /// What the login service asks a region: answered at once.
    pub(crate) fn call_from_login(&mut self, at: Where, call: PeerCall) -> Result<PeerReply, Refusal> {
        let waiter = self.new_waiter(at, Waiting::Login);
        self.drive(at, Input::Peer { call, waiter });
        self.login_answers.remove(&waiter).unwrap_or_else(|| Err(Refusal::new("The region does not answer.")))
    }

    pub(crate) fn enter(&mut self, who: Who, identity: Identity) {
        let person = &mut self.people[who.0];
        person.core = Some(Core::new(person.config.clone(), identity, self.now));
        self.drain_viewer(who);
    }

    /// Lets the viewer do something, and sends what comes of it. `None`: it has not started.
    pub fn with<T>(&mut self, who: Who, act: impl FnOnce(&mut Core, Moment) -> T) -> Option<T> {
        let before = self.people[who.0].core.as_ref()?.teleport_stage();
        let result = act(self.people[who.0].core.as_mut()?, self.now);
        let after = self.people[who.0].core.as_ref()?.teleport_stage();
        if asks(before, after) {
            self.wish(who);
        } else if after == Stage::None && before != after {
            self.unwish(who);
        }
        self.drain_viewer(who);
        Some(result)
    }

    /// Something comes to a viewer.
    fn feed(&mut self, who: Who, take: impl FnOnce(&mut Core, Moment)) {
        if let Some(core) = &mut self.people[who.0].core {
            take(core, self.now);
            self.drain_viewer(who);
        }
    }

    /// A user's agent.
    pub fn agent(&self, who: Who) -> AgentId {
        self.people[who.0].agent
    }

    /// A viewer; `None` until the answer to its login has come.
    pub fn viewer(&self, who: Who) -> Option<&Core> {
        self.people[who.0].core.as_ref()
    }

    /// Asks for a place in a region.
    ///
    /// # Errors
    /// As [`Core::teleport`]; a viewer that has not started is not in the world.
    pub fn teleport(&mut self, who: Who, to: Where) -> Result<(), Unable> {
        let handle = self.handle(to);
        let name = self.stages[to.0].plot.name;
        self.note(|| format!("--- {} teleports to {name}", self.name(Some(who))));
        self.with(who, |core, now| core.teleport(now, handle, Vec3::new(100.0, 100.0, 25.0), Vec3::X))
            .unwrap_or(Err(Unable::NotInWorld))
    }

    /// Logs out.
    pub fn log_out(&mut self, who: Who) {
        self.note(|| format!("--- {} logs out", self.name(Some(who))));
        self.with(who, |core, now| core.logout(now));
    }

    /// The viewer crashes: nothing comes from it any more.
    pub fn vanish(&mut self, who: Who) {
        self.note(|| format!("--- {} vanishes", self.name(Some(who))));
        self.misbehave(who, Misbehaviour::vanished());
        // Its connections break, as those of a process that died.
        let polls: Vec<RequestId> = self
            .waiting
            .values()
            .filter_map(|(_, waiting)| match waiting {
                Waiting::Poll { who: whose, id, .. } if *whose == who => Some(*id),
                _ => None,
            })
            .collect();
        for id in polls {
            self.cancel_request(who, id);
        }
        let person = &mut self.people[who.0];
        person.core = None;
        person.wake = None;
    }

    /// Tells the viewer to be bad; from now on it may lose its session.
    pub fn misbehave(&mut self, who: Who, how: Misbehaviour) {
        self.people[who.0].may_die = true;
        self.excuse_delay(Some(who));
        self.with(who, |core, now| core.misbehave(now, how));
    }

    /// The viewer need not live through this run.
    pub fn may_die(&mut self, who: Who) {
        self.people[who.0].may_die = true;
    }

    /// A user does something in the middle of everything.
    pub(crate) fn indulge(&mut self, who: Who, whim: Whim) {
        match whim {
            Whim::Cancel => _ = self.with(who, |core, now| core.cancel_teleport(now)),
            Whim::Vanish => self.vanish(who),
            Whim::LogOut => self.log_out(who),
            Whim::Teleport(to) => {
                // The viewer believes that it has cancelled, or it would not ask.
                self.rule(Rule::first(Way::ToRegion, "TeleportCancel", Deed::Drop));
                self.with(who, |core, now| _ = core.cancel_teleport(now));
                let _ = self.teleport(who, to);
            }
        }
    }

    /// All that the viewer has reported, with the moments.
    pub fn heard(&self, who: Who) -> &[(Moment, ViewerEvent)] {
        &self.people[who.0].heard
    }

    /// How often the viewer has reported such a thing.
    pub fn count(&self, who: Who, wanted: impl Fn(&ViewerEvent) -> bool) -> usize {
        self.people[who.0].heard.iter().filter(|(_, event)| wanted(event)).count()
    }

    /// Whether the session is over for the viewer.
    pub fn is_over(&self, who: Who) -> bool {
        self.people[who.0].core.as_ref().is_none_or(|core| core.phase() == Phase::Over)
    }

    /// The region in which the viewer believes its agent to be; `None` unless it is in the world.
    pub fn believes_in(&self, who: Who) -> Option<Where> {
        let core = self.people[who.0].core.as_ref().filter(|core| core.phase() == Phase::InWorld)?;
        let handle = core.region()?.handle;
        self.stages.iter().position(|stage| stage.info.handle == handle).map(Where)
    }

    pub(crate) fn deliver_to_viewer(&mut self, who: Who, from: SocketAddr, bytes: &[u8]) {
        self.feed(who, |core, now| core.handle_datagram(now, from, bytes));
    }

    pub(crate) fn wake_viewer(&mut self, who: Who) {
        self.feed(who, |core, now| core.handle_wakeup(now));
    }

    pub(crate) fn answer_request(&mut self, who: Who, id: RequestId, reply: HttpReply) {
        self.feed(who, |core, now| core.handle_http(now, id, reply));
    }

    fn drain_viewer(&mut self, who: Who) {
        let now = self.now;
        let Some(core) = self.people[who.0].core.as_mut() else { return };
        let (mut datagrams, mut requests, mut cancels, mut events) = (vec![], vec![], vec![], vec![]);
        let mut out = Vec::new();
        while let Some(to) = core.poll_transmit(now, &mut out) {
            datagrams.push((to, std::mem::take(&mut out)));
        }
        while let Some(request) = core.poll_http() {
            requests.push(request);
        }
        while let Some(id) = core.poll_cancel() {
            cancels.push(id);
        }
        while let Some(event) = core.poll_event() {
            events.push(event);
        }
        let wake = core.next_wakeup();
        let died = events.iter().find_map(|event| match event {
            ViewerEvent::Disconnected(why) => Some(*why),
            _ => None,
        });
        self.people[who.0].wake = wake;
        for event in &events {
            if !matches!(event, ViewerEvent::AvatarMoved { .. }) {
                self.note(|| format!("{}: {event:?}", self.name(Some(who))));
            }
        }
        for event in &events {
            self.hear_verdict(who, event);
        }
        self.people[who.0].heard.extend(events.into_iter().map(|event| (now, event)));
        for (to, bytes) in datagrams {
            self.send_to_region(who, to, bytes);
        }
        for id in cancels {
            self.cancel_request(who, id);
        }
        for request in requests {
            self.send_request(who, request);
        }
        let person = &self.people[who.0];
        if let Some(why) = died
            && !person.may_die
            && !self.orphans.contains(&person.session)
        {
            self.fail(format!("{} was disconnected: {why:?}", person.name));
        }
    }

    pub(crate) fn holder_of(&self, session: SessionId) -> Option<Who> {
        self.people.iter().position(|person| person.session == session).map(Who)
    }

    pub(crate) fn whose(&self, session: SessionId) -> &str {
        self.people.iter().find(|person| person.session == session).map_or("somebody", |person| &person.name)
    }

    pub(crate) fn fail(&mut self, what: String) {
        self.note(|| format!("*** {what}"));
        if self.trouble.is_none() {
            self.trouble = Some(Trouble { at: self.now, what });
        }
    }

    /// Cuts a viewer off from everything.
    pub fn isolate(&mut self, who: Who) {
        for at in self.places() {
            self.cut(who, at, &[Way::ToRegion, Way::ToViewer, Way::Request, Way::Response]);
        }
    }
}
