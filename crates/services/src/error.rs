use thiserror::Error;

/// What a service answers.
pub type Result<T> = core::result::Result<T, ServiceError>;

/// Why a service did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ServiceError {
    /// The service, its database or the way to it is broken. May work again later. For operators.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The service says no; the words are for the user. Trying again does not help.
    #[error("{0}")]
    Refused(String),
    /// The request makes no sense. For whoever wrote the caller.
    #[error("invalid request: {0}")]
    Invalid(String),
}

impl ServiceError {
    /// [`ServiceError::Unavailable`] with the text of an error.
    pub fn unavailable(why: impl core::fmt::Display) -> Self {
        Self::Unavailable(why.to_string())
    }
}

/// What lies at the bottom of an error: the outermost says that something failed, the innermost what.
pub fn root_cause<'a>(
    error: &'a (dyn core::error::Error + 'static),
) -> &'a (dyn core::error::Error + 'static) {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Error)]
    #[error("it failed")]
    struct Outer(#[source] core::num::ParseIntError);

    #[test]
    fn what_lies_at_the_bottom() {
        let Err(inner) = "x".parse::<i32>() else { unreachable!("that is no number") };
        assert_eq!(root_cause(&Outer(inner.clone())).to_string(), inner.to_string());
        assert_eq!(root_cause(&inner).to_string(), inner.to_string());
    }
}
