//! What the grid is called: viewers are told by the simulator as well.

use crate::grid_info;
use std::time::Duration;

/// How long the grid may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the grid; one that does not say goes by its address.
pub(super) async fn ask(login: &str) -> String {
    match grid_info::name(login, PATIENCE).await {
        Ok(name) => name,
        Err(error) => {
            tracing::warn!(login, error = format!("{error:#}"), "the grid does not say what it is called");
            login.trim_start_matches("http://").trim_end_matches('/').to_owned()
        }
    }
}
