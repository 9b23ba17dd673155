use std::time::Duration;

use llsd::Value;

/// Names a request until its reply has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u64);

/// An HTTP call the shell is to make: a POST of `body` as LLSD-XML to `url`.
#[derive(Clone, PartialEq, Debug)]
pub struct HttpRequest {
    /// To be handed back with the reply.
    pub id: RequestId,
    /// Absolute URL, as the server gave it.
    pub url: String,
    /// What to POST.
    pub body: Value,
    /// How long the core will wait. It gives up by itself (see [`crate::Core::poll_cancel`]); a shell may end the
    /// call then, and need not have a timer of its own.
    pub patience: Duration,
}

/// What came of an [`HttpRequest`].
#[derive(Clone, PartialEq, Debug)]
pub enum HttpReply {
    /// The server answered with bytes, LLSD-XML when all is well.
    Answer {
        /// HTTP status.
        status: u16,
        /// The body, whole.
        body: Vec<u8>,
    },
    /// The same, already decoded: for simulated networks.
    Value {
        /// HTTP status.
        status: u16,
        /// The body.
        body: Value,
    },
    /// No answer: refused, broken, or too large.
    Broken,
}
