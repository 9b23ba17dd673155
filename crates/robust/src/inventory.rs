//! `/xinventory`: what people own.
//!
//! Requests are bound to their owner wherever the wire names one (`PRINCIPAL`, or `Owner` of what is handed in). Three
//! requests of early simulators name none: there it is an `Option`.

mod answer;
mod call;
mod record;
#[cfg(test)]
mod tests;

pub use answer::{
    Held, content, contents, folder, item, items, items_in, permissions, read_content, read_contents,
    read_folder, read_item, read_items, read_permissions, read_skeleton, skeleton,
};
pub use call::Call;
pub(crate) use record::creator;

/// In which words the service says whether it did it.
pub const WORDING: crate::Wording = crate::Wording::LARGE;
