use std::borrow::Cow;

/// A document that could not be read: what was wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {position}")]
pub struct ParseError {
    /// Bytes from the start of the document to where reading stopped.
    pub position: usize,
    /// What was wrong, in a few words; never a piece of the document.
    pub what: Cow<'static, str>,
}

impl ParseError {
    pub(crate) fn new(position: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Self { position, what: what.into() }
    }
}
