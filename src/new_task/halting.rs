//! Stops sending when there are enough results (`--halt`), and never is far ahead of them.

use super::halt::{Halt, How};
use super::pending::PendingTask;
use super::sender::Sender;
use crate::base::plural::counted;
use crate::publisher::core::Core;

impl Sender<'_, '_> {
    /// Whether no task is sent because as many results are missing as --ahead allows. What is sent cannot be called back.
    pub(super) fn is_far_ahead(&self) -> bool {
        let most = self.args.outcomes.ahead();
        most.is_some_and(|most| self.results.len() >= most)
    }

    /// Whether there is nothing to do but to wait for results.
    pub(super) fn only_waits(&self, core: &mut Core<PendingTask>) -> bool {
        let may_send = !self.pending.is_over() && !self.is_far_ahead();
        self.args.results.wait && !may_send && core.is_idle()
    }

    /// Whether all is done. What is on its way to the broker is always waited for: it will be done.
    pub(super) fn is_over(&self, core: &mut Core<PendingTask>) -> bool {
        let wants_results = !self.is_halted(How::Now) && !self.results.is_empty();
        self.pending.is_over() && !wants_results && core.is_idle()
    }

    /// Stops sending if there are enough results by now.
    pub(super) fn halt_if_due(&mut self) {
        let Halt::When(enough) = self.args.outcomes.halt else {
            return;
        };
        let counts = self.reporter.counts;
        let total = self.pending.counts().total;
        if self.pending.is_halted() || !enough.is_reached(counts, total) {
            return;
        }
        let left = self.results.len() as u64;
        let is_early = !self.pending.is_over() || left > 0;
        self.pending.halt();
        let then = match enough.how {
            How::Now => "not waiting for results".to_owned(),
            How::Soon => format!("waiting for {}", counted(left, "result")),
        };
        if is_early {
            let reason = enough.reason(counts);
            self.reporter
                .warn(&format!("{reason}; sending no more tasks, {then}"));
        }
    }

    fn is_halted(&self, how: How) -> bool {
        let asked = matches!(self.args.outcomes.halt, Halt::When(enough) if enough.how == how);
        asked && self.pending.is_halted()
    }
}
