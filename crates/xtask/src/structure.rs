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
const FORBIDDEN: [(&[&str], &str); 8] = [
    (&["Instant::now", "SystemTime::now"], "time is an argument: model::Moment"),
    (
        &[
            "thread_rng",
            "ThreadRng",
            "OsRng",
            "SysRng",
            "from_os_rng",
            "make_rng",
            "getrandom",
            "rand::rng",
            "rand::random",
            "Uuid::new_v4",
            "Uuid::now_v7",
        ],
        "randomness is an argument",
    ),
    (&["thread::spawn"], "nothing runs beside the caller"),
    (&["thread::sleep"], "nothing waits below the line"),
    (
        &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener", "UnixDatagram"],
        "sockets belong to the shell",
    ),
    (&["std::fs", "fs::"], "files belong to the shell"),
    (&["std::env", "env::"], "settings are arguments"),
    (&["std::process", "process::", "Command::new"], "processes belong to the shell"),
];

/// Checks all of it.
pub(crate) fn check(root: &Path) -> Outcome {
    let mut faults = Vec::new();
    for name in PURE {
        match dependencies(root, name) {
            Ok(found) => faults.extend(banned(name, &found)),
            Err(why) => faults.push(why),
        }
        let folder = root.join("crates").join(name).join("src");
        sources(&folder, &mut |path, text| {
            // A command line is a shell of its own: the rehearsal's says how long it took.
            if path.ends_with("main.rs") || is_test(path.strip_prefix(&folder).unwrap_or(path)) {
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

/// Whether all of a file is tests: `tests.rs`, or something in a folder `tests`.
fn is_test(path: &Path) -> bool {
    path.with_extension("").components().any(|part| part.as_os_str() == "tests")
}

/// What must not be there, with the lines; each reason once in a line.
fn forbidden(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in code(text) {
        for (words, why) in FORBIDDEN {
            if let Some(word) = words.iter().find(|word| names(line, word)) {
                faults.push(format!("{path}:{number}: {word}: {why}"));
            }
        }
    }
    faults
}

/// The numbered lines that are neither comments nor in a module of tests.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut attribute = "";
    // The line that ends the module of tests that we are in.
    let mut end = None;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let before = std::mem::replace(&mut attribute, line.trim());
        if end.is_none() && before == "#[cfg(test)]" && line.trim().starts_with("mod ") && line.ends_with('{')
        {
            end = Some(format!("{}}}", &line[..line.len() - line.trim_start().len()]));
        }
        if let Some(last) = &end {
            if line == last {
                end = None;
            }
            return None;
        }
        (!line.trim_start().starts_with("//")).then_some((number, line))
    })
}

/// Whether a line has this word, not as the end of a longer one.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
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
    fn each_of_them_is_caught_once() {
        for line in [
            "let now = std::time::SystemTime::now();",
            "let coin: bool = rand::random();",
            "let coin = rand::random::<bool>();",
            "use rand::random;",
            "let dice = rand::rng();",
            "let dice = rand::thread_rng();",
            "let dice: StdRng = rand::make_rng();",
            "use rand::rngs::OsRng;",
            "rand::rngs::SysRng.try_fill_bytes(&mut seed)?;",
            "let dice = StdRng::from_os_rng();",
            "getrandom::fill(&mut seed)?;",
            "let id = Uuid::new_v4();",
            "std::thread::spawn(|| ());",
            "thread::sleep(wait);",
            "let text = std::fs::read(path)?;",
            "use std::fs;",
            "    let text = fs::read_to_string(path)?;",
            "let home = std::env::var(name);",
            "let home = env::var(name);",
            "std::process::exit(1);",
            "let made = process::Command::new(program);",
            "let made = Command::new(program);",
            "let stream = TcpStream::connect(to)?;",
            "use std::net::{TcpListener, UdpSocket};",
            "let socket = std::net::UdpSocket::bind(at)?;",
            "use std::os::unix::net::UnixStream;",
        ] {
            assert_eq!(forbidden("a.rs", line).len(), 1, "{line}: {:?}", forbidden("a.rs", line));
        }
        for line in [
            "let any: u64 = self.random.random();",
            "use std::net::SocketAddr;",
            "let offs = offs::Table::default();",
            "subprocess::wait();",
            "const HERE: &str = env!(\"CARGO_MANIFEST_DIR\");",
        ] {
            assert_eq!(forbidden("a.rs", line), [""; 0], "{line}");
        }
    }

    #[test]
    fn tests_may_use_what_they_like() {
        let text = "#[cfg(test)]\nmod tests {\n    use std::fs;\n    fn a() {\n    }\n}\nuse std::env;\n";
        assert_eq!(forbidden("a.rs", text), ["a.rs:7: std::env: settings are arguments"]);
        let outside = "#[cfg(test)]\nmod tests;\nuse std::env;\n";
        assert_eq!(forbidden("a.rs", outside), ["a.rs:3: std::env: settings are arguments"]);
        for (path, all) in [
            ("tests.rs", true),
            ("a/tests/b.rs", true),
            ("a/tests.rs", true),
            ("contests.rs", false),
            ("a.rs", false),
        ] {
            assert_eq!(is_test(Path::new(path)), all, "{path}");
        }
    }

    #[test]
    fn the_dependencies_of_a_crate_are_what_cargo_resolved() {
        let found = dependencies(&crate::root(), "xtask");
        assert_eq!(found, Ok(BTreeSet::from(["xtask".to_owned()])));
    }
}
