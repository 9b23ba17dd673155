//! Commands for the running process: they go through its control socket.

use crate::options::DataOptions;
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use simulator::control::{self, Command, Direction};

/// Seconds for which users can be warned.
const LONGEST_WARNING_S: u64 = 24 * 3600;

#[derive(Subcommand, Debug)]
pub(crate) enum DebugCommand {
    /// Packets: 0 off, 1 the events of note, 2 all but the most frequent, 3 all
    Packet {
        #[arg(value_parser = clap::value_parser!(u8).range(0..=3))]
        level: u8,
        /// Only this agent's
        #[arg(long, value_name = "FIRST LAST")]
        agent: Option<String>,
        #[command(flatten)]
        data: DataOptions,
    },
    /// What is logged at all, in the form of RUST_LOG; at the start it is --log
    Log {
        filter: String,
        #[command(flatten)]
        data: DataOptions,
    },
    /// Event queues: 0 off, 1 polls and events
    Eq {
        #[arg(value_parser = clap::value_parser!(u8).range(0..=1))]
        level: u8,
        #[command(flatten)]
        data: DataOptions,
    },
    /// HTTP: 0 off, 1 failures, 2 slow ones, 3 all but polls, 4 polls, 5 and 6 with bodies
    Http {
        /// Which direction, and how much: `in 3`, `all 6`; a level alone is for both
        #[arg(value_name = "[in|out|all] LEVEL", num_args = 1..=2, required = true)]
        what: Vec<String>,
        #[command(flatten)]
        data: DataOptions,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Kick {
    /// First and last name
    name: String,
    /// Shown to the user
    #[arg(long, default_value = "You have been logged out by the operator.")]
    reason: String,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Args, Debug)]
pub(crate) struct Notice {
    /// What everybody is shown
    text: String,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Args, Debug)]
pub(crate) struct RestartRegion {
    /// Which
    #[arg(long, value_name = "NAME")]
    region: String,
    /// How long those inside are warned: 90, 90s, 5m or 1h
    #[arg(long = "in", value_name = "TIME", default_value = "120s", value_parser = seconds)]
    after_s: u64,
    /// Shown to the users
    #[arg(long, value_name = "TEXT", default_value = "")]
    message: String,
    /// It stays open after all
    #[arg(long, conflicts_with_all = ["after_s", "message"])]
    cancel: bool,
    #[command(flatten)]
    data: DataOptions,
}

/// A span of time; without a unit, seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(digits) => (digits, text.as_bytes()[digits.len()]),
        None => (text, b's'),
    };
    let each = match unit {
        b'h' => 3600,
        b'm' => 60,
        _ => 1,
    };
    let count = digits.parse::<u64>().map_err(|_| "90, 90s, 5m or 1h is wanted")?;
    let seconds = count.checked_mul(each).filter(|&seconds| seconds <= LONGEST_WARNING_S);
    seconds.ok_or_else(|| "a day is the most".to_owned())
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Way {
    In,
    Out,
    All,
}

pub(crate) async fn debug(command: DebugCommand) -> Result<()> {
    let (command, data) = match command {
        DebugCommand::Packet { level, agent, data } => (Command::DebugPacket { level, agent }, data),
        DebugCommand::Log { filter, data } => (Command::Log { filter }, data),
        DebugCommand::Eq { level, data } => (Command::DebugEventQueue { level }, data),
        DebugCommand::Http { what, data } => {
            let (direction, level) = http(&what)?;
            (Command::DebugHttp { direction, level }, data)
        }
    };
    ask(&data, command).await
}

/// `LEVEL` or `WAY LEVEL`.
fn http(what: &[String]) -> Result<(Direction, u8)> {
    let (way, level) = match what {
        [level] => (Way::All, level),
        [way, level] => match Way::from_str(way, true) {
            Ok(way) => (way, level),
            Err(_) => bail!("{way:?} is none of in, out, all"),
        },
        _ => bail!("a direction and a level are wanted"),
    };
    let level = level.parse().ok().filter(|level| (0..=6).contains(level));
    let level = level.with_context(|| format!("{:?} is no level between 0 and 6", what.last()))?;
    let direction = match way {
        Way::In => Direction::In,
        Way::Out => Direction::Out,
        Way::All => Direction::All,
    };
    Ok((direction, level))
}

pub(crate) async fn kick(kick: Kick) -> Result<()> {
    ask(&kick.data, Command::Kick { agent: kick.name, reason: kick.reason }).await
}

pub(crate) async fn notice(notice: Notice) -> Result<()> {
    ask(&notice.data, Command::Notice { text: notice.text }).await
}

pub(crate) async fn restart_region(restart: RestartRegion) -> Result<()> {
    let RestartRegion { region, after_s, message, cancel, data } = restart;
    let command = if cancel {
        Command::KeepRegion { region }
    } else {
        Command::RestartRegion { region, after_s, message }
    };
    ask(&data, command).await
}

async fn ask(data: &DataOptions, command: Command) -> Result<()> {
    let folder = &data.data;
    let outcome = control::ask(folder, &command).await.map_err(|error| match control::is_nobody(&error) {
        true => anyhow::anyhow!("no process runs on {}", folder.display()),
        false => anyhow::Error::new(error).context(format!("the process on {}", folder.display())),
    })?;
    if !outcome.ok {
        bail!(outcome.text);
    }
    println!("{}", outcome.text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str]) -> Option<(Direction, u8)> {
        http(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn spans_of_time() {
        for (text, read) in [("90", Some(90)), ("120s", Some(120)), ("5m", Some(300)), ("24h", Some(86_400))]
        {
            assert_eq!(seconds(text).ok(), read, "{text}");
        }
        for text in ["", "s", "-1", "1.5m", "25h", "5d", "99999999999999999999h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn directions_and_levels() {
        assert_eq!(check(&["6"]), Some((Direction::All, 6)));
        assert_eq!(check(&["in", "3"]), Some((Direction::In, 3)));
        assert_eq!(check(&["all", "0"]), Some((Direction::All, 0)));
        assert_eq!(check(&["out"]), None);
        assert_eq!(check(&["up", "3"]), None);
        assert_eq!(check(&["in", "7"]), None);
        assert_eq!(check(&["in", "-1"]), None);
    }
}
