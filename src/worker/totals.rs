//! How many tasks had which outcome.

use crate::output::Fields;
use serde_json::json;
use std::fmt::Write as _;

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
    /// As people are told: what there was, and what was done in any case.
    pub(super) fn line(self) -> String {
        let mut line = format!("stopped: {} done", self.done);
        let more = [
            (self.failed, "failed"),
            (self.dead_lettered, "dead-lettered"),
            (self.dropped, "dropped"),
            (self.returned, "returned"),
            (self.skipped, "skipped"),
        ];
        for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
            let _ = write!(line, ", {count} {what}");
        }
        line
    }

    /// As the last event tells them, with the `reason` of the end.
    pub(super) fn fields(self, reason: &str) -> Fields {
        json!({
            "reason": reason,
            "received": self.received,
            "done": self.done,
            "failed": self.failed,
            "retried": self.retried,
            "dead_lettered": self.dead_lettered,
            "dropped": self.dropped,
            "returned": self.returned,
            "skipped": self.skipped,
        })
    }
}
