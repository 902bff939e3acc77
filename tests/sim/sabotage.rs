//! Mistakes that are made on purpose, each in one place between a core and the broker: a simulation
//! that does not find them is not good enough.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// What was in flight when a connection broke is forgotten.
    ForgetsInFlight,
    /// A nack is taken for an ack.
    TakesNackForAck,
    /// `multiple` in a confirm is overlooked.
    IgnoresMultiple,
    /// What comes back as unroutable is overlooked.
    MissesReturns,
    /// The end of an alarm is overlooked.
    MissesUnblocked,
    /// A message of the worker's counts as safe once it is handed over.
    AcksBeforeConfirm,
    /// A retry counts as two.
    CountsRetryTwice,
    /// Nothing else is sent while one destination refuses.
    BlocksAllOnOne,
    /// Tokens of a connection that is gone are used on the next one.
    ReusesTokens,
    /// An acknowledgement of one task settles those before it as well.
    AcksTooMuch,
    /// The verdict on a message is lost now and then.
    LosesVerdicts,
    /// A delivery is lost now and then.
    LosesDeliveries,
    /// The end of a consumer is overlooked.
    MissesCancellation,
    /// A retry does not count.
    CountsNoRetry,
    /// A dead letter does not tell its reason.
    DropsReason,
    /// Equal tasks are taken for one.
    TakesEqualForSame,
    /// A failed task is acknowledged as if it were done.
    TakesFailureForSuccess,
    /// A result for a queue that keeps it counts as safe and is not sent, now and then.
    LosesResults,
}

impl Sabotage {
    pub const ALL: [Self; 18] = [
        Self::ForgetsInFlight,
        Self::TakesNackForAck,
        Self::IgnoresMultiple,
        Self::MissesReturns,
        Self::MissesUnblocked,
        Self::AcksBeforeConfirm,
        Self::CountsRetryTwice,
        Self::BlocksAllOnOne,
        Self::ReusesTokens,
        Self::AcksTooMuch,
        Self::LosesVerdicts,
        Self::LosesDeliveries,
        Self::MissesCancellation,
        Self::CountsNoRetry,
        Self::DropsReason,
        Self::TakesEqualForSame,
        Self::TakesFailureForSuccess,
        Self::LosesResults,
    ];

    /// The name on the command line.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|sabotage| sabotage.name() == name)
    }
}
