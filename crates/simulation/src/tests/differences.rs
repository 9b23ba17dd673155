//! Two bodies compared entry by entry.

use llsd::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where `ours` is not as `recorded`: `- key` lacks it, `+ key` has it besides, `~ key` has another value.
/// Keys of maps are joined by dots, elements of arrays are all called `[]`.
pub(super) fn differences(recorded: &Value, ours: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    compare(recorded, ours, "", &mut found);
    found
}

fn compare(recorded: &Value, ours: &Value, path: &str, found: &mut BTreeSet<String>) {
    match (recorded, ours) {
        (Value::Map(theirs), Value::Map(own)) => {
            let keys: BTreeSet<&String> = theirs.keys().chain(own.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (theirs.get(key), own.get(key)) {
                    (Some(recorded), Some(ours)) => compare(recorded, ours, &path, found),
                    (Some(_), None) => _ = found.insert(format!("- {path}")),
                    _ => _ = found.insert(format!("+ {path}")),
                }
            }
        }
        (Value::Array(theirs), Value::Array(own)) if theirs.len() == own.len() => {
            for (recorded, ours) in theirs.iter().zip(own) {
                compare(recorded, ours, &format!("{path}[]"), found);
            }
        }
        _ if recorded == ours || same_numbers(recorded, ours) => {}
        // All reals here are floats; others write fifteen digits of one.
        (Value::Real(recorded), Value::Real(ours)) if *recorded as f32 == *ours as f32 => {}
        _ => _ = found.insert(format!("~ {path}")),
    }
}

/// The numbers in a vector, which has more than one spelling.
fn same_numbers(recorded: &Value, ours: &Value) -> bool {
    let numbers = |value: &Value| -> Option<Vec<f32>> {
        let text = value.text()?.strip_prefix('<')?.strip_suffix('>')?.to_owned();
        text.split(", ").map(|number| number.parse().ok()).collect()
    };
    numbers(recorded).is_some_and(|numbers_in| Some(numbers_in) == numbers(ours))
}

/// Differences that are meant, each with its reason; and whether each was met.
pub(super) struct Exceptions {
    lines: BTreeMap<(String, String), bool>,
}

impl Exceptions {
    /// Reads lines of: name of a recording (`*` at the end: and so on), difference, ` # ` and the reason.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let read = |line: &str| {
            let (what, reason) = line.split_once(" # ").expect("an exception has a reason");
            assert!(!reason.trim().is_empty(), "{line}");
            let (name, difference) = what.split_once(' ').expect("an exception has a difference");
            ((name.to_owned(), difference.trim().to_owned()), false)
        };
        Self { lines: lines.map(read).collect() }
    }

    /// Whether this difference is meant in the recording of that name.
    pub(super) fn allow(&mut self, name: &str, difference: &str) -> bool {
        let mut allowed = false;
        for ((pattern, meant), met) in &mut self.lines {
            let named = pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start));
            if named && difference == meant {
                (*met, allowed) = (true, true);
            }
        }
        allowed
    }

    /// Exceptions that nothing needs.
    pub(super) fn idle(&self) -> Vec<String> {
        let idle = self.lines.iter().filter(|(_, met)| !**met);
        idle.map(|((name, difference), _)| format!("{name} {difference}")).collect()
    }
}

#[test]
fn differences_are_found_and_named() {
    use llsd::{array, map};
    let recorded =
        map! { "a" => 1, "b" => array![map! { "c" => 1 }, map! { "c" => 2 }], "at" => "<1, 2E-06>" };
    let ours =
        map! { "b" => array![map! { "c" => 1 }, map! { "c" => 3 }], "at" => "<1, 0.000002>", "d" => 1 };
    let found: Vec<String> = differences(&recorded, &ours).into_iter().collect();
    assert_eq!(found, ["+ d", "- a", "~ b[].c"]);
    assert!(differences(&map! { "a" => array![1] }, &map! { "a" => array![1, 2] }).contains("~ a"));
    assert!(differences(&map! { "a" => 1 }, &map! { "a" => 1.0 }).contains("~ a"));
}
