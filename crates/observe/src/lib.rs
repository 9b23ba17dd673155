//! What running processes say of themselves to operators, read and put together.
//!
//! A simulator serves its sessions, the history of its transfers and its metrics. Whoever looks at several of them, the
//! command line or the operator's page, asks each as a [`Source`], over HTTP or in memory, and puts together what they
//! say: a transfer has two ends, which may be in different processes, and [`History`] joins what both noted.
//! [`Samples`] is a page of metrics as numbers.
//!
//! Answers come from other machines: each is bounded, and so is what is kept of them.

mod history;
mod samples;
mod sessions;
mod source;
mod transfers;
mod words;

pub use history::{History, Key, Sequence};
pub use samples::{Sample, Samples};
pub use sessions::{Ended, Here, SessionStep, Sessions};
pub use source::{Failed, Fetch, Http, Source};
pub use transfers::{Note, Part, Transfers};
pub use words::{plain, span, time_of_day};
