//! The grid's operator, as the page knows them: one password, and the browsers in which it was typed.

use async_trait::async_trait;
use services::Result;

/// What is kept of the operator. Everything is in the database, so that all processes of a grid agree.
#[async_trait]
pub trait OperatorRecords: Send + Sync {
    /// Sets the password, whatever it was. All sessions end.
    async fn set_operator_password(&self, password: &str) -> Result<()>;

    /// Sets the first password. Whether there was none.
    async fn set_first_operator_password(&self, password: &str) -> Result<bool>;

    /// Whether this is the password; takes as long where there is none.
    async fn is_operator_password(&self, password: &str) -> Result<bool>;

    /// A session begins, known by this mark, for so many seconds. Of too many the one that ends first goes.
    async fn begin_operator_session(&self, mark: &str, lifetime_s: u32) -> Result<()>;

    /// Whether a session lives.
    async fn is_operator_session(&self, mark: &str) -> Result<bool>;

    /// A session ends.
    async fn end_operator_session(&self, mark: &str) -> Result<()>;
}
