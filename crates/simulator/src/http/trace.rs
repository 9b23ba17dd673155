//! Numbered traces of HTTP requests in, and of calls out, with levels that change at run time.
//!
//! | level | requests and calls |
//! | --- | --- |
//! | 0 | none |
//! | 1 | those that fail |
//! | 2 | those that take a second or longer, too |
//! | 3 | all but event-queue polls: a line when they begin, a line with the time they took |
//! | 4 | polls, too |
//! | 5 | the beginning of their bodies, too |
//! | 6 | their bodies, up to [`MAX_BODY`] bytes |

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// The highest level.
pub(crate) const MAX_LEVEL: u8 = 6;
/// Bytes of a body in the log at level 6.
pub(crate) const MAX_BODY: usize = 4096;
/// Bytes of a body in the log at level 5.
const SHORT_BODY: usize = 80;
/// What level 2 takes for slow.
const SLOW: Duration = Duration::from_secs(1);

/// The switches and the counts.
#[derive(Debug, Default)]
pub struct HttpTrace {
    inbound: AtomicU8,
    outbound: AtomicU8,
    inbound_count: AtomicU64,
    outbound_count: AtomicU64,
}

/// A request as the log names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLine<'a> {
    pub(crate) number: u64,
    /// The port it came in on.
    pub(crate) port: u16,
    /// What answers it: a capability's name, `SEED`, a route.
    pub(crate) handler: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) remote: SocketAddr,
    /// An event-queue poll: long by design, and frequent.
    pub(crate) poll: bool,
}

impl HttpTrace {
    /// Sets the level of requests in.
    pub fn set_inbound(&self, level: u8) {
        self.inbound.store(level.min(MAX_LEVEL), Ordering::Relaxed);
    }

    /// Sets the level of calls out.
    pub fn set_outbound(&self, level: u8) {
        self.outbound.store(level.min(MAX_LEVEL), Ordering::Relaxed);
    }

    /// Whether bodies of requests in are shown at present.
    pub(crate) fn wants_bodies(&self) -> bool {
        self.inbound.load(Ordering::Relaxed) >= 5
    }

    /// The number of the next request in.
    pub(crate) fn next_inbound(&self) -> u64 {
        self.inbound_count.fetch_add(1, Ordering::Relaxed)
    }

    /// A request has come in.
    pub(crate) fn request(&self, line: &RequestLine<'_>, body: &[u8]) {
        let level = self.inbound.load(Ordering::Relaxed);
        if level >= if line.poll { 4 } else { 3 } {
            tracing::info!(target: "sojourn::http", "{}", begun(line));
        }
        show_body(level, line.number, "IN", body);
    }

    /// It has been answered; status 499 means that the client did not wait for it.
    pub(crate) fn answered(&self, line: &RequestLine<'_>, status: u16, took: Duration, bytes: Option<u64>) {
        let level = self.inbound.load(Ordering::Relaxed);
        let failed = status >= 400;
        let wanted = match level {
            0 => false,
            1 => failed,
            2 => failed || (took >= SLOW && !line.poll),
            3 => failed || !line.poll,
            _ => true,
        };
        if !wanted {
            return;
        }
        if level < 3 {
            tracing::info!(target: "sojourn::http", "{}", begun(line));
        }
        let bytes = bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
        tracing::info!(
            target: "sojourn::http",
            "HTTP IN {} took {} ms, status {status}, {bytes} bytes", line.number, took.as_millis()
        );
    }

    /// The body of an answer.
    pub(crate) fn answer_body(&self, number: u64, body: &[u8]) {
        show_body(self.inbound.load(Ordering::Relaxed), number, "IN", body);
    }

    /// A call to a peer or to the grid begins; its number if its end is to be traced as well.
    pub(crate) fn call_out(&self, what: impl FnOnce() -> String) -> Option<u64> {
        let level = self.outbound.load(Ordering::Relaxed);
        if level == 0 {
            return None;
        }
        let number = self.outbound_count.fetch_add(1, Ordering::Relaxed);
        tracing::info!(target: "sojourn::http", "CALL OUT {number} {}", what());
        Some(number)
    }

    /// A traced call has been answered.
    pub(crate) fn call_took(&self, number: u64, took: Duration, error: Option<&transfer::PeerError>) {
        let micros = took.as_micros();
        match error {
            None => {
                tracing::info!(target: "sojourn::http", "CALL OUT {number} took {micros} us");
            }
            Some(error) => {
                tracing::info!(target: "sojourn::http", "CALL OUT {number} took {micros} us: {error}");
            }
        }
    }
}

fn begun(line: &RequestLine<'_>) -> String {
    let RequestLine { number, port, handler, method, path, remote, .. } = line;
    let path = shown(path.as_bytes(), 512);
    format!("HTTP IN {number} :{port} {handler} {method} {path} from {remote}")
}

fn show_body(level: u8, number: u64, direction: &str, body: &[u8]) {
    let limit = match level {
        0..=4 => return,
        5 => SHORT_BODY,
        _ => MAX_BODY,
    };
    if !body.is_empty() {
        tracing::info!(target: "sojourn::http", "HTTP {direction} {number} body {}", shown(body, limit));
    }
}

/// Text from outside in one line: bounded, and without anything that could pass for a line of the log.
fn shown(text: &[u8], limit: usize) -> String {
    let cut = &text[..text.len().min(limit)];
    let mut shown: String =
        String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cut.len() < text.len() {
        shown.push_str(&format!(" ... ({} bytes)", text.len()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_bounded_line() {
        assert_eq!(shown(b"a\nb\x1b[31m", 100), "a b [31m");
        assert_eq!(shown(&[b'x'; 10], 4), "xxxx ... (10 bytes)");
        assert_eq!(shown(b"\xff", 10), "\u{fffd}");
    }

    #[test]
    fn levels_are_bounded_and_calls_are_numbered_while_wanted() {
        let trace = HttpTrace::default();
        assert_eq!(trace.call_out(|| unreachable!("nobody listens")), None);
        trace.set_outbound(200);
        assert_eq!(trace.outbound.load(Ordering::Relaxed), MAX_LEVEL);
        assert_eq!(trace.call_out(|| "a".into()), Some(0));
        assert_eq!(trace.call_out(|| "b".into()), Some(1));
    }

    #[test]
    fn a_line_has_the_facts_of_the_published_one() {
        let remote = "192.168.1.2:47107".parse().unwrap();
        let line = RequestLine {
            number: 27,
            port: 9000,
            handler: "SEED",
            method: "POST",
            path: "/CAPS/a3580000/",
            remote,
            poll: false,
        };
        assert_eq!(begun(&line), "HTTP IN 27 :9000 SEED POST /CAPS/a3580000/ from 192.168.1.2:47107");
    }
}
