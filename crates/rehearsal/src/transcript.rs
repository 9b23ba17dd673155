//! What happened, line by line, for those who must find out why.

use model::Moment;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

/// Lines kept; older ones are forgotten.
const LINES: usize = 5000;

/// The lines so far. Shared, so that they outlive a run that panics. Off by default: then it costs nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript(Option<Rc<RefCell<VecDeque<String>>>>);

impl Transcript {
    pub(crate) fn on() -> Self {
        Self(Some(Rc::default()))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn line(&self, now: Moment, text: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let mut lines = lines.borrow_mut();
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(format!("{now:?} {}", text()));
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.iter().flat_map(|lines| lines.borrow().iter().cloned().collect::<Vec<_>>()) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
