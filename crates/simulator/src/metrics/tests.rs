//! What is counted, as it is printed, and what is said about it elsewhere.

use super::*;
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn every_figure_stands_in_the_text_once() {
    let metrics = Metrics::new();
    metrics.login("success");
    metrics.session_ended("kick");
    metrics.requests.get_or_create(&RequestLabels { route: "/healthz", status: 200 }).inc();
    metrics.count_connections(|| (3, 1));
    metrics.count_lost_lines(|| 2);
    metrics.work.transferred("teleport", "0.8".into(), "departed", Duration::from_millis(9));
    metrics.work.asked_grid("Home", "ok", Duration::from_millis(1));
    let mut stats = Stats { root_agents: 3, malformed: 7, ..Stats::default() };
    stats.transfers.insert(("teleport", "departed"), 2);
    let counters = Arc::new(RegionCounters::default());
    counters.oversized.store(5, Ordering::Relaxed);
    let sample = |name: &str| Sample {
        name: name.into(),
        stats: stats.clone(),
        counters: counters.clone(),
        waiting: 9,
    };
    let text = metrics.encode(vec![sample("One"), sample("Two \"quoted\"")], 4).unwrap();
    for line in [
        "sojourn_http_requests_total{route=\"/healthz\",status=\"200\"} 1",
        "sojourn_logins_total{outcome=\"success\"} 1",
        "sojourn_sessions_ended_total{reason=\"kick\"} 1",
        "sojourn_root_agents{region=\"One\"} 3",
        "sojourn_datagrams_malformed_total{region=\"Two \\\"quoted\\\"\"} 7",
        "sojourn_datagrams_oversized_dropped_total{region=\"One\"} 5",
        "sojourn_transfers_total{kind=\"teleport\",outcome=\"departed\"} 4",
        "sojourn_capability_seeds 4",
        "sojourn_regions 2",
        "sojourn_waiting_requests{region=\"One\"} 9",
        "sojourn_database_connections 3",
        "sojourn_database_connections_busy 1",
        "sojourn_log_lines_lost 2",
        "sojourn_event_queue_delay_seconds_bucket{le=\"0.02\",region=\"One\"} 0",
        "sojourn_event_queue_delay_seconds_bucket{le=\"+Inf\",region=\"One\"} 0",
        "sojourn_transfer_seconds_count{kind=\"teleport\",version=\"0.8\",outcome=\"departed\"} 1",
        "sojourn_grid_calls_total{call=\"Home\",outcome=\"ok\"} 1",
    ] {
        assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let types = text.lines().filter(|line| line.starts_with("# TYPE"));
    let names: Vec<_> = types.clone().collect();
    assert_eq!(names.len(), types.collect::<BTreeSet<_>>().len());
}

#[test]
fn the_process_knows_itself() {
    assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    assert!(cpu_seconds().is_some());
}

/// A page on which every figure stands at least once.
fn everything() -> String {
    let metrics = Metrics::new();
    metrics.login("success");
    metrics.session_ended("kick");
    metrics.forwarded_refused.get_or_create(&ReasonLabels { reason: "missing" }).inc();
    metrics.forwarded_refused.get_or_create(&ReasonLabels { reason: "missing" }).inc();
    metrics.requests.get_or_create(&RequestLabels { route: "/healthz", status: 200 }).inc();
    metrics.count_connections(|| (3, 1));
    metrics.count_lost_lines(|| 2);
    metrics.work.transferred("teleport", "0.8".into(), "departed", Duration::from_millis(9));
    metrics.work.asked_grid("Home", "ok", Duration::from_millis(1));
    metrics.peers.called("CreateAgent", "ok", Duration::from_millis(1));
    metrics.peers.heard("CreateAgent", "ok", Duration::from_millis(1));
    metrics.peers.denied("forged");
    let mut stats = Stats::default();
    stats.transfers.insert(("teleport", "departed"), 2);
    let sample = Sample { name: "One".into(), stats, counters: Arc::default(), waiting: 0 };
    metrics.encode(vec![sample], 4).unwrap()
}

/// The words of a text that are names of ours.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_'));
    words.filter(|word| word.starts_with("sojourn_") || word.starts_with("process_"))
}

const DASHBOARD: &str = include_str!("../../../../docs/operate/monitoring/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../../../docs/operate/monitoring/alerts.yml");
const GUIDE: &str = include_str!("../../../../docs/operate/watch.md");

#[test]
fn what_dashboard_and_alerts_ask_for_is_there() {
    let page = everything();
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let served: BTreeSet<_> = lines.filter_map(|line| line.split(['{', ' ']).next()).collect();
    for (file, text) in [("dashboard", DASHBOARD), ("alerts", ALERTS)] {
        let asked: BTreeSet<_> = names(text).collect();
        assert!(asked.len() >= 8, "{file}: {asked:?}");
        let unknown: Vec<_> = asked.difference(&served).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
    }
    serde_json::from_str::<serde_json::Value>(DASHBOARD).unwrap();
}

#[test]
fn the_guide_names_every_figure_and_no_other() {
    let page = everything();
    let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let served: BTreeSet<_> = families.collect();
    let told: BTreeSet<_> = names(GUIDE).filter(|name| !name.ends_with("_total")).collect();
    assert_eq!(served.difference(&told).collect::<Vec<_>>(), Vec::<&&str>::new(), "nobody is told of them");
    assert_eq!(told.difference(&served).collect::<Vec<_>>(), Vec::<&&str>::new(), "there are no such");
}

/// What is asked how much it has risen has to be there before it rises.
#[test]
fn what_alerts_count_is_there_from_the_start() {
    let sample = Sample { name: "One".into(), stats: Stats::default(), counters: Arc::default(), waiting: 0 };
    let page = Metrics::new().encode(vec![sample], 0).unwrap();
    let mut rises: Vec<_> =
        ALERTS.split("increase(").skip(1).filter_map(|rest| Some(rest.split_once('[')?.0)).collect();
    assert_eq!(rises.len(), 4);
    rises.push("sojourn_transfers_total{kind=\"teleport\",outcome=\"timed_out\"}");
    for asked in rises {
        let served = page.lines().any(|line| line.starts_with(asked.trim_end_matches('}')));
        assert!(served, "{asked} is not on a new process's page");
    }
}

#[test]
fn the_guide_says_what_to_do_about_every_alert() {
    let alerts = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        assert!(GUIDE.contains(&format!("`{alert}`")), "{alert}");
    }
}
