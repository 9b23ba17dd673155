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
//!
//! A log is given to others who are to help: passwords and keys are never in it. No headers are shown, of secret requests
//! ([`is_secret`]) neither bodies nor queries, and of a capability's secret only the beginning.

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
    /// Its body, its answer's and its query are not shown.
    pub(crate) secret: bool,
}

/// The beginnings of the grid's paths where passwords, tokens and keys are told or given. The root is where logins go by
/// XML-RPC.
const SECRET: [&str; 7] = ["", "accounts", "auth", "login", "operate", "presence", "signup"];

/// Whether what a request to this path of the grid says, or is answered, may be a secret.
pub(crate) fn is_secret(path: &str) -> bool {
    let first = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    SECRET.iter().any(|secret| first.eq_ignore_ascii_case(secret))
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
        show_body(level, line, body);
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
    pub(crate) fn answer_body(&self, line: &RequestLine<'_>, body: &[u8]) {
        show_body(self.inbound.load(Ordering::Relaxed), line, body);
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
    let RequestLine { number, port, handler, method, path, remote, secret, .. } = line;
    let path = if *secret { path.split('?').next().unwrap_or_default() } else { path };
    let path = shown(path.as_bytes(), 512);
    format!("HTTP IN {number} :{port} {handler} {method} {path} from {remote}")
}

fn show_body(level: u8, line: &RequestLine<'_>, body: &[u8]) {
    if let Some(text) = body_line(level, line, body) {
        tracing::info!(target: "sojourn::http", "{text}");
    }
}

/// What the log says of a body at this level.
fn body_line(level: u8, line: &RequestLine<'_>, body: &[u8]) -> Option<String> {
    let limit = match level {
        0..=4 => return None,
        5 => SHORT_BODY,
        _ => MAX_BODY,
    };
    let number = line.number;
    match (body.len(), line.secret) {
        (0, _) => None,
        (length, true) => Some(format!("HTTP IN {number} body of {length} bytes, which are not shown")),
        (_, false) => Some(format!("HTTP IN {number} body {}", shown(body, limit))),
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
    without_capabilities(shown)
}

/// Text in which of each capability URL's secret only the beginning is left: whoever has all of it is its agent.
fn without_capabilities(text: String) -> String {
    const BEGINS: &str = "/CAPS/";
    /// Characters that are left.
    const LEFT: usize = 8;
    if !text.contains(BEGINS) {
        return text;
    }
    let mut parts = text.split(BEGINS);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let part = part.strip_prefix("upload/").map_or((BEGINS, part), |part| ("/CAPS/upload/", part));
        let (begins, part) = part;
        clean.push_str(begins);
        let secret = part.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(part.len());
        let left = secret.min(LEFT);
        clean.push_str(&part[..left]);
        if left < secret {
            clean.push_str("...");
        }
        clean.push_str(&part[secret..]);
    }
    clean
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

    fn line(path: &str) -> RequestLine<'_> {
        RequestLine {
            number: 27,
            port: 9000,
            handler: "SEED",
            method: "POST",
            path,
            remote: "192.168.1.2:47107".parse().unwrap(),
            poll: false,
            secret: is_secret(path),
        }
    }

    #[test]
    fn a_line_has_the_facts_of_the_published_one() {
        let expected = "HTTP IN 27 :9000 SEED POST /CAPS/a3580000/ from 192.168.1.2:47107";
        assert_eq!(begun(&line("/CAPS/a3580000/")), expected);
    }

    #[test]
    fn passwords_and_keys_are_not_shown() {
        for (path, shown) in [
            ("/", "/"),
            ("/?method=login", "/"),
            ("/login", "/login"),
            ("//Auth/plain", "//Auth/plain"),
            ("/operate/in?token=5ec2e7", "/operate/in"),
            ("/signup?code=5ec2e7", "/signup"),
            ("/accounts", "/accounts"),
        ] {
            let line = line(path);
            assert!(begun(&line).contains(&format!("POST {shown} from")), "{}", begun(&line));
            for level in [5, MAX_LEVEL] {
                let text = body_line(level, &line, b"passwd=5ec2e7").unwrap();
                assert!(!text.contains("5ec2e7") && text.contains("13 bytes"), "{text}");
            }
        }
        for path in ["/griduser", "/get_grid_info", "/CAPS/a/SimulatorFeatures", "/authors"] {
            assert!(body_line(5, &line(path), b"plain").unwrap().contains("plain"), "{path}");
        }
        assert_eq!(body_line(4, &line("/griduser"), b"plain"), None);
    }

    #[test]
    fn whoever_reads_the_log_cannot_use_its_capabilities() {
        let secret = "a358dd6d-5d39-407e-a29a-7b8b59d76301";
        for (text, expected) in [
            (format!("/CAPS/{secret}0000/"), "/CAPS/a358dd6d.../"),
            (format!("/CAPS/upload/{secret}"), "/CAPS/upload/a358dd6d..."),
            (
                format!("<string>http://h/CAPS/{secret}/A</string> /CAPS/{secret}"),
                "<string>http://h/CAPS/a358dd6d.../A</string> /CAPS/a358dd6d...",
            ),
            ("/CAPS/".to_owned(), "/CAPS/"),
        ] {
            assert_eq!(shown(text.as_bytes(), 512), expected);
        }
    }
}
