//! The living parts of pages: each can be made at any time, and is the same for the page as for what follows it.

use super::Desk;
use crate::chart::{self, Chart};
use crate::map::{Map, Standing, Tiles};
use crate::plot::Shown;
use crate::words::ms;
use askama::Template;
use observe::{Ended, Here, Key, Note, Sequence, Sessions, span, time_of_day};
use serde::Deserialize;
use std::fmt::Write as _;
use std::sync::Arc;

/// Lines of a list.
const LINES: usize = 300;
/// Ended sessions in a list.
const ENDED: usize = 60;
/// Characters of a word in a filter.
const WORD: usize = 128;

/// What a page shows.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Fragment {
    /// The regions, and who stands where.
    Map,
    /// Everybody who is there.
    Sessions(Filter),
    /// Everything that somebody has gone through to be elsewhere.
    Transfers(Filter),
    /// One of these.
    Transfer(Key),
    /// What is counted.
    Metrics,
}

/// A filter as it was typed.
#[derive(Deserialize, Default)]
pub(crate) struct Asked {
    #[serde(default)]
    agent: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    slower: String,
}

/// What is not filtered out.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Filter {
    /// Part of the name, or the whole id.
    agent: String,
    /// Part of the name of one of its regions.
    region: String,
    /// How it stands.
    outcome: String,
    /// Milliseconds.
    slower: Option<u64>,
}

impl Filter {
    pub(crate) fn of(asked: &Asked) -> Self {
        let word = |text: &str| text.trim().chars().take(WORD).collect::<String>();
        let (agent, region, outcome) = (word(&asked.agent), word(&asked.region), word(&asked.outcome));
        Self { agent, region, outcome, slower: asked.slower.trim().parse().ok() }
    }

    /// The same as a query.
    fn query(&self) -> String {
        let slower = self.slower.map(|ms| ms.to_string()).unwrap_or_default();
        let fields = [
            ("agent", &self.agent),
            ("region", &self.region),
            ("outcome", &self.outcome),
            ("slower", &slower),
        ];
        let mut query = String::new();
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            for byte in value.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => query.push(byte.into()),
                    _ => {
                        let _ = write!(query, "%{byte:02X}");
                    }
                }
            }
        }
        query
    }

    fn is_agent(&self, name: &str, id: &str) -> bool {
        self.agent.is_empty() || has(name, &self.agent) || id.eq_ignore_ascii_case(&self.agent)
    }

    fn takes(&self, sequence: &Sequence) -> bool {
        let near = [&sequence.source, &sequence.destination].into_iter().any(|name| has(name, &self.region));
        let standing = chart::standing(sequence);
        let outcome =
            self.outcome.is_empty() || self.outcome == standing || sequence.outcomes.contains(&self.outcome);
        self.is_agent(&sequence.agent, &sequence.agent_id.to_string())
            && near
            && outcome
            && self.slower.is_none_or(|ms| effort_us(sequence) > ms.saturating_mul(1000))
    }
}

/// Whether a name has this part, case aside.
fn has(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(&part.to_lowercase())
}

/// How long it took until everybody knew how it ended; what is cleared up later is nobody's loss.
fn effort_us(sequence: &Sequence) -> u64 {
    let end = sequence.notes.iter().find(|note| note.step == "end");
    end.map_or(sequence.took_us, |note| note.at_us.saturating_sub(sequence.begun_us))
}

#[derive(Template)]
#[template(path = "sessions_filter.html")]
struct SessionsFilter<'a> {
    filter: &'a Filter,
}

#[derive(Template)]
#[template(path = "transfers_filter.html")]
struct TransfersFilter<'a> {
    filter: &'a Filter,
    slower: String,
}

#[derive(Template)]
#[template(path = "world.html")]
struct World {
    map: String,
    people: usize,
    regions: usize,
    silent: Vec<(String, String)>,
    rows: Vec<(String, Vec<String>)>,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionList {
    here: Vec<Row>,
    ended: Vec<Gone>,
    more: usize,
    silent: Vec<(String, String)>,
}

struct Row {
    region: String,
    name: String,
    standing: String,
    since: String,
    online: String,
    heard: String,
    rtt: String,
    loss: String,
    lossy: bool,
    viewer: String,
    address: String,
}

struct Gone {
    name: String,
    region: String,
    ago: String,
    why: String,
    stayed: String,
    steps: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "transfers.html")]
struct TransferList {
    rows: Vec<Trip>,
    more: usize,
    any: bool,
}

struct Trip {
    key: String,
    time: String,
    kind: String,
    version: String,
    agent: String,
    source: String,
    destination: String,
    standing: &'static str,
    outcome: String,
    took: String,
    /// Of the slowest that is shown, per cent.
    share: u64,
}

#[derive(Template)]
#[template(path = "transfer.html")]
struct OneTransfer {
    trip: Trip,
    region: String,
    agent_id: String,
    verdict: Option<String>,
    told: Option<String>,
    chart: String,
    /// After how many milliseconds, and what.
    notes: Vec<(String, Arc<Note>)>,
}

impl Fragment {
    /// What the page of this name shows.
    pub(crate) fn of(page: &str, filter: Filter) -> Option<Self> {
        Some(match page {
            "map" => Self::Map,
            "sessions" => Self::Sessions(filter),
            "transfers" => Self::Transfers(filter),
            "metrics" => Self::Metrics,
            _ => return None,
        })
    }

    /// Which of the tabs it belongs to.
    pub(crate) fn tab(&self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Sessions(_) => "sessions",
            Self::Transfers(_) | Self::Transfer(_) => "transfers",
            Self::Metrics => "metrics",
        }
    }

    pub(crate) fn title(&self) -> String {
        match self {
            Self::Map => "World",
            Self::Sessions(_) => "Sessions",
            Self::Transfers(_) => "Transfers",
            Self::Transfer(_) => "Transfer",
            Self::Metrics => "Metrics",
        }
        .to_owned()
    }

    /// What tells it from others, as the end of an address.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Transfer(key) => format!("transfers/{key}"),
            Self::Sessions(filter) | Self::Transfers(filter) => format!("{}{}", self.tab(), filter.query()),
            Self::Map | Self::Metrics => self.tab().to_owned(),
        }
    }

    /// What stands above it, and stays as it is.
    pub(crate) fn above(&self) -> String {
        let made = match self {
            Self::Sessions(filter) => SessionsFilter { filter }.render(),
            Self::Transfers(filter) => {
                let slower = filter.slower.map(|ms| ms.to_string()).unwrap_or_default();
                TransfersFilter { filter, slower }.render()
            }
            Self::Map | Self::Transfer(_) | Self::Metrics => return String::new(),
        };
        made.unwrap_or_default()
    }

    /// As it is now; `None` when there is no such thing, or nobody knows now.
    pub(crate) async fn make(&self, desk: &Desk) -> Option<String> {
        let made = match self {
            Self::Map => world(desk).await?.render(),
            Self::Sessions(filter) => sessions(desk, filter).render(),
            Self::Transfers(filter) => transfers(desk, filter).render(),
            Self::Transfer(key) => one(&desk.lookout.transfer(*key)?).render(),
            Self::Metrics => metrics(desk).render(),
        };
        made.inspect_err(|error| tracing::error!(%error, "a page could not be made")).ok()
    }
}

async fn world(desk: &Desk) -> Option<World> {
    let overview = desk.overviews.get().await.ok()?;
    let sessions = desk.lookout.sessions();
    let roots = sessions.iter().flat_map(|process| &process.sessions);
    let roots: Vec<_> = roots.filter(|here| matches!(here.standing.as_str(), "root" | "leaving")).collect();
    let standing: Vec<_> = roots
        .iter()
        .map(|here| Standing {
            region: here.region_id,
            name: here.name.clone(),
            leaving: here.standing == "leaving",
            position: here.position,
        })
        .collect();
    let rows = overview.regions.iter().filter_map(|region| {
        let names = standing.iter().filter(|one| one.region == region.id);
        let mut names: Vec<_> = names.map(|one| one.name.clone()).take(LINES).collect();
        names.sort();
        (!names.is_empty()).then(|| (region.name.clone(), names))
    });
    // Nobody is counted who is only believed to be there, but somebody may not have been asked.
    let believed =
        if desk.lookout.silent().is_empty() { Default::default() } else { overview.people.clone() };
    Some(World {
        rows: rows.collect(),
        people: standing.len(),
        regions: overview.regions.len(),
        silent: desk.lookout.silent(),
        map: Map::new(&overview.regions, &believed, &standing, Tiles::Operator).render().ok()?,
    })
}

fn sessions(desk: &Desk, filter: &Filter) -> SessionList {
    let all = desk.lookout.sessions();
    let wanted =
        |name: &str, id: &str, region: &str| filter.is_agent(name, id) && has(region, &filter.region);
    let mut here = Vec::new();
    let mut ended = Vec::new();
    for Sessions { now_us, sessions, ended: over } in &all {
        let some = sessions.iter().filter(|one| wanted(&one.name, &one.agent.to_string(), &one.region));
        here.extend(some.map(|one| row(*now_us, one)));
        let some = over.iter().filter(|one| wanted(&one.name, &one.agent.to_string(), &one.region));
        ended.extend(some.map(|one| (*now_us, one)));
    }
    here.sort_by(|a, b| {
        (&a.region, a.standing != "root", &a.name).cmp(&(&b.region, b.standing != "root", &b.name))
    });
    let more = here.len().saturating_sub(LINES);
    here.truncate(LINES);
    ended.sort_by_key(|(_, one)| std::cmp::Reverse(one.at_us));
    ended.truncate(ENDED);
    let ended = ended.into_iter().map(|(now_us, one)| gone(now_us, one)).collect();
    SessionList { here, ended, more, silent: desk.lookout.silent() }
}

fn row(now_us: u64, one: &Here) -> Row {
    let ago = |at_us: u64| span(now_us.saturating_sub(at_us));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let online = one.login_s.filter(|&s| s > 0).map(|s| ago(s.saturating_mul(1_000_000)));
    Row {
        region: one.region.clone(),
        name: one.name.clone(),
        standing: one.standing.clone(),
        since: ago(one.since_us),
        online: or_dash(online),
        heard: or_dash(one.last_packet_us.map(ago)),
        rtt: or_dash(one.rtt_us.map(ms)),
        loss: or_dash(one.loss_percent().map(|loss| format!("{loss:.1} %"))),
        lossy: one.loss_percent().is_some_and(|loss| loss >= 2.0),
        viewer: one.viewer.clone(),
        address: one.address.clone().unwrap_or_default(),
    }
}

fn gone(now_us: u64, one: &Ended) -> Gone {
    let began = one.steps.first().map_or(one.at_us, |step| step.at_us);
    let steps = one.steps.iter().map(|step| {
        (format!("+{}", ms(step.at_us.saturating_sub(began))), format!("{} {}", step.step, step.detail))
    });
    Gone {
        name: if one.name.is_empty() { one.agent.to_string() } else { one.name.clone() },
        region: one.region.clone(),
        ago: span(now_us.saturating_sub(one.at_us)),
        why: one.reason.clone().unwrap_or_else(|| "–".into()),
        stayed: one.since_us.map_or_else(|| "–".into(), |since| span(one.at_us.saturating_sub(since))),
        steps: steps.collect(),
    }
}

fn transfers(desk: &Desk, filter: &Filter) -> TransferList {
    let all = desk.lookout.transfers();
    let any = !all.is_empty();
    let mut wanted: Vec<_> = all.into_iter().filter(|sequence| filter.takes(sequence)).collect();
    let more = wanted.len().saturating_sub(LINES);
    wanted.truncate(LINES);
    let slowest = wanted.iter().map(effort_us).max().unwrap_or_default();
    TransferList { rows: wanted.iter().map(|sequence| trip(sequence, slowest)).collect(), more, any }
}

fn trip(sequence: &Sequence, slowest_us: u64) -> Trip {
    let standing = chart::standing(sequence);
    let outcome = match standing {
        "open" => "under way".to_owned(),
        "arrived" => "arrived".to_owned(),
        _ => {
            // The one that says more.
            let failed = sequence.outcomes.iter().find(|outcome| chart::is_failure(outcome));
            failed.or(sequence.outcomes.first()).map(|outcome| outcome.replace('_', " ")).unwrap_or_default()
        }
    };
    let took_us = effort_us(sequence);
    Trip {
        key: sequence.key.to_string(),
        time: time_of_day(sequence.begun_us),
        kind: sequence.kind.clone(),
        version: sequence.version.clone(),
        agent: sequence.agent.clone(),
        source: sequence.source.clone(),
        destination: sequence.destination.clone(),
        standing,
        outcome,
        took: ms(took_us),
        share: (took_us * 100).checked_div(slowest_us).unwrap_or_default().clamp(1, 100),
    }
}

fn one(sequence: &Sequence) -> OneTransfer {
    let failed = chart::standing(sequence) == "failed";
    let end = sequence.notes.iter().rev().find(|note| note.step == "end");
    let told = sequence.notes.iter().rev().find(|note| {
        matches!(note.message.as_str(), "TeleportFailed" | "AlertMessage") && note.to == "viewer"
    });
    let leg = sequence.notes.iter().rev().find(|note| note.message == "withdrawn");
    let verdict = end.filter(|_| failed).map(|note| match leg {
        Some(leg) => format!("{}; at {}: {}", note.detail, leg.region, leg.detail),
        None => note.detail.clone(),
    });
    let after = |note: &Note| format!("{:.1}", note.at_us.saturating_sub(sequence.begun_us) as f64 / 1000.0);
    OneTransfer {
        trip: trip(sequence, effort_us(sequence)),
        region: sequence.key.to_string(),
        agent_id: sequence.agent_id.to_string(),
        verdict,
        told: told.filter(|_| failed).map(|note| note.detail.clone()),
        chart: Chart::new(sequence).render().unwrap_or_default(),
        notes: sequence.notes.iter().map(|note| (after(note), note.clone())).collect(),
    }
}

fn metrics(desk: &Desk) -> Shown {
    let (own, others) = desk.lookout.plots();
    let mut groups = vec![("This process".to_owned(), own.draw())];
    let others = others.draw();
    if !others.is_empty() {
        groups.insert(0, ("The simulators together".to_owned(), others));
    }
    Shown { groups, silent: desk.lookout.silent() }
}
