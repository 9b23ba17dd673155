//! What the steps need beyond the toolchain, and how it gets here: everything lands under `target/`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Pinned, so that a new release of it cannot turn a good build bad.
const CARGO_DENY: &str = "0.20.2";

/// The cargo that runs us, in the root of the workspace.
pub(crate) fn cargo(root: &Path, arguments: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(root).args(arguments.split(' '));
    command
}

/// Runs a command silently; whether it succeeded is all that matters.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let words: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    format!("{program} {}", words.join(" "))
}

/// The pinned cargo-deny; compiled on first use, which takes minutes.
pub(crate) fn cargo_deny(root: &Path) -> Result<PathBuf, String> {
    let home = root.join("target/tools");
    let path = home.join("bin/cargo-deny");
    if says(&path, "--version", CARGO_DENY) {
        return Ok(path);
    }
    println!("building cargo-deny {CARGO_DENY}: this takes some minutes, once");
    let mut install = cargo(root, "install --quiet --locked --force cargo-deny --version");
    install.arg(CARGO_DENY).arg("--root").arg(&home);
    match install.status() {
        Ok(status) if status.success() => Ok(path),
        _ => Err(format!("could not be installed: {}", shown(&install))),
    }
}

/// The Python of the end-to-end tests: a virtual environment with exactly what `e2e/requirements.txt` names.
///
/// # Errors
///
/// The text says what to install by hand where this program may not or cannot.
pub(crate) fn python(root: &Path) -> Result<PathBuf, String> {
    let home = root.join("target/e2e-venv");
    let python = home.join("bin/python");
    let requirements = root.join("e2e/requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).map_err(|error| format!("e2e/requirements.txt: {error}"))?;
    let stamp = home.join("requirements.installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted)
        && succeeds(&mut version(&python))
    {
        return Ok(python);
    }

    if !succeeds(&mut version(Path::new("python3"))) {
        return Err("no python3: on Debian, apt-get install python3 python3-venv".into());
    }
    let make = || succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
    if !make() {
        // Debian splits ensurepip off; only root may put it back, and asking does no harm where it is not root.
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-qq", "python3-venv"]).env("DEBIAN_FRONTEND", "noninteractive");
        if !(succeeds(&mut apt) && make()) {
            return Err(
                "python3 cannot make a virtual environment: on Debian, apt-get install python3-venv".into()
            );
        }
    }
    println!("installing e2e/requirements.txt into target/e2e-venv");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
        .arg(&requirements);
    match pip.status() {
        Ok(status) if status.success() => {}
        _ => return Err(format!("{} failed", shown(&pip))),
    }
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// Debian's Chromium, which the tests of the pages drive. Whether it is there, installed if need be and possible.
pub(crate) fn chromium() -> bool {
    let there =
        || ["chromium", "chromium-browser"].iter().any(|name| succeeds(&mut version(Path::new(name))));
    let apt = |arguments: &str| {
        let mut apt = Command::new("apt-get");
        apt.args(arguments.split(' ')).env("DEBIAN_FRONTEND", "noninteractive");
        succeeds(&mut apt)
    };
    if there() {
        return true;
    }
    println!("installing chromium");
    // Only root may; asking does no harm where it is not root, and lists may be old or missing.
    (apt("install -y -qq chromium") || (apt("update -qq") && apt("install -y -qq chromium"))) && there()
}

/// The proxy that some end-to-end tests stand behind. Whether it is there; where Debian has it others may not look.
pub(crate) fn nginx() -> bool {
    ["nginx", "/usr/sbin/nginx"].iter().any(|name| succeeds(Command::new(name).arg("-v")))
}

fn version(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--version");
    command
}

/// Whether a program, asked so, answers with this word in its text.
fn says(program: &Path, argument: &str, word: &str) -> bool {
    let answer = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    answer.is_ok_and(|answer| {
        String::from_utf8_lossy(&answer.stdout).split_whitespace().any(|said| said == word)
    })
}
