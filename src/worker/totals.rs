//! How many tasks had which outcome.

use crate::output::Fields;
use serde_json::json;

/// Counts of outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Tasks begun.
    pub(super) received: u64,
    /// Tasks done.
    pub(super) done: u64,
    /// Tasks whose command failed.
    pub(super) failed: u64,
    /// Tasks put off for a retry.
    pub(super) retried: u64,
    /// Tasks put with the dead letters.
    pub(super) dead_lettered: u64,
    /// Tasks forgotten.
    pub(super) dropped: u64,
    /// Tasks given back.
    pub(super) returned: u64,
    /// Tasks acknowledged without being done again.
    pub(super) skipped: u64,
}

impl Totals {
    /// As the last event tells them, with the `reason` of the end.
    pub(super) fn fields(self, reason: &str) -> Fields {
        Fields::from_iter([
            ("reason".to_owned(), json!(reason)),
            ("received".to_owned(), json!(self.received)),
            ("done".to_owned(), json!(self.done)),
            ("failed".to_owned(), json!(self.failed)),
            ("retried".to_owned(), json!(self.retried)),
            ("dead_lettered".to_owned(), json!(self.dead_lettered)),
            ("dropped".to_owned(), json!(self.dropped)),
            ("returned".to_owned(), json!(self.returned)),
            ("skipped".to_owned(), json!(self.skipped)),
        ])
    }
}
