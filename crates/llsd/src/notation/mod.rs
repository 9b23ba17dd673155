//! LLSD as notation, `application/llsd+notation`: the form made for people, used inside strings of the login response
//! (`home`, `look_at`) and of alerts.
//!
//! Written with a comma and a space between elements and single quotes around text, since one client takes the strings
//! of the login response apart by just these: `{'region_handle':[r256000, r256256]}`.

mod read;
mod write;

pub use read::parse;
pub use write::{write, write_into};

/// The line before a document that may also be in another form: files, and bodies without content type.
pub const HEADER: &str = "<? llsd/notation ?>\n";

#[cfg(test)]
mod tests;
