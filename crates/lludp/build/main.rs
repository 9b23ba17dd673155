//! Makes the message types of `lludp::messages` from `messages.def`.
//!
//! `definition` reads the file and refuses what it does not understand, `names` turns wire names into Rust ones,
//! `types` and `table` write the code.

mod definition;
mod names;
mod table;
mod types;

use std::path::Path;
use std::{env, fs};

const DEFINITIONS: &str = "messages.def";

fn main() {
    println!("cargo::rerun-if-changed={DEFINITIONS}");
    println!("cargo::rerun-if-changed=build");
    let text = fs::read_to_string(DEFINITIONS).expect("messages.def stands beside Cargo.toml");
    let messages = definition::parse(&text).unwrap_or_else(|error| panic!("{DEFINITIONS}:{error}"));
    let folder = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let write = |name: &str, code: String| {
        fs::write(Path::new(&folder).join(name), code).expect("OUT_DIR can be written");
    };
    write("messages.rs", types::generate(&messages));
    write("table.rs", table::generate(&messages));
}
