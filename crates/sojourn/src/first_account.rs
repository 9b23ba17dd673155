//! The account that an empty world starts with.

use anyhow::Result;
use grid::FirstAccount;
use services::Services;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Its name.
const NAME: (&str, &str) = ("First", "Resident");

/// Makes it, if there is no account at all.
pub(crate) async fn create(services: &Services) -> Result<Option<FirstAccount>> {
    let (first, last) = NAME;
    Ok(grid::create_first_account(services, rand::random(), unix_now_s(), first, last).await?)
}

/// Prints it: the password is stored nowhere.
pub(crate) fn print(first: &FirstAccount) {
    let FirstAccount { account, password } = first;
    let mut out = std::io::stdout().lock();
    // Without anybody to read it, the account can be given a password with `user password`.
    let _ = writeln!(out, "first account: {} {}, password: {password}", account.first, account.last);
    let _ = out.flush();
}

/// Seconds since 1970.
pub(crate) fn unix_now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
