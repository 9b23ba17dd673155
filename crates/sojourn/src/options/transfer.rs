//! How long the parts of a transfer may take.

use super::values::Wait;
use ::transfer::Patience;
use anyhow::{Result, bail};
use clap::Args;
use std::time::Duration;

/// The viewers' own patience: a verdict that comes later is heard by nobody.
const VIEWERS_GIVE_UP_S: f64 = 15.0;

/// Where `--help` has them; `-h` leaves them out.
const HEADING: &str = "Waits of transfers";

/// Waits within a transfer.
#[derive(Args, Clone, Debug)]
pub(super) struct TransferOptions {
    /// For one answer of the grid or the destination, before the viewer is told to go
    #[arg(id = "transfer.answer", long = "transfer-answer", env = "SOJOURN_TRANSFER_ANSWER")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.answer))]
    answer: Wait,
    /// TeleportStart is said at the latest then, whoever is silent
    #[arg(id = "transfer.start", long = "transfer-start", env = "SOJOURN_TRANSFER_START")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.start))]
    start: Wait,
    /// 0.1: until the viewer has opened its circuit on EnableSimulator
    #[arg(id = "transfer.circuit", long = "transfer-circuit", env = "SOJOURN_TRANSFER_CIRCUIT")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.circuit))]
    circuit: Wait,
    /// From TeleportFinish until the agent has arrived (the published pages: 20)
    #[arg(id = "transfer.arrival", long = "transfer-arrival", env = "SOJOURN_TRANSFER_ARRIVAL")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.arrival))]
    arrival: Wait,
    /// From the request to arrival or TeleportFailed, whatever happens; viewers give up after 15
    #[arg(id = "transfer.verdict", long = "transfer-verdict", env = "SOJOURN_TRANSFER_VERDICT")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.verdict))]
    verdict: Wait,
    /// How long an arriving viewer waits for the source's UpdateAgent
    #[arg(id = "transfer.update", long = "transfer-update", env = "SOJOURN_TRANSFER_UPDATE")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.update))]
    update: Wait,
    /// How long an agent is kept whose viewer does not come and whose source is silent
    #[arg(id = "transfer.unclaimed", long = "transfer-unclaimed", env = "SOJOURN_TRANSFER_UNCLAIMED")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.unclaimed))]
    unclaimed: Wait,
    /// How long the old connection is kept: 0.1
    #[arg(id = "transfer.grace_0_1", long = "transfer-grace-0-1", env = "SOJOURN_TRANSFER_GRACE_0_1")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.grace_0_1))]
    grace_0_1: Wait,
    /// How long the old connection is kept: since 0.2
    #[arg(id = "transfer.grace", long = "transfer-grace", env = "SOJOURN_TRANSFER_GRACE")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.grace))]
    grace: Wait,
    /// How long the old connection is kept after ReleaseAgent has come: since 0.7
    #[arg(id = "transfer.settled", long = "transfer-settled", env = "SOJOURN_TRANSFER_SETTLED")]
    #[arg(value_name = "SECONDS", hide_short_help = true, help_heading = HEADING, default_value_t = usual(|waits| waits.settled))]
    settled: Wait,
}

fn usual(of: impl Fn(&Patience) -> Duration) -> Wait {
    Wait(of(&Patience::default()))
}

impl TransferOptions {
    /// The waits, checked.
    pub(super) fn decide(&self) -> Result<Patience> {
        let patience = Patience {
            answer: self.answer.0,
            start: self.start.0,
            circuit: self.circuit.0,
            arrival: self.arrival.0,
            verdict: self.verdict.0,
            update: self.update.0,
            unclaimed: self.unclaimed.0,
            grace_0_1: self.grace_0_1.0,
            grace: self.grace.0,
            settled: self.settled.0,
            ..Patience::default()
        };
        if patience.verdict.as_secs_f64() >= VIEWERS_GIVE_UP_S {
            tracing::warn!(
                verdict = patience.verdict.as_secs_f64(),
                "transfer.verdict is longer than viewers wait ({VIEWERS_GIVE_UP_S} s): they will not hear it"
            );
        }
        if patience.verdict <= patience.finding_out() {
            bail!(
                "transfer.verdict is {} s; finding out where an agent is takes {} s alone",
                patience.verdict.as_secs_f64(),
                patience.finding_out().as_secs_f64()
            );
        }
        Ok(patience)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::by_file;
    use super::*;

    fn decided(text: &str) -> Result<Patience> {
        by_file::<TransferOptions>(&format!("[transfer]\n{text}"))?.decide()
    }

    #[test]
    fn what_is_not_named_stays_as_it_is() {
        assert_eq!(decided("").unwrap(), Patience::default());
        let patience = decided("arrival = 20\nverdict = 25.5").unwrap();
        assert_eq!((patience.arrival.as_secs(), patience.verdict.as_millis()), (20, 25_500));
        assert_eq!(patience.update, Patience::default().update);
    }

    #[test]
    fn nonsense_is_refused_with_words() {
        for (text, words) in [
            ("answer = 0", "answer"),
            ("grace = -1", "grace"),
            ("update = nan", "update"),
            ("verdict = 2", "alone"),
            ("arival = 1", "transfer.arrival"),
        ] {
            let error = decided(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
