use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use model::Moment;

use crate::event::Event;

/// Every bound and every term of an event queue, by name and with its unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQueueConfig {
    /// A poll that finds nothing is answered with nothing after this long. Viewers give up at 30 s.
    pub hold: Duration,
    /// A batch whose answer was lost is repeated for this long after it was first sent. What it says is no longer
    /// true then: a repeated TeleportFinish would set a finished teleport in motion once more.
    pub repeat: Duration,
    /// Events that may wait.
    pub events: usize,
    /// Bytes of events that may wait.
    pub bytes: usize,
    /// Events in one answer.
    pub batch_events: usize,
    /// Bytes of events in one answer; a single larger event goes alone.
    pub batch_bytes: usize,
}

impl Default for EventQueueConfig {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(20),
            repeat: Duration::from_secs(60),
            events: 512,
            bytes: 512 * 1024,
            batch_events: 64,
            batch_bytes: 128 * 1024,
        }
    }
}

/// The event queue of one agent: what the region tells a viewer over HTTP, by a long poll.
///
/// A poll is answered as soon as there are events, else with none after a term. What was sent is kept until a
/// poll acknowledges it by its id; any other poll gets the same batch with the same id again. So an answer that is
/// lost on the way loses no event (capabilities fact sheet, section 4).
///
/// `W` names a waiting HTTP request to the shell. Nothing is answered but through effects: after
/// [`push`](Self::push) the owner calls [`flush`](Self::flush), once for any number of events, so that they travel
/// together.
#[derive(Debug)]
pub struct EventQueue<W> {
    config: EventQueueConfig,
    now: Moment,
    waiting: VecDeque<Written>,
    waiting_bytes: usize,
    sent: Option<Batch>,
    poll: Option<Held<W>>,
    /// Id of the newest answer; 0 before the first.
    last_id: i32,
    closed: bool,
    statistics: EventQueueStatistics,
}

/// An event in the form in which it is sent.
#[derive(Debug)]
struct Written {
    name: &'static str,
    is_essential: bool,
    pushed: Moment,
    /// The LLSD map of message name and body.
    xml: String,
}

/// What was sent and is not yet acknowledged.
#[derive(Debug)]
struct Batch {
    id: i32,
    first_sent: Moment,
    events: Vec<Written>,
}

#[derive(Debug)]
struct Held<W> {
    waiter: W,
    until: Moment,
}

/// A viewer's request for events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Poll<W> {
    /// Id of the last answer that the viewer has; `None` in its first poll.
    pub ack: Option<i32>,
    /// The viewer polls no more.
    pub done: bool,
    /// The HTTP request that waits.
    pub waiter: W,
}

/// What the shell must do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventQueueEffect<W> {
    /// Answer a request with 200 and an LLSD XML document.
    Answer {
        /// Which.
        waiter: W,
        /// The id in the document.
        id: i32,
        /// Events in the document.
        events: usize,
        /// How long the oldest of them has waited, when they are sent for the first time.
        waited: Option<Duration>,
        /// The document; content type `application/llsd+xml`.
        body: String,
    },
    /// Answer a request with 404: there is no such queue any more.
    Gone {
        /// Which.
        waiter: W,
    },
}

/// What an event queue has done so far, and how it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EventQueueStatistics {
    /// Events pushed.
    pub pushed: u64,
    /// Events acknowledged.
    pub acknowledged: u64,
    /// Events dropped because the queue was full.
    pub dropped: u64,
    /// Events of repeated batches that became too old.
    pub expired: u64,
    /// Answers that repeated a batch.
    pub repeated: u64,
    /// Events that wait or are unacknowledged, now.
    pub events: usize,
    /// Bytes that they take, now.
    pub bytes: usize,
}

impl<W: PartialEq> EventQueue<W> {
    /// An open queue.
    pub fn new(config: EventQueueConfig, now: Moment) -> Self {
        Self {
            config,
            now,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            sent: None,
            poll: None,
            last_id: 0,
            closed: false,
            statistics: EventQueueStatistics::default(),
        }
    }

    /// Puts an event in line. When the queue is full, the oldest event that is not essential makes room, or this
    /// one stays out.
    pub fn push(&mut self, now: Moment, event: Event) {
        self.advance(now);
        if self.closed {
            return;
        }
        self.statistics.pushed += 1;
        let (name, is_essential) = (event.name(), event.is_essential());
        let event = Written { name, is_essential, pushed: self.now, xml: event.into_xml() };
        if !self.make_room(&event) {
            self.statistics.dropped += 1;
            return;
        }
        self.waiting_bytes += event.xml.len();
        self.waiting.push_back(event);
    }

    /// Takes back the events of this name that the viewer has not acknowledged: what they say is no longer true. If it
    /// has seen them all the same, nothing is changed by it.
    pub fn take_back(&mut self, name: &str) {
        self.waiting.retain(|event| event.name != name);
        self.waiting_bytes = self.waiting.iter().map(|event| event.xml.len()).sum();
        if let Some(batch) = &mut self.sent {
            batch.events.retain(|event| event.name != name);
        }
        self.sent.take_if(|batch| batch.events.is_empty());
    }

    /// A poll came in. It is answered through `effects`, now or later.
    pub fn handle_poll(&mut self, now: Moment, poll: Poll<W>, effects: &mut Vec<EventQueueEffect<W>>) {
        self.advance(now);
        if self.closed {
            effects.push(EventQueueEffect::Gone { waiter: poll.waiter });
            return;
        }
        self.handle_ack(poll.ack);
        if let Some(older) = self.poll.take() {
            self.answer_nothing(older.waiter, effects);
        }
        if poll.done {
            self.answer_nothing(poll.waiter, effects);
            self.close(effects);
            return;
        }
        self.poll = Some(Held { waiter: poll.waiter, until: self.now + self.config.hold });
        self.flush(now, effects);
    }

    /// The HTTP connection of a request broke before its answer was delivered, or is believed to have been. What the
    /// answer held goes out again with the next poll.
    pub fn handle_waiter_gone(&mut self, waiter: &W) {
        self.poll.take_if(|held| held.waiter == *waiter);
    }

    /// Answers the waiting poll if there is something to say, or its term is over. To be called after events were
    /// pushed, and at [`next_wakeup`](Self::next_wakeup).
    pub fn flush(&mut self, now: Moment, effects: &mut Vec<EventQueueEffect<W>>) {
        self.advance(now);
        let Some(held) = self.poll.take() else { return };
        if let Some(batch) = self.sent.as_ref() {
            self.statistics.repeated += 1;
            effects.push(batch.answer(held.waiter, None));
        } else if let Some(batch) = self.next_batch() {
            let oldest = batch.events.iter().map(|event| event.pushed).min();
            effects.push(batch.answer(held.waiter, oldest.map(|pushed| self.now - pushed)));
            self.sent = Some(batch);
        } else if self.now >= held.until {
            self.answer_nothing(held.waiter, effects);
        } else {
            self.poll = Some(held);
        }
    }

    /// When [`flush`](Self::flush) has something to do next, unless there is input.
    pub fn next_wakeup(&self) -> Option<Moment> {
        let held = self.poll.as_ref()?;
        Some(if self.waiting.is_empty() { held.until } else { self.now })
    }

    /// Ends the queue: a waiting poll is answered with nothing, later ones are told that it is gone.
    pub fn close(&mut self, effects: &mut Vec<EventQueueEffect<W>>) {
        if let Some(held) = self.poll.take() {
            self.answer_nothing(held.waiter, effects);
        }
        self.closed = true;
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
        self.sent = None;
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Figures for the operator.
    pub fn statistics(&self) -> EventQueueStatistics {
        let (sent_events, sent_bytes) =
            self.sent.as_ref().map_or((0, 0), |batch| (batch.events.len(), batch.bytes()));
        EventQueueStatistics {
            events: self.waiting.len() + sent_events,
            bytes: self.waiting_bytes + sent_bytes,
            ..self.statistics
        }
    }

    fn advance(&mut self, now: Moment) {
        self.now = self.now.max(now);
    }

    /// The viewer has everything up to the answer with this id. Of a batch that it does not have, the events are
    /// repeated, unless they are too old by now.
    fn handle_ack(&mut self, ack: Option<i32>) {
        let Some(batch) = self.sent.take() else { return };
        if ack == Some(batch.id) {
            self.statistics.acknowledged += batch.events.len() as u64;
        } else if self.now - batch.first_sent > self.config.repeat {
            self.statistics.expired += batch.events.len() as u64;
        } else {
            self.sent = Some(batch);
        }
    }

    /// An answer without events bears the id of the newest one with, so that the next poll acknowledges that.
    fn answer_nothing(&mut self, waiter: W, effects: &mut Vec<EventQueueEffect<W>>) {
        // Zero is no id: one client takes it for none.
        self.last_id = self.last_id.max(1);
        let id = self.last_id;
        effects.push(EventQueueEffect::Answer {
            waiter,
            id,
            events: 0,
            waited: None,
            body: document(id, &[]),
        });
    }

    fn next_batch(&mut self) -> Option<Batch> {
        let mut bytes = 0;
        let count = self
            .waiting
            .iter()
            .take(self.config.batch_events.max(1))
            .take_while(|event| {
                let is_first = bytes == 0;
                bytes += event.xml.len();
                is_first || bytes <= self.config.batch_bytes
            })
            .count();
        if count == 0 {
            return None;
        }
        let events: Vec<Written> = self.waiting.drain(..count).collect();
        self.waiting_bytes -= events.iter().map(|event| event.xml.len()).sum::<usize>();
        // Two thousand million answers outlast every session.
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        Some(Batch { id: self.last_id, first_sent: self.now, events })
    }

    /// Whether there is room for an event, if need be after older ones were dropped.
    fn make_room(&mut self, event: &Written) -> bool {
        let (bytes, events) = (self.config.bytes, self.config.events);
        if event.xml.len() > bytes {
            return false;
        }
        while self.waiting.len() >= events || self.waiting_bytes + event.xml.len() > bytes {
            let oldest_other = self.waiting.iter().position(|waiting| !waiting.is_essential);
            let index = match oldest_other {
                Some(index) => index,
                None if event.is_essential && !self.waiting.is_empty() => 0,
                None => return false,
            };
            if let Some(dropped) = self.waiting.remove(index) {
                self.waiting_bytes -= dropped.xml.len();
                self.statistics.dropped += 1;
            }
        }
        true
    }
}

impl Batch {
    fn answer<W>(&self, waiter: W, waited: Option<Duration>) -> EventQueueEffect<W> {
        let body = document(self.id, &self.events);
        EventQueueEffect::Answer { waiter, id: self.id, events: self.events.len(), waited, body }
    }

    fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.xml.len()).sum()
    }
}

/// The LLSD document of an answer.
fn document(id: i32, events: &[Written]) -> String {
    let bytes: usize = events.iter().map(|event| event.xml.len()).sum();
    let mut text = String::with_capacity(bytes + 128);
    text.push_str("<llsd><map><key>events</key><array>");
    events.iter().for_each(|event| text.push_str(&event.xml));
    write!(text, "</array><key>id</key><integer>{id}</integer></map></llsd>").expect("writing to a string");
    text
}

#[cfg(test)]
mod tests;
