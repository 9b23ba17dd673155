//! The one task of a region: waits for whatever comes first (datagrams, a request, an answer, the region's own
//! alarm), puts it into the region, performs the effects that come out and sends the datagrams that are due.
//!
//! A region in which nothing happens waits without a timer and costs nothing. A busy one gives way to others
//! after [`TURN`] datagrams. If a region panics, this task ends and nothing else does; [`crate::Simulator`]
//! clears up after it and starts a fresh one on the same socket.

use crate::calls::Calls;
use crate::clock::Clock;
use crate::directory::{CapsEntry, Directory, Request};
use crate::metrics::{Metrics, RegionCounters};
use crate::notices::Notices;
use crate::sessions::Sessions;
use crate::transfers::Transfers;
use crate::udp::{RegionSocket, SendBatch};
use model::{CapsSecret, Moment, RegionId};
use region::{CallId, Effect, Input, Region, Reply, TraceKind, TraceLine, Waiter};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until};
use transfer::{PeerError, PeerReply, Refusal};

/// Datagrams that are sent, and requests that are taken, before the task looks at its other sources again.
const TURN: usize = 256;
/// After an error of the socket that is no datagram's fault.
const SOCKET_PAUSE: Duration = Duration::from_millis(100);
/// How long the last datagrams of a region may take to leave.
const FAREWELL: Duration = Duration::from_millis(300);
/// An alarm that rings so late shows that the whole process stood still: what came meanwhile is taken first.
const LATE: Duration = Duration::from_millis(500);
/// Batches of datagrams that are taken then, more than the system keeps for a socket.
const LATE_BATCHES: usize = 256;
/// Waiters whose askers have gone are looked for when there are so many.
const WAITERS: usize = 1024;

/// Somebody who waits for an answer of the region.
enum Waiting {
    Peer(oneshot::Sender<Result<PeerReply, Refusal>>),
    Poll(CapsSecret, oneshot::Sender<Option<String>>),
}

impl Waiting {
    fn has_gone(&self) -> bool {
        match self {
            Self::Peer(answer) => answer.is_closed(),
            Self::Poll(_, answer) => answer.is_closed(),
        }
    }
}

/// What a region's task is made of.
pub(crate) struct RegionTask {
    pub(crate) id: RegionId,
    pub(crate) region: Region,
    pub(crate) clock: Clock,
    pub(crate) socket: Arc<RegionSocket>,
    pub(crate) inbox: mpsc::Receiver<Request>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) calls: Calls,
    pub(crate) notices: Notices,
    pub(crate) transfers: Arc<Transfers>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) counters: Arc<RegionCounters>,
    pub(crate) metrics: Arc<Metrics>,
}

impl RegionTask {
    /// Runs until the region has closed.
    pub(crate) async fn run(self) {
        let Self {
            id,
            region,
            clock,
            socket,
            inbox,
            directory,
            calls,
            notices,
            transfers,
            sessions,
            counters,
            metrics,
        } = self;
        let mut turn = Turn {
            id,
            region,
            clock,
            socket,
            directory,
            calls,
            notices,
            transfers,
            sessions,
            counters,
            metrics,
            waiting: HashMap::new(),
            purge_at: WAITERS,
            effects: Vec::new(),
            batch: SendBatch::default(),
            more: false,
            blocked: false,
            closed: false,
        };
        turn.run(inbox).await;
    }
}

/// What a region's task waits for.
enum Event {
    Readable(std::io::Result<()>),
    Request(Request),
    Reply(CallId, Result<Reply, PeerError>),
    /// The moment that the region had named.
    Alarm(Option<Moment>),
    /// The socket has room again.
    Writable,
    /// The last turn left something to be sent.
    More,
}

struct Turn {
    id: RegionId,
    region: Region,
    clock: Clock,
    socket: Arc<RegionSocket>,
    directory: Arc<Directory>,
    calls: Calls,
    notices: Notices,
    transfers: Arc<Transfers>,
    sessions: Arc<Sessions>,
    counters: Arc<RegionCounters>,
    metrics: Arc<Metrics>,
    /// Only looked up, never walked in order.
    waiting: HashMap<Waiter, Waiting>,
    purge_at: usize,
    effects: Vec<Effect>,
    batch: SendBatch,
    /// The last turn ended at its bound and not for want of datagrams.
    more: bool,
    /// The socket's buffer is full.
    blocked: bool,
    closed: bool,
}

impl Turn {
    async fn run(&mut self, mut inbox: mpsc::Receiver<Request>) {
        let mut alarm = Alarm::new(self.clock);
        while !self.closed {
            let Some(event) = self.wait_for_event(&mut inbox, &mut alarm).await else { break };
            // From here on the region works; whatever it has waited for has come.
            let begun = Instant::now();
            let worked = !matches!(event, Event::Writable | Event::More);
            self.heed(event, &mut inbox).await;
            self.perform();
            self.send();
            if worked {
                self.metrics.work.turn(begun.elapsed());
            }
        }
        self.say_farewell().await;
    }

    /// What comes next; `None` when nobody can ask any more.
    async fn wait_for_event(
        &mut self,
        inbox: &mut mpsc::Receiver<Request>,
        alarm: &mut Alarm,
    ) -> Option<Event> {
        let wakeup = self.region.next_wakeup();
        let due = alarm.set(wakeup);
        tokio::select! {
            ready = self.socket.readable() => Some(Event::Readable(ready)),
            request = inbox.recv() => request.map(Event::Request),
            Some((id, result)) = self.calls.next() => Some(Event::Reply(id, result)),
            () = alarm.ring(), if due => Some(Event::Alarm(wakeup)),
            _ = self.socket.writable(), if self.blocked => Some(Event::Writable),
            () = std::future::ready(()), if self.more && !self.blocked => {
                tokio::task::yield_now().await;
                Some(Event::More)
            }
        }
    }

    async fn heed(&mut self, event: Event, inbox: &mut mpsc::Receiver<Request>) {
        match event {
            Event::Readable(Ok(())) => {
                self.receive().await;
                self.catch_up().await;
            }
            Event::Readable(Err(error)) => self.socket_failed(&error).await,
            Event::Request(request) => {
                self.catch_up().await;
                self.take(request);
                // What else has come in the meantime; the effects keep their order all the same.
                for _ in 1..TURN {
                    match inbox.try_recv() {
                        Ok(request) => self.take(request),
                        Err(_) => break,
                    }
                }
            }
            Event::Reply(id, result) => {
                self.catch_up().await;
                self.put(Input::Reply { id, result });
            }
            Event::Alarm(wakeup) => {
                if let Some(wakeup) = wakeup {
                    self.metrics.work.rang(self.clock.now().since(wakeup));
                }
                self.catch_up().await;
                self.put(Input::Wakeup);
            }
            // There is something to send, or room for it.
            Event::Writable | Event::More => {}
        }
    }

    fn put(&mut self, input: Input<'_>) {
        self.region.handle(self.clock.now(), input, &mut self.effects);
    }

    /// After the process has stood still: viewers whose datagrams wait were not silent.
    async fn catch_up(&mut self) {
        let late = self.region.next_wakeup().is_some_and(|at| at + LATE <= self.clock.now());
        if !late {
            return;
        }
        for _ in 0..LATE_BATCHES {
            if self.receive_batch(true).await == 0 {
                break;
            }
        }
    }

    async fn receive(&mut self) {
        self.receive_batch(false).await;
    }

    /// Takes a batch of datagrams, if need be without the runtime knowing of them; how many there were.
    async fn receive_batch(&mut self, unasked: bool) -> usize {
        let (region, effects, clock) = (&mut self.region, &mut self.effects, self.clock);
        let each = |from, bytes: &[u8]| {
            region.handle(clock.now(), Input::Datagram { from, bytes }, effects);
        };
        let received = if unasked { self.socket.receive_unasked(each) } else { self.socket.receive(each) };
        match received {
            Ok(received) => {
                self.counters.oversized.fetch_add(received.oversized as u64, Ordering::Relaxed);
                received.datagrams
            }
            Err(error) => {
                self.socket_failed(&error).await;
                0
            }
        }
    }

    async fn socket_failed(&mut self, error: &std::io::Error) {
        tracing::warn!(region = %self.id, %error, "the region's socket failed");
        tokio::time::sleep(SOCKET_PAUSE).await;
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Peer { call, answer, share } => {
                // It does not wait any longer.
                drop(share);
                let waiter = self.directory.new_waiter();
                self.wait(waiter, Waiting::Peer(answer));
                self.put(Input::Peer { call: *call, waiter });
            }
            Request::Poll { caps, ack, done, waiter, from, answer } => {
                self.wait(waiter, Waiting::Poll(caps, answer));
                self.put(Input::Poll { caps, ack, done, waiter, from });
            }
            Request::PollBroken { caps, waiter } => {
                self.waiting.remove(&waiter);
                self.put(Input::PollBroken { caps, waiter });
            }
            Request::SeedFetched { caps, from } => self.put(Input::SeedFetched { caps, from }),
            Request::Reported { agent, visit } => self.put(Input::Reported { agent, visit }),
            Request::TextureMissing(texture) => self.put(Input::TextureMissing(texture)),
            Request::Operator(command) => self.put(Input::Operator(command)),
            Request::Stats(answer) => {
                // Whoever asked may have gone.
                let _ = answer.send(self.region.stats());
            }
            Request::Sessions(answer) => {
                let _ = answer.send(self.region.sessions());
            }
            #[cfg(test)]
            Request::BreakDown => panic!("as the test wishes"),
        }
        self.perform();
    }

    fn wait(&mut self, waiter: Waiter, waiting: Waiting) {
        if self.waiting.len() >= self.purge_at {
            self.waiting.retain(|_, waiting| !waiting.has_gone());
            self.purge_at = WAITERS.max(self.waiting.len() * 2);
        }
        self.waiting.insert(waiter, waiting);
    }

    /// Performs effects until there are none: some make new inputs.
    fn perform(&mut self) {
        while !self.effects.is_empty() {
            let mut effects = std::mem::take(&mut self.effects);
            for effect in effects.drain(..) {
                self.perform_one(effect);
            }
            // Keep the larger list for the next turn.
            if self.effects.is_empty() {
                self.effects = effects;
            }
        }
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::CallPeer { id, region, call, tickets, timeout } => {
                if let Err(error) = self.calls.call_peer(id, &region, call, tickets, timeout) {
                    self.put(Input::Reply { id, result: Err(error) });
                }
            }
            Effect::CallGrid { id, call, timeout } => {
                if let Err(error) = self.calls.call_grid(id, call, timeout) {
                    self.put(Input::Reply { id, result: Err(error) });
                }
            }
            Effect::TellGrid(notice) => self.notices.tell(self.id, notice),
            Effect::Answer { waiter, result } => {
                if let Some(Waiting::Peer(answer)) = self.waiting.remove(&waiter) {
                    // An asker that gave up has drawn its conclusions from that.
                    let _ = answer.send(result);
                }
            }
            Effect::EventQueue { waiter, body } => {
                if let Some(Waiting::Poll(caps, answer)) = self.waiting.remove(&waiter)
                    && answer.send(body).is_err()
                {
                    self.put(Input::PollBroken { caps, waiter });
                }
            }
            Effect::OpenCaps { caps, agent, session } => {
                self.directory.open_caps(caps, CapsEntry { agent, session, region: self.id });
            }
            Effect::CloseCaps { caps } => self.directory.close_caps(caps, self.id),
            Effect::Trace(line) => log(&line),
            Effect::Record(note) => self.transfers.note(self.id, note),
            Effect::Session(note) => self.sessions.note(note),
            Effect::Closed => self.closed = true,
        }
    }

    /// Sends what is due, up to the bound of a turn.
    fn send(&mut self) {
        let now = self.clock.now();
        self.more = false;
        for _ in 0..TURN / crate::udp::BATCH {
            while !self.batch.is_full() && self.batch.push(|out| self.region.poll_datagram(now, out)) {}
            if self.batch.is_empty() {
                self.blocked = false;
                return;
            }
            let flushed = self.batch.flush(&self.socket);
            self.counters.unsent.fetch_add(flushed.failed as u64, Ordering::Relaxed);
            self.blocked = flushed.blocked;
            if flushed.blocked {
                return;
            }
        }
        self.more = true;
    }

    /// Lets the last datagrams leave.
    async fn say_farewell(&mut self) {
        let end = Instant::now() + FAREWELL;
        loop {
            self.send();
            if !self.more && !self.blocked {
                break;
            }
            let room = async { if self.blocked { self.socket.writable().await.is_ok() } else { true } };
            if !matches!(tokio::time::timeout_at(end, room).await, Ok(true)) {
                break;
            }
        }
    }
}

fn log(line: &TraceLine) {
    match line.kind {
        TraceKind::Packet => tracing::info!(target: "sojourn::packet", "{}", line.text),
        TraceKind::EventQueue => tracing::info!(target: "sojourn::event_queue", "{}", line.text),
        TraceKind::Life => tracing::info!(target: "sojourn::life", "{}", line.text),
    }
}

/// The region's alarm: one timer, moved only when the moment changes.
struct Alarm {
    clock: Clock,
    timer: Pin<Box<Sleep>>,
    at: Option<Moment>,
}

impl Alarm {
    fn new(clock: Clock) -> Self {
        Self { clock, timer: Box::pin(sleep_until(Instant::now())), at: None }
    }

    /// Sets it; whether it is going to ring.
    fn set(&mut self, at: Option<Moment>) -> bool {
        if let Some(moment) = at
            && self.at != at
        {
            self.timer.as_mut().reset(self.clock.instant(moment));
        }
        self.at = at;
        at.is_some()
    }

    async fn ring(&mut self) {
        self.timer.as_mut().await;
        // Rung once; the next moment may be the same one again.
        self.at = None;
    }
}
