//! The clock, and all that is on its way.

use crate::faults::{Faults, Rule, Whim};
use crate::form::Letter;
use crate::layout::{Layout, Plot};
use crate::people::{Person, Who};
use crate::script::Trouble;
use crate::social::Society;
use crate::tally::Transfers;
use crate::traffic::{Traffic, Way};
use crate::transcript::Transcript;
use model::{AgentId, AssetId, CapsSecret, Moment, RegionId, SessionId, Uuid};
use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;
use region::{CallId, Input, OperatorCommand, Place, Region, RegionConfig, Reply, Waiter};
use services::RegionInfo;
use simulation::Incoming;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use transfer::{Mutant, Patience, PeerError, Version};
use viewer::{HttpReply, HttpRequest, Identity, RequestId};

/// A region, by its place in the layout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Where(pub usize);

/// So many events at one moment mean that somebody asks to be woken without doing anything.
const EVENTS_AT_ONCE: u32 = 50_000;

/// The clock begins here, so that moments before the beginning can be spoken of.
const BEGINNING: Moment = Moment::from_millis(10_000);

/// Something that is due at some moment.
#[derive(Debug)]
pub(crate) enum Happening {
    ToRegion {
        at: Where,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    ToViewer {
        who: Who,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Request {
        who: Who,
        at: Where,
        request: HttpRequest,
    },
    Response {
        who: Who,
        at: Where,
        id: RequestId,
        reply: HttpReply,
    },
    PollBroken {
        at: Where,
        run: u32,
        caps: CapsSecret,
        waiter: Waiter,
    },
    Call {
        from: Where,
        run: u32,
        id: CallId,
        to: Where,
        letter: Rc<Letter>,
    },
    /// To a region's question: from a peer, from the grid, or that there will be none.
    Answer {
        to: Where,
        run: u32,
        id: CallId,
        result: Result<Reply, PeerError>,
    },
    /// A region hears that the grid has taken its report of an arrival.
    Reported {
        at: Where,
        run: u32,
        agent: AgentId,
        visit: u64,
    },
    /// The login service's answer reaches the viewer.
    Enter {
        who: Who,
        identity: Box<Identity>,
    },
    /// A region's simulator dies, and perhaps starts again.
    Crash {
        at: Where,
        restart: bool,
    },
    /// A region that was down starts.
    Rise {
        at: Where,
    },
    /// The grid falls silent, or speaks again.
    Silence(bool),
    Prompt(Who, Whim),
    /// By now the viewer must have heard how this teleport ended.
    VerdictDue {
        who: Who,
        wish: u64,
    },
}

/// Somebody who waits for an answer of a region.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    Peer(Box<Caller>),
    Poll { who: Who, id: RequestId, caps: CapsSecret },
    Login,
}

/// A region that waits for another's answer.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) from: Where,
    pub(crate) run: u32,
    pub(crate) id: CallId,
    pub(crate) who: Option<Who>,
    pub(crate) name: &'static str,
    pub(crate) letter: Rc<Letter>,
    pub(crate) incoming: Incoming,
}

/// A region and what the rehearsal knows of it.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) plot: Plot,
    pub(crate) info: Arc<RegionInfo>,
    pub(crate) address: SocketAddr,
    /// `None` while its simulator is down.
    pub(crate) region: Option<Region>,
    /// Its starts so far; answers to an earlier run are not for the present one.
    pub(crate) run: u32,
    pub(crate) wake: Option<Moment>,
    pub(crate) open_caps: BTreeMap<CapsSecret, (AgentId, SessionId)>,
    pub(crate) questions: BTreeSet<CallId>,
    /// Transfers from it that have ended in this run.
    pub(crate) ended: u64,
    pub(crate) acting: BTreeSet<(AgentId, SessionId)>,
    /// Those of them that may be elsewhere, for all that their region knows.
    pub(crate) doubted: BTreeSet<SessionId>,
}

/// What the grid was told about a session.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Report {
    Arrived(Where),
    LoggedOut(Where),
}

/// Regions, viewers, network, grid and clock; all of it one value.
#[derive(Debug)]
pub struct Rehearsal {
    pub(crate) seed: u64,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) now: Moment,
    pub(crate) random: ChaCha8Rng,
    queue: BTreeMap<(Moment, u64), Happening>,
    counter: u64,
    at_once: u32,
    events: u64,
    pub(crate) stages: Vec<Stage>,
    pub(crate) people: Vec<Person>,
    pub(crate) faults: Faults,
    pub(crate) rules: Vec<Rule>,
    pub(crate) cuts: BTreeSet<(Who, Where, Way)>,
    pub(crate) parted: BTreeSet<(Where, Where)>,
    pub(crate) grid_is_dead: bool,
    /// When the last call between two regions comes, since calls do not overtake each other.
    pub(crate) last_call: BTreeMap<(Where, Where), Moment>,
    pub(crate) waiting: BTreeMap<Waiter, (Where, Waiting)>,
    pub(crate) next_waiter: u64,
    pub(crate) login_answers: BTreeMap<Waiter, Result<transfer::PeerReply, transfer::Refusal>>,
    pub(crate) presence: BTreeMap<SessionId, Vec<Report>>,
    pub(crate) homes: BTreeMap<AgentId, Place>,
    pub(crate) society: Society,
    pub(crate) assets: BTreeMap<AssetId, Arc<[u8]>>,
    pub(crate) seen: Option<BTreeSet<Traffic>>,
    pub(crate) transcript: Transcript,
    pub(crate) trouble: Option<Trouble>,
    /// Sessions that lost their region to a crash: what becomes of them is not the regions' fault.
    pub(crate) orphans: BTreeSet<SessionId>,
    /// Sessions that a newer login ended: the login service itself ends their presence.
    pub(crate) superseded: BTreeSet<SessionId>,
    /// Sessions with child agents whose keeper was lost in a crash: nobody is left to close them.
    pub(crate) unkept: BTreeSet<SessionId>,
    /// Queues that ended where peers without tickets close agents and send them. A late close ends one that is wanted, and
    /// who is to have the agent again is told the same secret, by which a viewer begins no second queue.
    pub(crate) ended_queues: BTreeSet<(Who, Where)>,
    /// Sessions that were leaving somewhere while another region died, and until when: it may have been the one that
    /// knew where they are.
    pub(crate) unwitnessed: BTreeMap<SessionId, Moment>,
    /// While regions cannot talk to each other at all, nobody can know who is root.
    pub(crate) may_double: bool,
    /// Nor while the grid is silent that peers without tickets have to be asked about.
    pub(crate) unknowable_until: Moment,
    /// How transfers began and ended.
    pub(crate) transfers: Transfers,
    /// Teleports asked for by viewers.
    pub(crate) wishes: u64,
    /// Viewers whose event queues broke, and until when they do not ask again.
    pub(crate) pauses: BTreeMap<(Who, Where), Moment>,
    /// Tags of the mishaps that have hit.
    pub(crate) hits: BTreeSet<usize>,
    pub(crate) scratch: Vec<u8>,
}

impl Rehearsal {
    /// A world without users.
    pub fn new(seed: u64, layout: &Layout, faults: Faults) -> Self {
        Self::with_transcript(seed, layout, faults, None, Transcript::default())
    }

    pub(crate) fn with_transcript(
        seed: u64,
        layout: &Layout,
        faults: Faults,
        mutant: Option<Mutant>,
        transcript: Transcript,
    ) -> Self {
        let mut rehearsal = Self {
            seed,
            mutant,
            now: BEGINNING,
            random: ChaCha8Rng::seed_from_u64(seed),
            queue: BTreeMap::new(),
            counter: 0,
            at_once: 0,
            events: 0,
            stages: Vec::new(),
            people: Vec::new(),
            faults,
            rules: Vec::new(),
            cuts: BTreeSet::new(),
            parted: BTreeSet::new(),
            grid_is_dead: false,
            last_call: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_waiter: 0,
            login_answers: BTreeMap::new(),
            presence: BTreeMap::new(),
            homes: BTreeMap::new(),
            society: Society::default(),
            assets: BTreeMap::new(),
            seen: None,
            transcript,
            trouble: None,
            orphans: BTreeSet::new(),
            superseded: BTreeSet::new(),
            unkept: BTreeSet::new(),
            ended_queues: BTreeSet::new(),
            unwitnessed: BTreeMap::new(),
            may_double: false,
            unknowable_until: BEGINNING,
            transfers: Transfers::default(),
            wishes: 0,
            pauses: BTreeMap::new(),
            hits: BTreeSet::new(),
            scratch: Vec::new(),
        };
        for (index, plot) in layout.plots.iter().enumerate() {
            let config = config(seed, index, 0, plot, mutant);
            let address = SocketAddr::from((config.sim_ip, config.udp_port));
            let region = Region::new(config, BEGINNING);
            rehearsal.stages.push(Stage {
                plot: plot.clone(),
                info: presented(&region, plot),
                address,
                region: Some(region),
                run: 0,
                wake: None,
                open_caps: BTreeMap::new(),
                questions: BTreeSet::new(),
                ended: 0,
                acting: BTreeSet::new(),
                doubted: BTreeSet::new(),
            });
        }
        rehearsal
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The seed of this run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// In which version agents go from one region to the other.
    pub(crate) fn version_between(&self, from: Where, to: Where) -> Version {
        let newest = |at: Where| self.stages[at.0].plot.versions.high;
        newest(from).min(newest(to))
    }

    /// Whether some region knows no tickets.
    pub(crate) fn has_plain(&self) -> bool {
        self.stages.iter().any(|stage| stage.plot.plain)
    }

    /// A region by name.
    ///
    /// # Panics
    /// When the layout has none of that name.
    pub fn place(&self, name: &str) -> Where {
        Where(self.stages.iter().position(|stage| stage.plot.name == name).expect("a name of the layout"))
    }

    /// All regions.
    pub fn places(&self) -> impl Iterator<Item = Where> + use<> {
        (0..self.stages.len()).map(Where)
    }

    /// A region; `None` while it is down.
    pub fn region(&self, at: Where) -> Option<&Region> {
        self.stages[at.0].region.as_ref()
    }

    /// The operator wants something of a region.
    pub fn operate(&mut self, at: Where, command: OperatorCommand) {
        self.note(|| format!("--- operator of {}: {command:?}", self.stages[at.0].plot.name));
        self.drive(at, Input::Operator(command));
    }

    /// From now on remembers which kinds of things travel.
    pub fn watch_traffic(&mut self) {
        self.seen = Some(BTreeSet::new());
    }

    /// What travelled since [`Rehearsal::watch_traffic`].
    pub fn traffic(&self) -> Vec<Traffic> {
        self.seen.iter().flatten().cloned().collect()
    }

    pub(crate) fn note(&self, text: impl FnOnce() -> String) {
        self.transcript.line(self.now, text);
    }

    pub(crate) fn later(&mut self, due: Moment, what: Happening) {
        self.counter += 1;
        self.queue.insert((due.max(self.now), self.counter), what);
    }

    /// Whether names of things are of use to anybody.
    pub(crate) fn names_matter(&self) -> bool {
        !self.rules.is_empty() || self.seen.is_some() || self.transcript.is_on()
    }

    /// Lets the next thing happen, if it is due by then. `false`: nothing is, and the clock stands at `limit`.
    pub(crate) fn step(&mut self, limit: Moment) -> bool {
        let queued = self.queue.first_key_value().map(|(&(at, _), _)| at);
        let region = self.stages.iter().enumerate().filter_map(|(i, s)| Some((s.wake?, i))).min();
        let viewer = self.people.iter().enumerate().filter_map(|(i, p)| Some((p.wake?, i))).min();
        let next = [queued, region.map(|r| r.0), viewer.map(|v| v.0)].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= limit) else {
            self.now = self.now.max(limit);
            return false;
        };
        self.at_once = if next > self.now { 0 } else { self.at_once + 1 };
        if self.at_once > EVENTS_AT_ONCE {
            self.fail("time stands still: somebody asks to be woken for ever".to_string());
            return false;
        }
        self.now = self.now.max(next);
        self.events += 1;
        if queued.is_some_and(|at| at <= self.now) {
            if let Some((_, happening)) = self.queue.pop_first() {
                self.perform(happening);
            }
        } else if let Some((_, index)) = region.filter(|(at, _)| *at <= self.now) {
            self.drive(Where(index), Input::Wakeup);
        } else if let Some((_, index)) = viewer {
            self.wake_viewer(Who(index));
        }
        true
    }

    fn perform(&mut self, happening: Happening) {
        match happening {
            Happening::ToRegion { at, from, bytes } => {
                self.drive(at, Input::Datagram { from, bytes: &bytes })
            }
            Happening::ToViewer { who, from, bytes } => self.deliver_to_viewer(who, from, &bytes),
            Happening::Request { who, at, request } => self.serve(who, at, request),
            Happening::Response { who, at, id, reply } => self.deliver_response(who, at, id, reply),
            Happening::PollBroken { at, run, caps, waiter } => {
                if self.stages[at.0].run == run {
                    self.waiting.remove(&waiter);
                    self.drive(at, Input::PollBroken { caps, waiter });
                }
            }
            Happening::Call { from, run, id, to, letter } => self.deliver_call(from, run, id, to, letter),
            Happening::Answer { to, run, id, result } => {
                if self.stages[to.0].run == run && self.stages[to.0].questions.remove(&id) {
                    if let Err(error) = &result {
                        self.note(|| {
                            format!("{} hears of call {}: {error}", self.stages[to.0].plot.name, id.0)
                        });
                    }
                    self.drive(to, Input::Reply { id, result });
                }
            }
            Happening::Reported { at, run, agent, visit } => {
                if self.stages[at.0].run == run {
                    self.drive(at, Input::Reported { agent, visit });
                }
            }
            Happening::Enter { who, identity } => self.enter(who, *identity),
            Happening::Crash { at, restart: true } => self.restart(at),
            Happening::Crash { at, restart: false } => self.crash(at),
            Happening::Rise { at } => {
                if self.stages[at.0].region.is_none() {
                    self.restart(at);
                }
            }
            Happening::Silence(silent) => self.grid_is_dead = silent,
            Happening::Prompt(who, whim) => self.indulge(who, whim),
            Happening::VerdictDue { who, wish } => self.judge_patience(who, wish),
        }
    }

    /// Puts something into a region, and does what it wants done.
    pub(crate) fn drive(&mut self, at: Where, input: Input<'_>) {
        let now = self.now;
        let stage = &mut self.stages[at.0];
        let Some(region) = stage.region.as_mut() else { return };
        let mut effects = Vec::new();
        region.handle(now, input, &mut effects);
        let mut datagrams = Vec::new();
        let mut out = Vec::new();
        while let Some(to) = region.poll_datagram(now, &mut out) {
            datagrams.push((to, std::mem::take(&mut out)));
        }
        stage.wake = region.next_wakeup();
        self.judge(at);
        for effect in effects {
            self.carry_out(at, effect);
        }
        for (to, bytes) in datagrams {
            self.send_to_viewer(at, to, bytes);
        }
    }

    pub(crate) fn new_waiter(&mut self, at: Where, waiting: Waiting) -> Waiter {
        self.next_waiter += 1;
        let waiter = Waiter(self.next_waiter);
        self.waiting.insert(waiter, (at, waiting));
        waiter
    }

    pub(crate) fn random_id(&mut self) -> Uuid {
        Uuid::from_u128(self.random.random::<u128>() | 1)
    }
}

/// A region as the grid knows it.
fn presented(region: &Region, plot: &Plot) -> Arc<RegionInfo> {
    match plot.host {
        Some(host) => Arc::new(RegionInfo { external_host: host.into(), ..RegionInfo::clone(region.info()) }),
        None => region.info().clone(),
    }
}

/// A region's config; each run of it has secrets of its own.
pub(crate) fn config(seed: u64, index: usize, run: u32, plot: &Plot, mutant: Option<Mutant>) -> RegionConfig {
    let number = index as u16;
    RegionConfig {
        id: RegionId(Uuid::from_u128(0xA000_0000_0000_4000_8000_0000_0000_0000 + index as u128)),
        name: plot.name.to_string(),
        cell: plot.cell,
        size: plot.size,
        sim_ip: Ipv4Addr::new(10, 0, 0, 1),
        udp_port: 9000 + number,
        http_base: format!("http://{}/", plot.name.to_lowercase()).into(),
        maturity: 13,
        max_agents: plot.max_agents,
        access: plot.access,
        members: Vec::new(),
        owner: AgentId(Uuid::from_u128(0xB000_0000_0000_4000_8000_0000_0000_0001)),
        terrain: scene::TerrainKind::Flat(21.0),
        unix_epoch_s: 1_700_000_000,
        seed: seed ^ (u64::from(run) << 32) ^ ((index as u64 + 1) << 48),
        patience: Patience { mutant, ..Patience::default() },
        versions: plot.versions,
        silence_timeout: Duration::from_secs(60),
        version: "Sojourn rehearsal".into(),
    }
}
