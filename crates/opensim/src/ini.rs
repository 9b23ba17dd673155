//! Files of sections, keys and values, as OpenSimulator reads them: with includes, comments, quotes, and values that name
//! others (`${Const|BaseURL}`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a file.
const MAX_FILE: u64 = 4 << 20;
/// Files that may belong to one configuration.
const MAX_FILES: usize = 200;
/// Names in a value that are replaced: those in it, and those in what they stand for.
const NAMES: usize = 100;
/// What names variables of the process's environment.
const ENVIRONMENT: &str = "environment";
/// Bytes of a value, once all names in it are replaced.
const MAX_VALUE: usize = 16 << 10;

/// A file or folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Unreadable {
    /// What was to be read.
    pub path: String,
    /// Why it was not.
    pub why: String,
}

impl Unreadable {
    pub(crate) fn new(path: &Path, why: impl ToString) -> Self {
        Self { path: path.display().to_string(), why: why.to_string() }
    }
}

/// One line that sets something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) section: String,
    pub(crate) key: String,
    /// As it stands in the file, without its quotes.
    pub(crate) value: String,
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
}

/// A file with all that it includes. What comes later wins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ini {
    pub(crate) entries: Vec<Entry>,
    /// Includes that were not followed, and why.
    pub(crate) missing: Vec<String>,
    by_name: BTreeMap<(String, String), usize>,
    files: usize,
}

impl Ini {
    /// Reads a file. What it includes is looked for from its own folder.
    pub(crate) fn read(path: &Path) -> Result<Self, Unreadable> {
        let mut ini = Self::default();
        ini.add(path)?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut next = 0;
        while let Some(entry) = ini.entries.get(next).cloned() {
            next += 1;
            if entry.key.to_lowercase().starts_with("include") {
                ini.include(&base, &entry);
            }
        }
        Ok(ini)
    }

    fn include(&mut self, base: &Path, entry: &Entry) {
        let wanted = self.expanded(&entry.value);
        let found = if wanted.contains("://") { Vec::new() } else { matching(base, &wanted) };
        let wildcard = wanted.contains('*');
        if found.is_empty() && !wildcard {
            self.missing.push(format!("{}:{}: {wanted}", entry.file.display(), entry.line));
        }
        for path in found {
            if self.entries.iter().any(|known| known.file == path) {
                continue;
            }
            if self.add(&path).is_err() {
                self.missing.push(path.display().to_string());
            }
        }
    }

    fn add(&mut self, path: &Path) -> Result<(), Unreadable> {
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(Unreadable::new(path, format!("more than {MAX_FILES} files")));
        }
        for entry in parse(&text_of(path)?, path) {
            self.by_name.insert(name(&entry.section, &entry.key), self.entries.len());
            self.entries.push(entry);
        }
        Ok(())
    }

    /// The entry that holds.
    pub(crate) fn entry(&self, section: &str, key: &str) -> Option<&Entry> {
        self.by_name.get(&name(section, key)).map(|&at| &self.entries[at])
    }

    /// A value, with all names in it replaced; `None` where it is empty, too.
    pub(crate) fn value(&self, section: &str, key: &str) -> Option<String> {
        let value = self.expanded(&self.entry(section, key)?.value);
        (!value.is_empty()).then_some(value)
    }

    /// A text with all names in it replaced.
    pub(crate) fn expanded(&self, value: &str) -> String {
        let mut text = value.to_owned();
        for _ in 0..NAMES {
            let Some((before, rest)) = text.split_once("${") else { break };
            let Some((named, after)) = rest.split_once('}') else { break };
            let (section, key) = named.split_once('|').unwrap_or(("", named));
            let found = self.named(section.trim(), key.trim());
            text = format!("{before}{found}{after}");
            if text.len() > MAX_VALUE {
                break;
            }
        }
        text.trim().to_owned()
    }

    /// What a name stands for. Variables of the environment count where their names are listed.
    fn named(&self, section: &str, key: &str) -> String {
        let Some(entry) = self.entry(section, key) else { return String::new() };
        let variable =
            if section.eq_ignore_ascii_case(ENVIRONMENT) { std::env::var(&entry.key).ok() } else { None };
        variable.filter(|value| !value.is_empty()).unwrap_or_else(|| entry.value.clone())
    }
}

fn name(section: &str, key: &str) -> (String, String) {
    (section.to_lowercase(), key.to_lowercase())
}

/// The text of a file; what is not UTF-8 in it is marked as such.
fn text_of(path: &Path) -> Result<String, Unreadable> {
    let broken = |error| Unreadable::new(path, error);
    if fs::metadata(path).map_err(broken)?.len() > MAX_FILE {
        return Err(Unreadable::new(path, format!("more than {MAX_FILE} bytes")));
    }
    let bytes = fs::read(path).map_err(broken)?;
    Ok(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned())
}

/// What each line of a file sets.
pub(crate) fn parse(text: &str, file: &Path) -> Vec<Entry> {
    let mut section = String::new();
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        if let Some((name, _)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            section = name.trim().to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            entries.push(Entry {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: unquoted(value.trim()),
                file: file.to_owned(),
                line: number + 1,
            });
        }
    }
    entries
}

/// A value without its quotes, or without the comment after it.
fn unquoted(value: &str) -> String {
    match value.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or_default().to_owned(),
        None => value.split(';').next().unwrap_or_default().trim().to_owned(),
    }
}

/// Files of this name, in the order of their names; `*` stands for anything within a part of a path.
pub(crate) fn matching(base: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern = pattern.replace('\\', "/");
    let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { base.to_owned() }];
    for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let mut below = Vec::new();
        for folder in found {
            if !part.contains('*') {
                below.push(folder.join(part));
                continue;
            }
            let mut names: Vec<_> = fs::read_dir(&folder)
                .into_iter()
                .flatten()
                .flatten()
                .filter(|entry| fits(part, &entry.file_name().to_string_lossy()))
                .map(|entry| entry.path())
                .collect();
            names.sort();
            below.extend(names);
        }
        found = below;
    }
    found.retain(|path| path.is_file());
    found
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => {
            let Some(name) = name.strip_prefix(start) else { return false };
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| fits(rest, &name[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let text = "\u{feff}; a comment\n[ One ]\n a = 1 ; said of it\n b = \"x;y\" ; more\n#c = 3\n\nd=\n[Two]\nnonsense\ne = \"half";
        let found: Vec<_> = parse(text.trim_start_matches('\u{feff}'), Path::new("f"))
            .into_iter()
            .map(|entry| (entry.section, entry.key, entry.value, entry.line))
            .collect();
        let entry = |section: &str, key: &str, value: &str, line| {
            (section.to_owned(), key.to_owned(), value.to_owned(), line)
        };
        let wanted = [
            entry("One", "a", "1", 3),
            entry("One", "b", "x;y", 4),
            entry("One", "d", "", 7),
            entry("Two", "e", "half", 10),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn includes_are_followed_and_names_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "OpenSim.ini",
            "[Const]\nHost = \"a.example\"\nURL = http://${Const|Host}\nRound = ${Const|Round}\n\
             [Architecture]\nInclude-A = \"config-include/Grid.ini\"\nInclude-M = \"addon/*/config/*.ini\"\n\
             Include-N = \"nowhere.ini\"\n",
        );
        write("config-include/Grid.ini", "[Includes]\nInclude-Common = \"config-include/Common.ini\"\n");
        write("config-include/Common.ini", "[GridService]\nGridServerURI = \"${Const|URL}:8003\"\n");
        write("addon/x/config/x.ini", "[X]\nx = ${Nothing|There}!\n[Const]\nHost = b.example\n");
        let ini = Ini::read(&folder.path().join("OpenSim.ini")).unwrap();
        assert_eq!(ini.value("gridservice", "gridserveruri").as_deref(), Some("http://b.example:8003"));
        assert_eq!(ini.value("X", "x").as_deref(), Some("!"));
        assert!(ini.value("Const", "Round").unwrap().len() < MAX_VALUE);
        assert_eq!(ini.missing.len(), 1, "{:?}", ini.missing);
        // A variable that every test has, one that nobody has, and one that is not listed.
        let variables = "[Environment]\nCARGO_PKG_NAME = x\nSOJOURN_NEVER_SET = y\n[A]\n\
             a = ${Environment|CARGO_PKG_NAME} ${Environment|SOJOURN_NEVER_SET} ${Environment|HOME}.\n";
        write("variables.ini", variables);
        let ini = Ini::read(&folder.path().join("variables.ini")).unwrap();
        assert_eq!(ini.value("A", "a").as_deref(), Some("opensim y ."));
        assert!(Ini::read(&folder.path().join("none.ini")).is_err());
    }

    #[test]
    fn patterns() {
        for (pattern, name, wanted) in [
            ("*.ini", "a.ini", true),
            ("*.ini", "a.ini.example", false),
            ("a*b*c", "axxbyc", true),
            ("a*b*c", "axxc", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), wanted, "{pattern} {name}");
        }
    }
}
