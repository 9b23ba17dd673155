//! The file: what stands in it takes the place of defaults, once each value has passed the reader that the command line
//! has for it.

use super::settings::{Kind, Setting, environment, settings};
use anyhow::{Context as _, Result, bail};
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// Bytes of a file.
const MAX_FILE: u64 = 1 << 20;

/// What a file says, each value as it would stand on the command line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ConfigFile {
    values: BTreeMap<String, Vec<String>>,
}

/// Something in a file that cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    /// Where: line and column, from 1.
    pub(crate) at: (usize, usize),
    /// What, and what can be.
    pub(crate) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.at;
        write!(f, "{line}:{column}: {}", self.what)
    }
}

/// Reads a command line, over the file that it or the environment names. What clap refuses ends the process with its
/// words, as it does for `--help`.
pub(crate) fn read_command_line<C: CommandFactory + FromArgMatches>(words: Vec<OsString>) -> Result<C> {
    let first = C::command().get_matches_from(&words);
    let matches = match path(&first) {
        Some(path) => ConfigFile::read(path)?.under(C::command()).get_matches_from(&words),
        None => first,
    };
    Ok(C::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

/// The file that is named, of a command that takes one.
fn path(mut matches: &ArgMatches) -> Option<&PathBuf> {
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    matches.try_get_one("config").ok().flatten()
}

impl ConfigFile {
    /// Reads a file in which nothing may be wrong.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let (file, problems) = Self::parse(&text_of(path)?);
        if !problems.is_empty() {
            let lines: Vec<String> =
                problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect();
            bail!("{}", lines.join("\n"));
        }
        Ok(file)
    }

    /// What it says, and all that is wrong with it, from top to bottom.
    pub(crate) fn parse(text: &str) -> (Self, Vec<Problem>) {
        let settings = settings();
        let mut reading = Reading { text, settings: &settings, file: Self::default(), problems: Vec::new() };
        match DeTable::parse(text) {
            Ok(table) => reading.table("", table.get_ref()),
            Err(error) => reading.problem(error.span().unwrap_or(0..0), error.message().to_owned()),
        }
        reading.problems.sort_by_key(|problem| problem.at);
        (reading.file, reading.problems)
    }

    /// Whether it says something of this.
    pub(crate) fn names(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// A command whose defaults are what the file says.
    pub(crate) fn under(&self, mut command: Command) -> Command {
        let inner: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
        for name in inner {
            command = command.mut_subcommand(name, |inner| self.under(inner));
        }
        command.mut_args(|arg| {
            let key = arg.get_id().as_str();
            // Options of other commands may have the same name.
            let same = arg.get_env().is_some_and(|name| *name == *environment(key));
            match self.values.get(key).filter(|_| same) {
                Some(values) => arg.default_values(values.clone()),
                None => arg,
            }
        })
    }
}

/// The text of a file.
pub(crate) fn text_of(path: &Path) -> Result<String> {
    let of = || path.display().to_string();
    if std::fs::metadata(path).with_context(of)?.len() > MAX_FILE {
        bail!("{}: more than {MAX_FILE} bytes", of());
    }
    std::fs::read_to_string(path).with_context(of)
}

struct Reading<'a> {
    text: &'a str,
    settings: &'a [Setting],
    file: ConfigFile,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let below = format!("{key}.");
            let setting = self.settings.iter().find(|setting| setting.key == key);
            match (setting, value.get_ref()) {
                (Some(setting), given) => match values(setting, given) {
                    Ok(values) => drop(self.file.values.insert(key, values)),
                    Err(why) => self.problem(value.span(), format!("{key} is {}; {why}", shown(given))),
                },
                (None, DeValue::Table(inner)) if self.settings.iter().any(|s| s.key.starts_with(&below)) => {
                    self.table(&below, inner);
                }
                (None, _) => self.problem(name.span(), self.unknown(&key)),
            }
        }
    }

    fn unknown(&self, key: &str) -> String {
        unknown(key, self.settings)
    }

    fn problem(&mut self, span: Range<usize>, what: String) {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.problems.push(Problem { at: (line, column), what });
    }
}

/// A value as it would stand on the command line; if it cannot be one, what is wanted.
fn values(setting: &Setting, given: &DeValue<'_>) -> Result<Vec<String>, String> {
    match given {
        DeValue::Array(given) if setting.is_list() => {
            given.iter().map(|given| value(setting, given.get_ref())).collect()
        }
        given if setting.is_list() => {
            value(setting, given).map_err(|why| format!("{why}, or a list of such")).map(|value| vec![value])
        }
        given => Ok(vec![value(setting, given)?]),
    }
}

fn value(setting: &Setting, given: &DeValue<'_>) -> Result<String, String> {
    let text = match (setting.kind(), given) {
        (Kind::Whole | Kind::Number, DeValue::Integer(number)) => {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            read.map_err(|_| setting.wanted())?.to_string()
        }
        (Kind::Number, DeValue::Float(number)) => number.as_str().to_owned(),
        (Kind::Switch, DeValue::Boolean(switch)) => switch.to_string(),
        (Kind::Text, DeValue::String(text)) => text.clone().into_owned(),
        _ => return Err(setting.wanted()),
    };
    setting.read(&text)?;
    Ok(text)
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(switch) => switch.to_string(),
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// What is said of a key that there is not.
pub(crate) fn unknown(key: &str, settings: &[Setting]) -> String {
    let known = settings.iter().map(|setting| setting.key.as_str());
    let tables = known.clone().filter_map(|key| Some(key.split_once('.')?.0));
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let near = known.chain(tables).map(|known| {
        // It may stand in the wrong table.
        let apart = distance(key, known).min(distance(&last(key), &last(known)) + 1);
        (apart, known)
    });
    match near.min() {
        Some((apart, near)) if apart <= 1 + key.len() / 4 => {
            format!("there is no option {key:?}; did you mean {near:?}?")
        }
        _ => format!("there is no option {key:?}; `sojourn config explain` lists all there are"),
    }
}

/// Letters to add, drop or change to make one word of another; two that changed places are one change.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().take(64).collect(), other.chars().collect());
    let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(one[i - 1] != other[j - 1]);
                let usual = (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + changed);
                let swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
                if swapped { usual.min(table[i - 2][j - 2] + 1) } else { usual }
            };
        }
    }
    table[one.len()][other.len()]
}
