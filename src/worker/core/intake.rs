//! What becomes of a task that came back: begun, skipped, held back, counted or given up.

use super::completed::Completed;
use super::counting::Counting;
use super::delivery::Delivery;
use super::held_back::HeldBack;
use super::local_queue::LocalQueue;
use std::time::Instant;

/// The tasks that have not begun, and what is known of those that come back.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) local: LocalQueue,
    pub(super) completed: Completed,
    pub(super) held_back: HeldBack,
    pub(super) counting: Counting,
    /// The host is busy: no task is begun.
    pub(super) is_paused: bool,
}

/// What is to be done with a task that came back.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is in the local queue, to be begun in its turn.
    Queued,
    /// It has had its outcome here: it is acknowledged.
    Completed(Delivery),
    /// It came back too often: it is not done any more.
    TooOften(Delivery, u64),
    /// Its return is to be counted, by a copy.
    Count(Delivery, u64),
}

impl Intake {
    /// Takes in a task that came back.
    pub(super) fn admit(&mut self, now: Instant, delivery: Delivery) -> Admission {
        let Some(delivery) = self.local.wait_behind(delivery) else {
            return Admission::Queued;
        };
        if self.completed.take(now, &delivery.task) {
            return Admission::Completed(delivery);
        }
        if let Some(until) = self.held_back.until(now, &delivery) {
            self.local.hold(until, delivery);
            return Admission::Queued;
        }
        let returns = delivery.returns();
        if self.counting.is_too_often(&delivery, returns) {
            return Admission::TooOften(delivery, returns);
        }
        if delivery.redelivered && self.counting.is_wanted(now, &delivery) {
            self.local.under_way(&delivery);
            return Admission::Count(delivery, returns);
        }
        self.queue(delivery);
        Admission::Queued
    }

    /// Takes a task that came back into the local queue.
    pub(super) fn queue(&mut self, mut delivery: Delivery) {
        // A copy that counts returns is not marked by the broker.
        delivery.redelivered = true;
        self.local.push_returned(delivery);
    }
}
