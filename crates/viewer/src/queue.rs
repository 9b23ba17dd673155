//! Polling one region's event queue: when to ask, with which ack, and when to stop.
//!
//! The rules are the Linden viewer's (caps fact sheet, section 4): an answer is followed by the next poll at once; a
//! poll that brought nothing for 10 s or more has not failed, whatever its status; 404 ends the polling for ever; other
//! errors make pauses of 20, 25, 30 ... s, and after the tenth in a row the viewer resigns.

use std::time::Duration;

use model::Moment;

const LONG_ENOUGH: Duration = Duration::from_secs(10);
const ERRORS_AT_MOST: u32 = 10;

/// State of the poll of one event queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) url: String,
    /// Id of the last answer, to be acknowledged by the next poll.
    pub(crate) ack: Option<i32>,
    state: State,
    errors: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// To be polled from then on.
    Due(Moment),
    /// Polled; since then.
    Waiting(Moment),
    /// Never again.
    Ended,
}

/// What an answer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    GoOn,
    /// The queue is gone, which is in order.
    Gone,
    /// It kept failing.
    Failed,
}

impl Queue {
    pub(crate) fn new(now: Moment, url: String) -> Self {
        Self { url, ack: None, state: State::Due(now), errors: 0 }
    }

    /// Whether to poll now; if so it counts as done.
    pub(crate) fn poll(&mut self, now: Moment) -> bool {
        let due = matches!(self.state, State::Due(at) if at <= now);
        if due {
            self.state = State::Waiting(now);
        }
        due
    }

    /// Polls no more; what the last poll asks and acknowledges.
    pub(crate) fn end(&mut self) -> (String, Option<i32>) {
        self.state = State::Ended;
        (self.url.clone(), self.ack)
    }

    pub(crate) fn next_wakeup(&self) -> Option<Moment> {
        match self.state {
            State::Due(at) => Some(at),
            State::Waiting(_) | State::Ended => None,
        }
    }

    /// An answer with status 200 and a sound body came.
    pub(crate) fn handle_events(&mut self, now: Moment, id: Option<i32>) {
        self.ack = id.or(self.ack);
        self.errors = 0;
        self.state = State::Due(now);
    }

    /// Anything else came: `status` is `None` when there was no answer.
    pub(crate) fn handle_failure(&mut self, now: Moment, status: Option<u16>) -> Verdict {
        let State::Waiting(since) = self.state else { return Verdict::GoOn };
        if status == Some(404) {
            self.state = State::Ended;
            return Verdict::Gone;
        }
        let nothing_to_say = matches!(status, None | Some(500 | 502 | 503 | 504));
        if nothing_to_say && now - since >= LONG_ENOUGH {
            self.errors = 0;
            self.state = State::Due(now);
            return Verdict::GoOn;
        }
        self.errors += 1;
        if self.errors >= ERRORS_AT_MOST {
            self.state = State::Ended;
            return Verdict::Failed;
        }
        self.state = State::Due(now + Duration::from_secs(15 + 5 * u64::from(self.errors)));
        Verdict::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Moment {
        Moment::from_millis(s * 1000)
    }

    #[test]
    fn an_answer_is_followed_by_the_next_poll_at_once() {
        let mut queue = Queue::new(at(0), String::new());
        assert!(queue.poll(at(0)));
        assert!(!queue.poll(at(0)), "one poll at a time");
        queue.handle_events(at(1), Some(7));
        assert_eq!((queue.ack, queue.next_wakeup()), (Some(7), Some(at(1))));
        assert!(queue.poll(at(1)));
        queue.handle_events(at(2), None);
        assert_eq!(queue.ack, Some(7), "an answer without an id changes nothing");
    }

    #[test]
    fn a_long_poll_that_ends_badly_has_not_failed() {
        let mut queue = Queue::new(at(0), String::new());
        assert!(queue.poll(at(0)));
        assert_eq!(queue.handle_failure(at(10), Some(502)), Verdict::GoOn);
        assert_eq!(queue.next_wakeup(), Some(at(10)));
    }

    #[test]
    fn quick_errors_make_pauses_and_then_an_end() {
        let mut queue = Queue::new(at(0), String::new());
        let mut now = at(0);
        for error in 1..10 {
            assert!(queue.poll(now));
            assert_eq!(queue.handle_failure(now, Some(500)), Verdict::GoOn);
            let next = queue.next_wakeup().unwrap();
            assert_eq!(next - now, Duration::from_secs(15 + 5 * error));
            now = next;
        }
        assert!(queue.poll(now));
        assert_eq!(queue.handle_failure(now, None), Verdict::Failed);
        assert_eq!(queue.next_wakeup(), None);
    }

    #[test]
    fn not_found_is_the_end() {
        let mut queue = Queue::new(at(0), String::new());
        assert!(queue.poll(at(0)));
        assert_eq!(queue.handle_failure(at(0), Some(404)), Verdict::Gone);
        assert!(!queue.poll(at(1000)));
    }
}
