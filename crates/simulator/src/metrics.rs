//! What operators see under `/metrics`, in the text form of Prometheus.
//!
//! Two kinds of figures: those that the shell counts as things happen (HTTP requests, logins, notices), kept in a
//! registry; and those that regions keep ([`Stats`]), asked for when somebody looks.

mod peers;
#[cfg(test)]
mod tests;
mod work;

pub(crate) use peers::PeerMetrics;
pub(crate) use work::WorkMetrics;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use region::Stats;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What the shell counts for one region; survives the region's restarts.
#[derive(Debug, Default)]
pub(crate) struct RegionCounters {
    /// Datagrams longer than any that a viewer sends.
    pub(crate) oversized: AtomicU64,
    /// Datagrams that the system refused to send.
    pub(crate) unsent: AtomicU64,
    /// Times that the region ended by a panic and was started anew.
    pub(crate) restarts: AtomicU64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) route: &'static str,
    pub(crate) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabels {
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ReasonLabels {
    pub(crate) reason: &'static str,
}

/// What the shell counts for the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Answered HTTP requests; 499: the client went before the answer.
    pub(crate) requests: Family<RequestLabels, Counter>,
    /// Seconds that answers took; long polls excepted.
    pub(crate) request_seconds: Histogram,
    /// HTTP connections open now.
    pub(crate) connections: Gauge,
    /// Connections that were turned away because too many were open.
    pub(crate) connections_refused: Counter,
    /// Connections that spoke no HTTP, too large a head, or too slowly.
    pub(crate) http_malformed: Counter,
    /// Request bodies over their limit.
    pub(crate) bodies_refused: Counter,
    /// Requests of proxies that do not say for whom they ask, by why they are not believed.
    pub(crate) forwarded_refused: Family<ReasonLabels, Counter>,
    /// Logins by what came of them; one that several regions refuse counts for each.
    pub(crate) logins: Family<OutcomeLabels, Counter>,
    /// Sessions that ended here, by why.
    pub(crate) sessions_ended: Family<ReasonLabels, Counter>,
    /// Notices for the grid that were given up.
    pub(crate) notices_dropped: Counter,
    /// Notices for the grid that wait.
    pub(crate) notices_waiting: Gauge,
    /// Calls between this process and others.
    pub(crate) peers: PeerMetrics,
    /// What regions' tasks do.
    pub(crate) work: WorkMetrics,
    gauges: Gauges,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sojourn");
        let peers = PeerMetrics::register(&mut registry);
        let work = WorkMetrics::register(&mut registry);
        let gauges = Gauges::default();
        registry.register_collector(Box::new(gauges.clone()));
        let metrics = Self {
            registry,
            requests: Family::default(),
            request_seconds: Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0]),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            http_malformed: Counter::default(),
            bodies_refused: Counter::default(),
            forwarded_refused: Family::default(),
            logins: Family::default(),
            sessions_ended: Family::default(),
            notices_dropped: Counter::default(),
            notices_waiting: Gauge::default(),
            peers,
            work,
            gauges,
        };
        metrics.with_http().with_people()
    }

    /// Registers what is counted of HTTP.
    fn with_http(mut self) -> Self {
        let registry = &mut self.registry;
        let help = "HTTP requests answered, by route and status";
        registry.register("http_requests", help, self.requests.clone());
        let help = "Time that HTTP answers took, long polls excepted";
        registry.register("http_request_seconds", help, self.request_seconds.clone());
        registry.register("http_connections", "HTTP connections open now", self.connections.clone());
        let help = "Connections turned away because too many were open";
        registry.register("http_connections_refused", help, self.connections_refused.clone());
        let help = "Connections closed for malformed or oversized heads, or for being too slow";
        registry.register("http_malformed", help, self.http_malformed.clone());
        let help = "Request bodies refused for their size";
        registry.register("http_bodies_refused", help, self.bodies_refused.clone());
        let help = "Requests of trusted proxies without an address that can be believed";
        registry.register("http_forwarded_refused", help, self.forwarded_refused.clone());
        self
    }

    /// Registers what is counted of people, and of what the grid is told about them.
    fn with_people(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("logins", "Logins by outcome", self.logins.clone());
        registry.register("sessions_ended", "Sessions that ended, by reason", self.sessions_ended.clone());
        let help = "News that never reached the grid";
        registry.register("grid_notices_dropped", help, self.notices_dropped.clone());
        registry.register(
            "grid_notices_waiting",
            "News on its way to the grid",
            self.notices_waiting.clone(),
        );
        self
    }

    /// Adds the connections to a database: how many are open, and how many of them are at work.
    pub fn count_connections(&self, read: impl Fn() -> (usize, usize) + Clone + Send + Sync + 'static) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let open = read.clone();
        self.add_gauge("database_connections", "Connections to the database", move || count(open().0));
        let help = "Connections to the database that are at work";
        self.add_gauge("database_connections_busy", help, move || count(read().1));
    }

    /// Adds the lines that the log has lost because nobody took them.
    pub fn count_lost_lines(&self, read: impl Fn() -> u64 + Send + Sync + 'static) {
        let read = move || i64::try_from(read()).unwrap_or(i64::MAX);
        self.add_gauge("log_lines_lost", "Lines of the log that nobody took in time", read);
    }

    /// Adds a figure that is read whenever somebody looks.
    fn add_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        let gauge = ReadGauge { name, help, read: Box::new(read) };
        self.gauges.0.write().unwrap_or_else(PoisonError::into_inner).push(gauge);
    }

    /// Counts a login by what came of it: "success", "wrong_password" ...
    pub fn login(&self, outcome: &'static str) {
        self.logins.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts the end of a session: "logout", "timeout" ...
    pub fn session_ended(&self, reason: &'static str) {
        self.sessions_ended.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// What is counted for the process, as text; nothing of regions.
    pub fn text(&self) -> String {
        self.encode(Vec::new(), 0).unwrap_or_default()
    }

    /// Everything as text.
    pub(crate) fn encode(&self, regions: Vec<Sample>, caps_open: usize) -> Result<String, fmt::Error> {
        let mut momentary = Registry::with_prefix("sojourn");
        momentary.register_collector(Box::new(Regions { regions, caps_open }));
        let mut process = Registry::default();
        process.register_collector(Box::new(Process));
        let mut text = String::new();
        for registry in [&self.registry, &momentary, &process] {
            encode_registry(&mut text, registry)?;
        }
        encode_eof(&mut text)?;
        Ok(text)
    }
}

/// Figures that are read when somebody looks.
#[derive(Clone, Default)]
struct Gauges(Arc<RwLock<Vec<ReadGauge>>>);

struct ReadGauge {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl fmt::Debug for Gauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gauges")
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for gauge in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let metric = encoder.encode_descriptor(gauge.name, gauge.help, None, MetricType::Gauge)?;
            ConstGauge::new((gauge.read)()).encode(metric)?;
        }
        Ok(())
    }
}

/// How one region stands.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) stats: Stats,
    pub(crate) counters: Arc<RegionCounters>,
    /// Requests that wait for it.
    pub(crate) waiting: usize,
}

#[derive(Debug)]
struct Regions {
    regions: Vec<Sample>,
    caps_open: usize,
}

type Figure = (&'static str, &'static str, fn(&Sample) -> u64);

const GAUGES: [Figure; 6] = [
    ("root_agents", "Agents that stand in the region", |s| s.stats.root_agents as u64),
    ("child_agents", "Agents that look into the region", |s| s.stats.child_agents as u64),
    ("circuits", "LLUDP circuits open", |s| s.stats.circuits as u64),
    ("queued_bytes", "Bytes in the queues of all viewers", |s| s.stats.queued_bytes as u64),
    ("waiting_requests", "Requests that wait until the region comes to them", |s| s.waiting as u64),
    ("open_transfers", "Transfers that have not ended", |s| s.stats.open_transfers as u64),
];

const COUNTERS: [Figure; 16] = [
    ("datagrams_received", "Datagrams in", |s| s.stats.packets_in),
    ("datagrams_sent", "Datagrams out", |s| s.stats.packets_out),
    ("datagrams_resent", "Datagrams sent again", |s| s.stats.resends),
    ("datagrams_malformed", "Datagrams that make no sense", |s| s.stats.malformed),
    ("datagrams_stray", "Datagrams from addresses without a circuit", |s| s.stats.strangers),
    ("datagrams_oversized_dropped", "Datagrams too long for any viewer", |s| {
        s.counters.oversized.load(Ordering::Relaxed)
    }),
    ("datagrams_unsent", "Datagrams that the system refused to send", |s| {
        s.counters.unsent.load(Ordering::Relaxed)
    }),
    ("circuits_refused", "UseCircuitCode with a wrong code, session or agent", |s| {
        s.stats.wrong_circuit_codes
    }),
    (
        "circuits_moved_refused",
        "Circuits asked for, with the right code, from where their viewer is not",
        |s| s.stats.foreign_addresses,
    ),
    ("messages_refused", "Messages with foreign ids, or that viewers may not send", |s| s.stats.forbidden),
    ("messages_unhandled", "Messages that mean nothing to this server", |s| s.stats.unhandled),
    ("messages_dropped", "Reliable messages given up, and queue budgets exceeded", |s| s.stats.dropped),
    ("sessions_timed_out", "Sessions that ended by silence", |s| s.stats.timeouts),
    ("sessions_logged_out", "Sessions that ended by request", |s| s.stats.logouts),
    ("scene_ticks", "Ticks of the scene", |s| s.stats.ticks),
    ("region_restarts", "Times that the region broke down and was started anew", |s| {
        s.counters.restarts.load(Ordering::Relaxed)
    }),
];

impl Collector for Regions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, figure) in GAUGES {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for region in &self.regions {
                let labels = [("region", region.name.as_str())];
                let value = i64::try_from(figure(region)).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(metric.encode_family(&labels)?)?;
            }
        }
        for (name, help, figure) in COUNTERS {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for region in &self.regions {
                let labels = [("region", region.name.as_str())];
                ConstCounter::new(figure(region)).encode(metric.encode_family(&labels)?)?;
            }
        }
        let help = "Time that events waited until the viewer's poll took them";
        let mut metric =
            encoder.encode_descriptor("event_queue_delay_seconds", help, None, MetricType::Histogram)?;
        for region in &self.regions {
            let delays = &region.stats.event_delays;
            let buckets: Vec<_> = delays.buckets().collect();
            metric.encode_family(&[("region", region.name.as_str())])?.encode_histogram::<NoLabelSet>(
                delays.sum().as_secs_f64(),
                delays.count(),
                &buckets,
                None,
            )?;
        }
        let mut transfers = BTreeMap::<_, u64>::new();
        for (key, count) in self.regions.iter().flat_map(|region| &region.stats.transfers) {
            *transfers.entry(key).or_default() += count;
        }
        let help = "Ended transfers by kind and outcome";
        let mut metric = encoder.encode_descriptor("transfers", help, None, MetricType::Counter)?;
        for ((kind, outcome), count) in transfers {
            let labels = [("kind", *kind), ("outcome", *outcome)];
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
        let mut gauge = |name, help, value: usize| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)
        };
        gauge("regions", "Regions that run", self.regions.len())?;
        gauge("capability_seeds", "Agents' capabilities open", self.caps_open)
    }
}

/// Memory and processor time of the process, where `/proc` tells them.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(bytes) = resident_bytes() {
            let help = "Resident memory";
            let metric =
                encoder.encode_descriptor("process_resident_memory_bytes", help, None, MetricType::Gauge)?;
            ConstGauge::new(bytes).encode(metric)?;
        }
        if let Some(seconds) = cpu_seconds() {
            let help = "Processor time used";
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        Ok(())
    }
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// User and system time. Linux counts both in ticks of 1/100 s for programs (`USER_HZ`).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets and may hold anything.
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}
