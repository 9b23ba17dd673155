//! The line through the workspace: below it no I/O, no clock, no threads, no hidden randomness.
//!
//! A rule that is only written down is broken within a month, so this step reads what cargo resolved and what the
//! sources say, and fails when either crosses the line. Tests and benches may use what they like; what they need is
//! among the development dependencies, which are not looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::steps::Outcome;
use crate::tools;

/// The crates below the line.
const PURE: [&str; 11] = [
    "model",
    "llsd",
    "lludp",
    "circuit",
    "agent",
    "scene",
    "transfer",
    "simulation",
    "region",
    "robust",
    "rehearsal",
];

/// What none of them may depend on, however indirectly, and why.
const BANNED: [(&str, &str); 7] = [
    ("tokio", "a runtime: decisions are plain functions, the shell runs them"),
    ("axum", "HTTP belongs to the shell"),
    ("hyper", "HTTP belongs to the shell"),
    ("reqwest", "HTTP belongs to the shell"),
    ("sqlx", "storage belongs to the shell"),
    ("nix", "system calls belong to the shell"),
    ("socket2", "sockets belong to the shell"),
];

/// What none of their sources may call.
const FORBIDDEN: [(&str, &str); 8] = [
    ("Instant::now", "time is an argument: model::Moment"),
    ("SystemTime::now", "time is an argument: model::Moment"),
    ("thread_rng", "randomness is an argument"),
    ("rand::rng(", "randomness is an argument"),
    ("Uuid::new_v4", "randomness is an argument"),
    ("thread::spawn", "nothing runs beside the caller"),
    ("thread::sleep", "nothing waits below the line"),
    ("UdpSocket", "sockets belong to the shell"),
];

/// Checks all of it.
pub(crate) fn check(root: &Path) -> Outcome {
    let mut faults = Vec::new();
    for name in PURE {
        match dependencies(root, name) {
            Ok(found) => faults.extend(banned(name, &found)),
            Err(why) => faults.push(why),
        }
        sources(&root.join("crates").join(name).join("src"), &mut |path, text| {
            // A command line is a shell of its own: the rehearsal's says how long it took.
            if path.ends_with("main.rs") {
                return;
            }
            let shown = path.strip_prefix(root).unwrap_or(path).display().to_string();
            faults.extend(forbidden(&shown, text));
        });
    }
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => Outcome::Passed,
        count => Outcome::Failed(format!("{count} places cross the line")),
    }
}

/// The names of everything that ends up inside this crate, itself included.
fn dependencies(root: &Path, name: &str) -> Result<BTreeSet<String>, String> {
    let mut tree =
        tools::cargo(root, "tree --locked --edges normal --target all --prefix none --format {p} --package");
    let output = tree.arg(name).output().map_err(|error| format!("cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn banned(name: &str, dependencies: &BTreeSet<String>) -> Vec<String> {
    let found = BANNED.iter().filter(|(banned, _)| dependencies.contains(*banned));
    found
        .map(|(banned, why)| format!("{name} depends on {banned}: {why} (cargo tree -p {name} -i {banned})"))
        .collect()
}

fn forbidden(path: &str, text: &str) -> Vec<String> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.flat_map(|(number, line)| {
        let found = FORBIDDEN.iter().filter(|(word, _)| line.contains(word));
        found.map(move |(word, why)| format!("{path}:{}: {word}: {why}", number + 1)).collect::<Vec<_>>()
    })
    .collect()
}

/// Shows every Rust file under a folder to `look`, in the order of their names.
fn sources(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, look);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            look(&path, &fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banned_dependency_is_named_with_its_reason() {
        let found = BTreeSet::from(["llsd".to_owned(), "tokio".to_owned()]);
        let faults = banned("llsd", &found);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("llsd depends on tokio: "), "{faults:?}");
        assert!(banned("llsd", &BTreeSet::from(["tokio-util".to_owned()])).is_empty());
    }

    #[test]
    fn a_forbidden_call_is_found_where_it_stands_and_a_comment_is_none() {
        let text = "// never Instant::now here\nlet a = 1;\nlet now = std::time::Instant::now();\n";
        assert_eq!(forbidden("a.rs", text), ["a.rs:3: Instant::now: time is an argument: model::Moment"]);
    }

    #[test]
    fn the_dependencies_of_a_crate_are_what_cargo_resolved() {
        let found = dependencies(&crate::root(), "xtask");
        assert_eq!(found, Ok(BTreeSet::from(["xtask".to_owned()])));
    }
}
