//! Faults that can be built into the machines on purpose, to show that the rehearsal finds them. They exist only with the
//! feature `mutants`, which nothing but the rehearsal asks for.

/// One fault each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mutant {
    /// The source takes the agent for arrived as soon as UpdateAgent is sent.
    NoWaitForArrival,
    /// The source takes the agent back without asking the destination.
    NoQuestionBeforeRollback,
    /// The destination does not wait for UpdateAgent.
    NoWaitForUpdate,
    /// The destination forgets what it has decided about a transfer.
    VerdictsForgotten,
    /// A close is obeyed whoever has claimed the agent since.
    ClaimsIgnored,
    /// The destination says ReleaseAgent only once.
    ReleaseOnce,
    /// What is carried is left behind.
    BaggageLost,
    /// A failed transfer is not told.
    FailureUntold,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NoWaitForArrival,
        Self::NoQuestionBeforeRollback,
        Self::NoWaitForUpdate,
        Self::VerdictsForgotten,
        Self::ClaimsIgnored,
        Self::ReleaseOnce,
        Self::BaggageLost,
        Self::FailureUntold,
    ];
}
