//! All options that processes go by, as clap knows them.

use super::values::Wait;
use super::{GridOptions, SimulatorOptions, StandaloneOptions};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Args as _, Command};
use std::any::TypeId;
use std::error::Error as _;
use std::path::PathBuf;

/// What nothing can be: whoever reads it says what is wanted.
const NOTHING: &str = "\u{1}";

/// One option, of all the commands that have it.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Its name in the file: with the table that it stands in, if it stands in one.
    pub(crate) key: String,
    /// How each command describes it.
    pub(crate) of: Vec<(&'static str, Arg)>,
}

/// What kind of value stands in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// `true` or `false`.
    Switch,
    /// A text.
    Text,
}

/// What holds where nothing is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Usual {
    /// This value.
    Value(String),
    /// What these words say.
    Words(String),
}

/// All of them, in the order in which the command line has them.
pub(crate) fn settings() -> Vec<Setting> {
    let commands = [
        ("standalone", StandaloneOptions::augment_args(Command::new("standalone"))),
        ("grid", GridOptions::augment_args(Command::new("grid"))),
        ("simulator", SimulatorOptions::augment_args(Command::new("simulator"))),
    ];
    let mut settings: Vec<Setting> = Vec::new();
    for (name, command) in commands {
        for arg in command.get_arguments() {
            let key = arg.get_id().as_str();
            // It says where the file is.
            if key == "config" {
                continue;
            }
            match settings.iter_mut().find(|known| known.key == key) {
                Some(known) => known.of.push((name, arg.clone())),
                None => settings.push(Setting { key: key.to_owned(), of: vec![(name, arg.clone())] }),
            }
        }
    }
    settings
}

/// The environment's name for a key.
pub(super) fn environment(key: &str) -> String {
    format!("SOJOURN_{}", key.to_uppercase().replace('.', "_"))
}

impl Setting {
    fn arg(&self) -> &Arg {
        &self.of[0].1
    }

    /// The environment's name for it.
    pub(crate) fn environment(&self) -> String {
        environment(&self.key)
    }

    /// How the command line has it: `--port PORT`.
    pub(crate) fn option(&self) -> String {
        let value: Vec<&str> =
            self.arg().get_value_names().unwrap_or_default().iter().map(|name| name.as_str()).collect();
        let long = self.arg().get_long().unwrap_or_default();
        match self.kind() {
            Kind::Switch => format!("--{long}"),
            _ => format!("--{long} {}", value.join(" ")),
        }
    }

    /// Whether it may have several values.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self.arg().get_action(), ArgAction::Append)
    }

    /// What stands in the file.
    pub(crate) fn kind(&self) -> Kind {
        let kind = self.arg().get_value_parser().type_id();
        let is = |types: &[TypeId]| types.iter().any(|known| kind == *known);
        if is(&[TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()]) {
            Kind::Whole
        } else if is(&[TypeId::of::<Wait>(), TypeId::of::<f64>()]) {
            Kind::Number
        } else if is(&[TypeId::of::<bool>()]) {
            Kind::Switch
        } else {
            Kind::Text
        }
    }

    /// A value as it stands in the file.
    pub(crate) fn in_file(&self, value: &str) -> String {
        match self.kind() {
            Kind::Text => format!("{value:?}"),
            Kind::Whole | Kind::Number | Kind::Switch => value.to_owned(),
        }
    }

    /// What it may be, in words.
    pub(crate) fn wanted(&self) -> String {
        let is_path = self.arg().get_value_parser().type_id() == TypeId::of::<PathBuf>();
        match (self.kind(), self.read(NOTHING)) {
            (Kind::Switch, _) => "true or false is wanted".into(),
            (_, Err(why)) => why,
            (_, Ok(())) if is_path => "a path is wanted".into(),
            (_, Ok(())) => "a text is wanted".into(),
        }
    }

    /// Whether this text is a value of it; if not, what is wanted.
    pub(crate) fn read(&self, text: &str) -> Result<(), String> {
        let arg = self.arg().clone().required(false);
        let words = [format!("--{}={text}", arg.get_long().unwrap_or_default())];
        let command = Command::new("option").no_binary_name(true).disable_help_flag(true).arg(arg);
        let Err(error) = command.try_get_matches_from(words) else { return Ok(()) };
        Err(match (error.kind(), error.source()) {
            (ErrorKind::InvalidValue, _) if self.kind() == Kind::Switch => "true or false is wanted".into(),
            (_, Some(why)) => why.to_string(),
            (_, None) => "another value is wanted".into(),
        })
    }
}

/// What an option is for, without its default.
pub(crate) fn meaning(arg: &Arg) -> String {
    help(arg).0
}

/// What holds of a command's option where nothing is said.
pub(crate) fn usual(arg: &Arg) -> Usual {
    let values = arg.get_default_values();
    if values.is_empty() {
        return Usual::Words(help(arg).1);
    }
    let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
    Usual::Value(values.join(","))
}

/// A help text, and what stands in brackets at its end.
fn help(arg: &Arg) -> (String, String) {
    let text = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.strip_suffix(']').and_then(|text| text.rsplit_once(" [")) {
        Some((meaning, usual)) => {
            (meaning.to_owned(), usual.strip_prefix("default: ").unwrap_or(usual).to_owned())
        }
        None => (text, String::new()),
    }
}
