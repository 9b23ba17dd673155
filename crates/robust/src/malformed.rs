use std::borrow::Cow;
use thiserror::Error;

/// A request or an answer that is not one.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Malformed {
    /// More than anybody sends: what there is too much of.
    #[error("too many or too long: {0}")]
    TooMuch(&'static str),
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(Cow<'static, str>),
    /// A field says something else than it may.
    #[error("{0} makes no sense")]
    Odd(Cow<'static, str>),
    /// The method is none of this service.
    #[error("there is no method {0:?} here")]
    UnknownMethod(String),
    /// The answer is not XML of the expected kind.
    #[error("not an answer: {0}")]
    Xml(String),
    /// The other side says that it did not do it, in its words if it gave any.
    #[error("{0}")]
    Failure(String),
}

impl Malformed {
    /// [`Malformed::Missing`], by name.
    pub fn missing(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Missing(name.into())
    }

    /// [`Malformed::Odd`], by name.
    pub fn odd(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Odd(name.into())
    }
}
