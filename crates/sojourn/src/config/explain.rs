//! What each option means, in the words in which clap was told.

use crate::options::{Setting, Usual, meaning, settings, usual};
use std::fmt::Write as _;

/// Columns of a line.
const WIDTH: usize = 100;

/// A file that says everything and changes nothing.
pub(super) fn all() -> String {
    let mut text = String::from(
        "# All options of sojourn. The command line is over the environment, the environment over the file.\n",
    );
    let settings = settings();
    for setting in by_table(&settings) {
        text.push('\n');
        for line in described(setting).lines() {
            let _ = writeln!(text, "# {line}");
        }
        // Without headers of tables, below which nothing else could be added.
        let _ = writeln!(text, "#{} = {}", setting.key, example(setting));
    }
    text
}

/// One option; `None` if there is none of the name.
pub(super) fn one(key: &str) -> Option<String> {
    let settings = settings();
    // As the command line or the environment have it will do.
    let key = key.trim_start_matches("--").trim_start_matches("SOJOURN_").to_lowercase();
    let plain = |text: &str| text.replace(['-', '.'], "_");
    let setting = settings.iter().find(|setting| plain(&setting.key) == plain(&key))?;
    Some(format!("{}\n{}", setting.key, indented(&described(setting))))
}

/// Those that stand in no table first, as TOML has it.
fn by_table(settings: &[Setting]) -> impl Iterator<Item = &Setting> {
    let in_a_table = |setting: &&Setting| setting.key.contains('.');
    settings.iter().filter(move |setting| !in_a_table(setting)).chain(settings.iter().filter(in_a_table))
}

/// What it is for, by what it is set, what it may be, and what it is when nothing is said.
fn described(setting: &Setting) -> String {
    let mut text = String::new();
    for (meaning, commands) in same(setting, meaning) {
        match commands.len() == setting.of.len() {
            true => text.push_str(&wrapped(&meaning)),
            false => text.push_str(&wrapped(&format!("{}: {meaning}", commands.join(", ")))),
        }
    }
    let commands: Vec<_> = setting.of.iter().map(|(command, _)| *command).collect();
    let _ = writeln!(text, "of       {}", commands.join(", "));
    let _ = writeln!(text, "set by   {}, {}", setting.option(), setting.environment());
    let _ = writeln!(text, "allowed  {}", allowed(setting));
    let _ = writeln!(text, "default  {}", defaults(setting));
    text
}

fn allowed(setting: &Setting) -> String {
    let wanted = setting.wanted().replace(" is wanted", "");
    if setting.is_list() { format!("{wanted}; several in a list, or with commas") } else { wanted }
}

fn defaults(setting: &Setting) -> String {
    let shown = |usual: Usual| match usual {
        Usual::Value(usual) | Usual::Words(usual) => usual,
    };
    let defaults = same(setting, |arg| shown(usual(arg)));
    match &defaults[..] {
        [(everywhere, _)] => everywhere.clone(),
        several => {
            let each: Vec<_> = several
                .iter()
                .map(|(usual, commands)| format!("{usual} ({})", commands.join(", ")))
                .collect();
            each.join(", ")
        }
    }
}

/// What of an option is the same for which commands.
fn same(setting: &Setting, of: impl Fn(&clap::Arg) -> String) -> Vec<(String, Vec<&'static str>)> {
    let mut same: Vec<(String, Vec<&'static str>)> = Vec::new();
    for (command, arg) in &setting.of {
        let text = of(arg);
        match same.iter_mut().find(|(known, _)| *known == text) {
            Some((_, commands)) => commands.push(command),
            None => same.push((text, vec![command])),
        }
    }
    same
}

/// A value as it stands in the file: the default, where there is one that can be written down.
fn example(setting: &Setting) -> String {
    let value = match usual(&setting.of[0].1) {
        Usual::Value(value) => setting.in_file(&value),
        Usual::Words(_) => "\"\"".into(),
    };
    if setting.is_list() { "[]".into() } else { value }
}

fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = 0;
    for word in text.split_whitespace() {
        if line > 0 && line + 1 + word.len() > WIDTH {
            lines.push('\n');
            line = 0;
        } else if line > 0 {
            lines.push(' ');
            line += 1;
        }
        lines.push_str(word);
        line += word.len();
    }
    lines.push('\n');
    lines
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ConfigFile;

    /// The page for operators, which has a line for each option.
    const PAGE: &str = include_str!("../../../../docs/operate/configure.md");

    #[test]
    fn all_of_it_is_a_file_that_changes_nothing() {
        let text = all();
        assert_eq!(ConfigFile::parse(&text), (ConfigFile::default(), vec![]));
        for setting in settings() {
            assert!(text.contains(&setting.environment()), "{}", setting.key);
        }
        // With all defaults said that can be said, it is a file, too.
        let unsaid = text.lines().filter(|line| !line.ends_with("= \"\""));
        let said: Vec<_> = unsaid
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .collect();
        let (file, problems) = ConfigFile::parse(&said.join("\n"));
        assert_eq!(problems, []);
        assert!(file.names("port") && file.names("transfer.grace") && file.names("closed"));
        // Anything can be added at its end.
        let (file, problems) = ConfigFile::parse(&format!("{text}drain = 5\n"));
        assert!(problems.is_empty() && file.names("drain"));
    }

    #[test]
    fn one_is_found_by_each_of_its_names() {
        for name in ["private_port", "--private-port", "SOJOURN_PRIVATE_PORT"] {
            let text = one(name).unwrap();
            assert!(text.contains("8003") && text.contains("a port from 1 to 65535"), "{text}");
        }
        assert!(one("transfer.answer").unwrap().contains("seconds from 0.05 to 120"));
        let port = one("port").unwrap();
        assert!(port.contains("9000 (standalone, simulator), 8002 (grid)"), "{port}");
        assert_eq!(one("prot"), None);
    }

    #[test]
    fn the_page_for_operators_has_the_same() {
        let row = |setting: &Setting| {
            let several = same(setting, meaning);
            let one_of_several =
                |(meaning, of): &(String, Vec<&str>)| format!("{}: {meaning}", of.join(", "));
            let meanings: Vec<String> = match &several[..] {
                [(meaning, _)] => vec![meaning.clone()],
                several => several.iter().map(one_of_several).collect(),
            };
            let commands: Vec<_> = setting.of.iter().map(|(command, _)| *command).collect();
            format!(
                "| `{}` | `{}` | {} | {} | {} |",
                setting.key,
                setting.option(),
                commands.join(", "),
                defaults(setting),
                meanings.join("; ").replace('|', "\\|"),
            )
        };
        let rows: Vec<String> = by_table(&settings()).map(row).collect();
        let missing: Vec<&str> = rows.iter().map(String::as_str).filter(|row| !PAGE.contains(*row)).collect();
        assert!(missing.is_empty(), "configure.md should have:\n{}", rows.join("\n"));
    }
}
