//! Calls between this process and others.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    call: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabel {
    call: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

type Seconds = Family<CallLabel, Histogram, fn() -> Histogram>;

/// What is counted of them.
#[derive(Debug)]
pub(crate) struct PeerMetrics {
    out: Family<CallLabels, Counter>,
    into: Family<CallLabels, Counter>,
    denied: Family<ReasonLabel, Counter>,
    out_seconds: Seconds,
    in_seconds: Seconds,
}

impl PeerMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let buckets = || Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0]);
        let metrics = Self {
            out: Family::default(),
            into: Family::default(),
            denied: Family::default(),
            out_seconds: Seconds::new_with_constructor(buckets),
            in_seconds: Seconds::new_with_constructor(buckets),
        };
        let Self { out, into, denied, out_seconds, in_seconds } = &metrics;
        registry.register("peer_calls", "Calls to regions of other processes, by outcome", out.clone());
        registry.register("peer_calls_in", "Calls from other processes, by outcome", into.clone());
        registry.register("peer_calls_denied", "Calls from other processes turned away", denied.clone());
        registry.register(
            "peer_call_seconds",
            "Time until calls to other processes were answered",
            out_seconds.clone(),
        );
        registry.register(
            "peer_call_in_seconds",
            "Time until calls from other processes were answered",
            in_seconds.clone(),
        );
        metrics
    }

    /// A call to another process has ended.
    pub(crate) fn called(&self, call: &'static str, outcome: &'static str, took: Duration) {
        self.out.get_or_create(&CallLabels { call, outcome }).inc();
        self.out_seconds.get_or_create(&CallLabel { call }).observe(took.as_secs_f64());
    }

    /// A call from another process has been answered.
    pub(crate) fn heard(&self, call: &'static str, outcome: &'static str, took: Duration) {
        self.into.get_or_create(&CallLabels { call, outcome }).inc();
        self.in_seconds.get_or_create(&CallLabel { call }).observe(took.as_secs_f64());
    }

    /// A call from another process was turned away.
    pub(crate) fn denied(&self, reason: &'static str) {
        self.denied.get_or_create(&ReasonLabel { reason }).inc();
    }
}
