//! The host is busy: no task is begun, and those that have not begun go to other workers.
//!
//! A delivery that goes back to the queue counts as returned there: by the mark of a classic queue, by
//! the count of a quorum queue. No worker died, so a copy goes to the end of the queue in its place,
//! which counts nothing. Only where that cannot be does the delivery itself go back.

use super::account::Account;
use super::consumer::{CancelFor, ConsumerPhase};
use super::delivery::Delivery;
use super::policy::Ack;
use super::returning::Over;
use super::settlement::Purpose;
use super::worker::Worker;
use super::{ConsumeOn, Event, Moment};
use crate::base::fault::Fault;

impl Worker {
    /// Begins no more tasks for now; why.
    pub(super) fn pause(&mut self, why: String) {
        if self.stopping.is_under_way() || std::mem::replace(&mut self.intake.is_paused, true) {
            return;
        }
        self.report(Event::Paused(why));
        // Its next step may be to cancel the consumer, which is cancelled here.
        self.emptiness.start_over();
        match self.consumer.phase {
            ConsumerPhase::Consuming => self.cancel_consumer(CancelFor::Pause),
            ConsumerPhase::Shrinking => self.consumer.phase = ConsumerPhase::Paused,
            ConsumerPhase::Cancelling(
                CancelFor::LookAgain | CancelFor::Renew | CancelFor::Shrink,
            ) => {
                self.consumer.phase = ConsumerPhase::Cancelling(CancelFor::Pause);
            }
            // It is cancelled as soon as it has started.
            ConsumerPhase::Starting(_)
            | ConsumerPhase::Cancelling(CancelFor::Stop | CancelFor::Pause)
            | ConsumerPhase::Paused
            | ConsumerPhase::Disconnected => {}
        }
    }

    /// Begins tasks again.
    pub(super) fn resume(&mut self, now: Moment) {
        if self.stopping.is_under_way() || !std::mem::take(&mut self.intake.is_paused) {
            return;
        }
        self.report(Event::Resumed);
        // There was something to do, but not here.
        self.emptiness.touch(now.instant);
        if self.consumer.phase == ConsumerPhase::Paused {
            self.consume(ConsumeOn::Same);
        }
    }

    /// Lets others have what has not begun, once no more comes.
    pub(super) fn hand_on_waiting(&mut self, now: Moment) {
        let has_consumer = !matches!(
            self.consumer.phase,
            ConsumerPhase::Paused | ConsumerPhase::Shrinking
        );
        if has_consumer || self.settings.ack != Ack::After {
            return;
        }
        // Without a copy each time would count as a return, in the end as one too many: they wait here.
        while self.intake.counting.may_copy() {
            let Some(delivery) = self.next() else { return };
            if delivery.token.is_some() {
                let account = Account::not_begun(String::new());
                self.settle(now, delivery, None, Purpose::HandOn, account);
            } else {
                self.put_back(now, &delivery, None);
            }
        }
    }

    /// No copy will ever be taken. While the host is busy the task waits here. Behind a long task it would wait
    /// too long: it goes back itself, and no more tasks are taken ahead.
    pub(super) fn cannot_hand_on(&mut self, now: Moment, delivery: Delivery, why: &Fault) {
        let is_paused = self.intake.is_paused;
        if self.intake.counting.is_impossible() {
            let instead = if is_paused {
                "they wait here"
            } else {
                "they go back to the queue, and count as returned"
            };
            self.warn(format!(
                "cannot hand waiting tasks on to other workers: {why}; {instead}"
            ));
        }
        if is_paused {
            self.intake.local.push(delivery);
        } else {
            self.put_back(now, &delivery, None);
        }
    }

    /// There is no copy of it: the delivery itself goes back.
    pub(super) fn not_handed_on(&mut self, now: Moment, delivery: &Delivery) {
        match delivery.token {
            Some(_) => self.put_back(now, delivery, None),
            // The broker has it again.
            None => self.over(now, delivery, Over::Returned),
        }
    }
}
