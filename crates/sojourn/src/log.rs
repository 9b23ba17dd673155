//! The log's way out. Whoever writes a line only puts it down; a thread of its own carries it to standard error. Should
//! nobody take it there, as with a pipe whose reader stands still, the world goes on and lines are lost, which is counted
//! and said.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes of lines that may wait.
const WAITING: usize = 4 << 20;
/// How long the last lines may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// The log of this process, once it is open.
static LOG: OnceLock<Lines> = OnceLock::new();

/// Lines on their way out. Clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    /// Something waits, or nothing does any more.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The thread is writing what waited before.
    writing: bool,
    /// Lines that were lost, and of these so many that the log says so of.
    lost: u64,
    said: u64,
}

/// Opens the log of this process; a second time it is the same one.
pub(crate) fn open() -> Lines {
    LOG.get_or_init(|| Lines::to(io::stderr())).clone()
}

/// Lines that this process has lost.
pub(crate) fn lost() -> u64 {
    LOG.get().map_or(0, Lines::lost)
}

/// Waits until everything is out, but not for long.
pub(crate) fn finish() {
    if let Some(lines) = LOG.get() {
        lines.flush(FAREWELL);
    }
}

impl Lines {
    /// Lines that go there.
    fn to(out: impl Write + Send + 'static) -> Self {
        let lines = Self::default();
        let carried = lines.clone();
        // Without the thread nothing is carried out, and lines are lost; the world goes on.
        let _ = std::thread::Builder::new().name("log".into()).spawn(move || carried.carry(out));
        lines
    }

    fn carry(&self, mut out: impl Write) {
        loop {
            let mut state = self.state();
            state.writing = false;
            self.0.changed.notify_all();
            while state.waiting.is_empty() && state.said == state.lost {
                state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let lines = std::mem::take(&mut state.waiting);
            let lost = state.lost - state.said;
            state.said = state.lost;
            state.writing = true;
            drop(state);
            // Nobody may be there to take it.
            let _ = out.write_all(&lines);
            if lost > 0 {
                let _ = writeln!(out, "{lost} lines of the log were lost, since nobody took them");
            }
            let _ = out.flush();
        }
    }

    fn put(&self, line: &[u8]) {
        let mut state = self.state();
        if state.waiting.len() + line.len() > WAITING {
            state.lost += 1;
        } else {
            state.waiting.extend_from_slice(line);
        }
        drop(state);
        self.0.changed.notify_all();
    }

    fn lost(&self) -> u64 {
        self.state().lost
    }

    /// Waits until everything is out, for so long; whether it is.
    fn flush(&self, patience: Duration) -> bool {
        let under_way =
            |state: &mut State| state.writing || !state.waiting.is_empty() || state.said < state.lost;
        let waited = self.0.changed.wait_timeout_while(self.state(), patience, under_way);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each line comes whole.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A pipe: what is written says that it is there, waits until it is let through, and says then what it was.
    struct Pipe {
        reached: mpsc::Sender<()>,
        open: mpsc::Receiver<()>,
        got: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.reached.send(());
            // The end of the test is open as well.
            let _ = self.open.recv();
            let _ = self.got.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_that_stands_still_holds_up_nobody_and_what_is_lost_is_said() {
        let (reached, stands) = mpsc::channel();
        let (let_through, open) = mpsc::channel();
        let (got, taken) = mpsc::channel();
        let mut lines = Lines::to(Pipe { reached, open, got });
        lines.write_all(b"first\n").unwrap();
        // From here on nothing is taken from what waits.
        stands.recv().unwrap();
        let line = [b'x'; 1 << 16];
        let (kept, lost) = (WAITING / line.len(), 3);
        for _ in 0..kept + lost {
            lines.write_all(&line).unwrap();
        }
        assert!(!lines.flush(Duration::ZERO));
        assert_eq!(lines.lost(), lost as u64);
        drop(let_through);
        assert!(lines.flush(Duration::from_secs(60)));
        let text: Vec<u8> = taken.try_iter().flatten().collect();
        let said = format!("{lost} lines of the log were lost, since nobody took them\n");
        assert!(text == [b"first\n", &*line.repeat(kept), said.as_bytes()].concat());
    }

    #[test]
    fn lines_keep_their_order() {
        let (reached, _) = mpsc::channel();
        let (let_through, open) = mpsc::channel();
        let (got, taken) = mpsc::channel();
        drop(let_through);
        let mut lines = Lines::to(Pipe { reached, open, got });
        for n in 0..100 {
            writeln!(lines, "{n}").unwrap();
        }
        assert!(lines.flush(Duration::from_secs(60)));
        let text: Vec<u8> = taken.try_iter().flatten().collect();
        let expected: String = (0..100).map(|n| format!("{n}\n")).collect();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
