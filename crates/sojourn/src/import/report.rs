//! What an import has done.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Things that are named of each reason; the others are counted.
const NAMED: usize = 20;

/// Kinds of things, in the order in which they are reported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Accounts,
    Passwords,
    Places,
    Looks,
    Preferences,
    Mutes,
    Friendships,
    Folders,
    Items,
    Assets,
}

/// What became of the things of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    /// Here now.
    pub(super) brought: u64,
    /// Here before.
    pub(super) there: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Report {
    tallies: BTreeMap<Kind, Tally>,
    /// Why things were left, how many, and the first of them.
    left: BTreeMap<String, (u64, Vec<String>)>,
    /// What was mended on the way.
    mended: u64,
}

impl Report {
    /// So many things were brought, so many of which were here.
    pub(super) fn count(&mut self, kind: Kind, all: u64, new: u64) {
        let tally = self.tallies.entry(kind).or_default();
        tally.brought += new;
        tally.there += all.saturating_sub(new);
    }

    #[cfg(test)]
    pub(super) fn of(&self, kind: Kind) -> Tally {
        self.tallies.get(&kind).copied().unwrap_or_default()
    }

    /// Something was left behind.
    pub(super) fn leave(&mut self, why: impl Into<String>, what: impl Into<String>) {
        let (count, named) = self.left.entry(why.into()).or_default();
        *count += 1;
        if named.len() < NAMED {
            named.push(what.into());
        }
    }

    /// Something is not as it was, so that it can be here.
    pub(super) fn mend(&mut self, things: u64) {
        self.mended += things;
    }

    /// Reasons for which something was left, with how often.
    #[cfg(test)]
    pub(super) fn reasons(&self) -> Vec<(&str, u64)> {
        self.left.iter().map(|(why, (count, _))| (why.as_str(), *count)).collect()
    }

    pub(super) fn drawn(&self) -> String {
        let mut text = format!("{:14}{:>12}{:>16}\n", "", "brought", "were here");
        for (kind, Tally { brought, there }) in &self.tallies {
            let _ = writeln!(text, "{:14}{brought:>12}{there:>16}", format!("{kind:?}").to_lowercase());
        }
        if self.mended > 0 {
            let _ = writeln!(
                text,
                "\n{} folders and items hung nowhere, or had a type twice; they are in their owners' inventories",
                self.mended
            );
        }
        for (why, (count, named)) in &self.left {
            let _ = writeln!(text, "\nleft behind, {count}: {why}");
            for what in named {
                let _ = writeln!(text, "  {what}");
            }
            if *count > named.len() as u64 {
                text.push_str("  …\n");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_said() {
        let mut report = Report::default();
        report.count(Kind::Items, 5, 3);
        report.count(Kind::Accounts, 1, 0);
        report.mend(2);
        for n in 0..30 {
            report.leave("lost", format!("thing {n}"));
        }
        let text = report.drawn();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["accounts", "0", "1"]);
        assert_eq!(lines[2], ["items", "3", "2"]);
        assert!(
            text.contains("left behind, 30: lost") && text.contains("thing 19") && !text.contains("thing 20")
        );
        assert!(text.contains("\n2 folders and items"));
    }
}
