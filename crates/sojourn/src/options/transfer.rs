//! How long the parts of a transfer may take: the `[transfer]` table of the file.

use ::transfer::Patience;
use anyhow::{Result, bail};
use serde::Deserialize;
use std::time::Duration;

/// The viewers' own patience: a verdict that comes later is heard by nobody.
const VIEWERS_GIVE_UP_S: f64 = 15.0;

/// Seconds each; what is not named stays as it is.
#[derive(Deserialize, Clone, Copy, Debug, Default, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferWaits {
    answer: Option<f64>,
    start: Option<f64>,
    circuit: Option<f64>,
    arrival: Option<f64>,
    verdict: Option<f64>,
    update: Option<f64>,
    unclaimed: Option<f64>,
    grace_0_1: Option<f64>,
    grace: Option<f64>,
    settled: Option<f64>,
}

impl TransferWaits {
    /// The waits, checked.
    pub(super) fn decide(self) -> Result<Patience> {
        let usual = Patience::default();
        let wait = |name: &str, given: Option<f64>, usual: Duration| match given {
            None => Ok(usual),
            Some(seconds) if (0.05..=120.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
            Some(seconds) => bail!("[transfer] {name} is {seconds} s; it must be between 0.05 and 120"),
        };
        let patience = Patience {
            answer: wait("answer", self.answer, usual.answer)?,
            start: wait("start", self.start, usual.start)?,
            circuit: wait("circuit", self.circuit, usual.circuit)?,
            arrival: wait("arrival", self.arrival, usual.arrival)?,
            verdict: wait("verdict", self.verdict, usual.verdict)?,
            update: wait("update", self.update, usual.update)?,
            unclaimed: wait("unclaimed", self.unclaimed, usual.unclaimed)?,
            grace_0_1: wait("grace_0_1", self.grace_0_1, usual.grace_0_1)?,
            grace: wait("grace", self.grace, usual.grace)?,
            settled: wait("settled", self.settled, usual.settled)?,
            ..usual
        };
        if patience.verdict.as_secs_f64() >= VIEWERS_GIVE_UP_S {
            tracing::warn!(
                verdict = patience.verdict.as_secs_f64(),
                "[transfer] verdict is longer than viewers wait ({VIEWERS_GIVE_UP_S} s): they will not hear it"
            );
        }
        if patience.verdict <= patience.finding_out() {
            bail!(
                "[transfer] verdict is {} s; finding out where an agent is takes {} s alone",
                patience.verdict.as_secs_f64(),
                patience.finding_out().as_secs_f64()
            );
        }
        Ok(patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(text: &str) -> Result<Patience> {
        toml::from_str::<TransferWaits>(text).unwrap().decide()
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
        ] {
            let error = decided(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(toml::from_str::<TransferWaits>("arival = 1").is_err());
    }
}
