//! How far an import is, on standard error: a bar where somebody looks at it, a line now and then where not.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Columns of the bar.
const WIDTH: u64 = 32;
/// Between two looks at a bar, and between two lines of a log.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));

/// Things of one kind, some of which are done.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    all: u64,
    done: u64,
    seen: bool,
    begun: Instant,
    last: Instant,
}

impl Progress {
    pub(super) fn new(what: &'static str, all: u64) -> Self {
        let now = Instant::now();
        Self { what, all, done: 0, seen: std::io::stderr().is_terminal(), begun: now, last: now }
    }

    /// So many more are done.
    pub(super) fn add(&mut self, done: u64) {
        self.done += done;
        let pause = if self.seen { PAUSES.0 } else { PAUSES.1 };
        if self.last.elapsed() >= pause {
            self.last = Instant::now();
            self.show();
        }
    }

    fn show(&self) {
        let line = line(self.what, self.done, self.all, self.begun.elapsed());
        let mut out = std::io::stderr().lock();
        // Nobody may be there to see it.
        let _ = if self.seen { write!(out, "\r{line}\x1b[K") } else { writeln!(out, "{line}") };
        let _ = out.flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.seen {
            self.show();
            let _ = writeln!(std::io::stderr());
        }
    }
}

fn line(what: &str, done: u64, all: u64, taken: Duration) -> String {
    let part = done.min(all);
    let full = (part * WIDTH).checked_div(all).unwrap_or(WIDTH);
    let bar: String = (0..WIDTH).map(|at| if at < full { '#' } else { '.' }).collect();
    let left = match taken.as_secs_f64() {
        taken if part > 0 && taken >= 1.0 => {
            format!(", {:.0} s to go", taken / part as f64 * (all - part) as f64)
        }
        _ => String::new(),
    };
    format!("{what:12} [{bar}] {done} of {all}{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars() {
        let bar = |done, all| line("x", done, all, Duration::from_secs(10));
        assert!(bar(0, 4).contains("[................................] 0 of 4"));
        assert!(bar(2, 4).contains("[################................] 2 of 4, 10 s to go"));
        assert!(bar(4, 4).ends_with("] 4 of 4, 0 s to go"));
        assert!(bar(0, 0).contains("[################################] 0 of 0"));
        assert!(bar(9, 4).contains("9 of 4"), "more than were counted may have come meanwhile");
    }
}
