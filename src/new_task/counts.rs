//! What became of the tasks, in numbers.

/// What became of the tasks, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SendCounts {
    /// How many the broker has taken responsibility for.
    pub confirmed: u64,
    /// How many were tried and not confirmed.
    pub failed: u64,
    /// How many were never tried.
    pub not_sent: u64,
    /// Outcomes: done.
    pub done: u64,
    /// Outcomes: anything else.
    pub undone: u64,
    /// How many outcomes did not come.
    pub unanswered: u64,
}
