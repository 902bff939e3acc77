//! Whether all is done, and what is wrong.

use super::{PROMPTLY, Run};
use crate::actors::{Kind, Sender};
use crate::fault::{RESULTS, WORK};
use crate::scenario::Course;
use work_queue::worker::core::policy::OnFailure;

impl Run {
    /// A queue that refuses dead letters must not hold up anything else.
    pub(super) fn check_independence(&mut self) {
        if self.scenario.course != Course::DeadLettersRefused {
            return;
        }
        let retries = match self.scenario.workers[0].on_failure {
            OnFailure::Retry => u64::from(self.scenario.retries),
            _ => 0,
        };
        let undone = self.ledger.undone(|kind| match kind {
            Kind::Sound => true,
            Kind::Flaky(times) => times <= retries,
            _ => false,
        });
        let long_ago = self.world.now.saturating_sub(PROMPTLY);
        let late = undone.into_iter();
        let late = late.filter(|key| self.ledger.was_confirmed_by(*key, long_ago));
        let late: Vec<usize> = late.collect();
        if !late.is_empty() {
            let text = format!("dead letters that are refused hold up tasks {late:?}");
            self.ledger.wrong(text);
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_quiet(&self) -> bool {
        let broker = &self.world.broker;
        !self.ledger.is_running()
            && self.senders.iter().all(Sender::is_done)
            && broker.unsettled() == 0
            && broker
                .queue_names()
                .all(|name| is_kept(name) || broker.stored(name) == 0)
    }

    pub(super) fn close(&mut self) {
        if !self.is_quiet() {
            let broker = &self.world.broker;
            let mut left = vec![format!(
                "after {:?} and {} events {} deliveries are unsettled",
                self.world.now,
                self.events,
                broker.unsettled()
            )];
            let queues = broker.queue_names();
            left.extend(queues.map(|name| format!("{name} holds {}", broker.stored(name))));
            let senders = self.senders.iter().filter(|sender| !sender.is_done());
            left.extend(senders.map(|sender| format!("a sender: {}", sender.unfinished())));
            self.ledger.wrong(format!("stuck: {}", left.join("; ")));
        }
        let dead = self.world.broker.messages(&format!("{WORK}.dead"));
        let dropped = self.world.broker.take_dropped();
        let movable = self.scenario.smallest_limit();
        self.ledger.close(&dead, &dropped, movable);
        let results = self.world.broker.messages(RESULTS);
        self.ledger.check_results(&self.scenario.kept(), &results);
        if self.scenario.is_calm() && self.ledger.wrongs().is_empty() {
            self.ledger.check_single_runs();
        }
    }
}

/// Whether messages stay in this queue for good.
fn is_kept(queue: &str) -> bool {
    queue == format!("{WORK}.dead") || queue == RESULTS
}
