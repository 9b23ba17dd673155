//! The services' modules against what others said, and against everything else.

mod properties;
mod recorded;
