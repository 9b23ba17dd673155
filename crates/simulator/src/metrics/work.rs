//! What regions' tasks do: their turns, what they ask of the grid, and the transfers that end.

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
struct TransferLabels {
    kind: &'static str,
    version: String,
    outcome: &'static str,
}

type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

/// What is counted of it.
#[derive(Debug)]
pub(crate) struct WorkMetrics {
    /// Seconds that a region's task took for one turn.
    turn_seconds: Histogram,
    /// Seconds that a region's alarm rang late.
    late_seconds: Histogram,
    grid_calls: Family<CallLabels, Counter>,
    grid_seconds: Seconds<CallLabel>,
    transfer_seconds: Seconds<TransferLabels>,
}

impl WorkMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let turns = || Histogram::new([0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5]);
        let calls = || Histogram::new([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0]);
        let transfers = || Histogram::new([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0]);
        let metrics = Self {
            turn_seconds: turns(),
            late_seconds: turns(),
            grid_calls: Family::default(),
            grid_seconds: Seconds::new_with_constructor(calls),
            transfer_seconds: Seconds::new_with_constructor(transfers),
        };
        registry.register(
            "region_turn_seconds",
            "Time that a region took for one turn: what came in, what it does about it, what goes out",
            metrics.turn_seconds.clone(),
        );
        registry.register(
            "region_late_seconds",
            "Time by which a region came later to what was due than it was due",
            metrics.late_seconds.clone(),
        );
        registry.register(
            "grid_calls",
            "What regions asked and told the grid, by outcome",
            metrics.grid_calls.clone(),
        );
        registry.register("grid_call_seconds", "Time until the grid answered", metrics.grid_seconds.clone());
        registry.register(
            "transfer_seconds",
            "Time from a transfer's first step to its end at the source, by kind, version and outcome",
            metrics.transfer_seconds.clone(),
        );
        metrics
    }

    /// A region has taken a turn.
    pub(crate) fn turn(&self, took: Duration) {
        self.turn_seconds.observe(took.as_secs_f64());
    }

    /// A region's alarm has rung.
    pub(crate) fn rang(&self, late: Duration) {
        self.late_seconds.observe(late.as_secs_f64());
    }

    /// The grid has answered, or has not.
    pub(crate) fn asked_grid(&self, call: &'static str, outcome: &'static str, took: Duration) {
        self.grid_calls.get_or_create(&CallLabels { call, outcome }).inc();
        self.grid_seconds.get_or_create(&CallLabel { call }).observe(took.as_secs_f64());
    }

    /// A transfer has ended at its source.
    pub(crate) fn transferred(
        &self,
        kind: &'static str,
        version: String,
        outcome: &'static str,
        took: Duration,
    ) {
        let labels = TransferLabels { kind, version, outcome };
        self.transfer_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }
}
