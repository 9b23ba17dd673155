//! Sessions as tables.

use super::SessionsOptions;
use model::AgentId;
use observe::{Ended, Here, Sessions, plain, span};
use std::fmt::Write as _;

const HERE: [&str; 9] = ["REGION", "NAME", "AS", "HERE", "ONLINE", "HEARD", "RTT", "LOSS", "VIEWER"];
const ENDED: [&str; 6] = ["ENDED", "REGION", "NAME", "WHY", "STAYED", "VIEWER"];

/// All of it, as a terminal shows it.
pub(super) fn draw(options: &SessionsOptions, views: Vec<Sessions>) -> String {
    let wanted = |agent: AgentId, name: &str| {
        let asked = options.agent.as_ref();
        asked.is_none_or(|only| only.eq_ignore_ascii_case(name) || *only == agent.to_string())
    };
    let mut here = Vec::new();
    let mut ended = Vec::new();
    for Sessions { now_us, sessions, ended: over } in views {
        here.extend(sessions.iter().filter(|one| wanted(one.agent, &one.name)).map(|one| row(now_us, one)));
        ended.extend(over.into_iter().filter(|one| wanted(one.agent, &one.name)).map(|one| (now_us, one)));
    }
    here.sort();
    ended.sort_by_key(|(_, one)| one.at_us);
    ended.drain(..ended.len().saturating_sub(options.ended));
    let mut text = table(&HERE, here.into_iter().map(|row| (row, String::new())));
    if !ended.is_empty() {
        text.push('\n');
        let rows = ended.iter().map(|(now_us, one)| {
            let steps = if options.steps { steps(one) } else { String::new() };
            (ended_row(*now_us, one), steps)
        });
        text.push_str(&table(&ENDED, rows));
    }
    text
}

fn row(now_us: u64, one: &Here) -> Vec<String> {
    let loss = one.loss_percent().map_or_else(|| "-".to_owned(), |loss| format!("{loss:.1}%"));
    let viewer = match &one.address {
        Some(address) => format!("{} ({address})", plain(&one.viewer)),
        None => plain(&one.viewer),
    };
    vec![
        plain(&one.region),
        plain(&one.name),
        plain(&one.standing),
        span(now_us.saturating_sub(one.since_us)),
        one.login_s.filter(|&login_s| login_s > 0).map_or_else(
            || "-".to_owned(),
            |login_s| span(now_us.saturating_sub(login_s.saturating_mul(1_000_000))),
        ),
        one.last_packet_us.map_or_else(|| "-".to_owned(), |at| span(now_us.saturating_sub(at))),
        one.rtt_us.map_or_else(|| "-".to_owned(), |rtt| format!("{:.1} ms", rtt as f64 / 1000.0)),
        loss,
        viewer,
    ]
}

fn ended_row(now_us: u64, one: &Ended) -> Vec<String> {
    vec![
        format!("{} ago", span(now_us.saturating_sub(one.at_us))),
        plain(&one.region),
        plain(&one.name),
        plain(one.reason.as_deref().unwrap_or("-")),
        one.since_us.map_or_else(|| "-".to_owned(), |since| span(one.at_us.saturating_sub(since))),
        plain(&one.viewer),
    ]
}

fn steps(one: &Ended) -> String {
    let began = one.steps.first().map_or(one.at_us, |step| step.at_us);
    let mut text = String::new();
    for step in &one.steps {
        let after_ms = step.at_us.saturating_sub(began) as f64 / 1000.0;
        let _ = writeln!(text, "  {after_ms:>9.1} ms  {} {}", plain(&step.step), plain(&step.detail));
    }
    text
}

/// Columns as wide as what stands in them; after each row what belongs below it.
fn table(head: &[&str], rows: impl Iterator<Item = (Vec<String>, String)>) -> String {
    let head = head.iter().map(|&name| name.to_owned()).collect();
    let rows: Vec<_> = std::iter::once((head, String::new())).chain(rows).collect();
    let columns = rows[0].0.len();
    let width = |column: usize| {
        rows.iter().map(|(row, _): &(Vec<String>, _)| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (row, below) in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
        text.push_str(below);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(agent: Option<&str>, ended: usize, steps: bool) -> SessionsOptions {
        SessionsOptions { url: Vec::new(), agent: agent.map(Into::into), ended, steps }
    }

    fn view() -> Sessions {
        let id = |n: u128| model::Uuid::from_u128(n);
        serde_json::from_value(serde_json::json!({
            "now_us": 10_000_000_000_u64,
            "sessions": [
                {"region": "Plaza", "region_id": id(1), "session": id(2), "agent": id(10), "name": "Bob Two", "standing": "child", "viewer": "V\u{1b}[2J",
                 "address": null, "since_us": 9_999_000_000_u64, "login_s": null, "last_packet_us": null,
                 "rtt_us": null, "packets_out": 0, "resends": 0, "lost": 0},
                {"region": "Annex", "region_id": id(3), "session": id(4), "agent": id(11), "name": "Ada One", "standing": "root", "viewer": "Viewer 1",
                 "address": "127.0.0.1:5", "since_us": 9_910_000_000_u64, "login_s": 1_000,
                 "last_packet_us": 9_998_000_000_u64, "rtt_us": 12_300, "packets_out": 200, "resends": 1, "lost": 1},
            ],
            "ended": [
                {"region": "r", "agent": id(11), "name": "Ada One", "viewer": "Viewer 1", "since_us": 9_000_000_000_u64,
                 "at_us": 9_005_000_000_u64, "reason": "logout",
                 "steps": [{"at_us": 9_005_000_000_u64, "step": "V->R LogoutRequest", "detail": ""},
                           {"at_us": 9_005_001_500_u64, "step": "R->P logged out", "detail": ""}]},
                {"region": "r", "agent": id(12), "name": "Cleo", "viewer": "", "since_us": null,
                 "at_us": 9_006_000_000_u64, "reason": null, "steps": []},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn who_is_here_and_who_was() {
        let text = draw(&options(None, 20, true), vec![view()]);
        let lines: Vec<&str> = text.lines().collect();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(
            words(lines[1]),
            "Annex Ada One root 1 min 30 s 2 h 30 min 2 s 12.3 ms 1.0% Viewer 1 (127.0.0.1:5)"
        );
        assert_eq!(words(lines[2]), "Plaza Bob Two child 1 s - - - - V\u{fffd}[2J");
        assert_eq!(words(lines[5]), "16 min 35 s ago r Ada One logout 5 s Viewer 1");
        assert_eq!(words(lines[7]), "1.5 ms R->P logged out");
        assert_eq!(words(lines[8]), "16 min 34 s ago r Cleo - -");
    }

    #[test]
    fn only_who_is_asked_for() {
        let text = draw(&options(Some("ada one"), 20, false), vec![view(), view()]);
        assert!(
            !text.contains("Bob") && !text.contains("Cleo") && text.matches("Ada One").count() == 4,
            "{text}"
        );
        let text = draw(&options(None, 1, false), vec![view()]);
        assert!(text.contains("Cleo") && !text.contains("logout"), "the latest: {text}");
    }
}
