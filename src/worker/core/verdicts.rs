//! What came of the messages that a task waits for.

use super::Moment;
use super::account::Detail;
use super::delivery::Delivery;
use super::outgoing::Verdict;
use super::returning::Over;
use super::settlement::{Purpose, Settlement, SettlementStep};
use super::worker::Worker;
use crate::base::fault::{Fault, Kind};

impl Worker {
    /// What came of a message.
    pub(super) fn verdict(&mut self, now: Moment, number: u64, verdict: Verdict) {
        // Of a copy that was not waited for any longer.
        let Some(settlement) = self.settling.take(number) else {
            return;
        };
        match verdict {
            Verdict::Confirmed(queue) => self.confirmed(now, settlement, queue),
            Verdict::Refused(fault) => self.refused(now, settlement, &fault),
            Verdict::Undecided(fault) => self.undecided(now, settlement, &fault),
            Verdict::Withdrawn => self.withdrawn(now, settlement),
        }
    }

    fn confirmed(&mut self, now: Moment, settlement: Settlement, queue: String) {
        match settlement.purpose {
            Purpose::Retry(pause) => {
                let until = now.instant.checked_add(pause);
                self.emptiness.put_off(queue, until);
            }
            Purpose::CountReturn => self.intake.counting.worked(),
            Purpose::Done
            | Purpose::Drop
            | Purpose::Requeue
            | Purpose::DeadLetter(_)
            | Purpose::HandOn => {}
        }
        if let SettlementStep::Copy(Some(reply)) = settlement.step {
            let step = SettlementStep::Result(reply);
            self.publish(now, Settlement { step, ..settlement });
            return;
        }
        self.settled(now, &settlement);
    }

    /// The message cannot be taken. That concerns this one alone, unless none would be taken.
    fn refused(&mut self, now: Moment, mut settlement: Settlement, fault: &Fault) {
        let is_for_all = matches!(
            fault.kind,
            Kind::Refused | Kind::Queue | Kind::SetUp | Kind::NotAmqp
        );
        match (settlement.step, settlement.purpose) {
            (SettlementStep::Result(reply), _) if !is_for_all && !reply.is_shortened => {
                settlement.step = SettlementStep::Result(reply.shortened());
                self.publish(now, settlement);
            }
            (SettlementStep::Result(reply), _) => {
                self.tally.undelivered_results += 1;
                if self.tally.undelivered_results == 1 {
                    self.warn(format!(
                        "a result could not be delivered; its task counts as done: {fault}"
                    ));
                }
                settlement.step = SettlementStep::Result(reply);
                self.settled(now, &settlement);
            }
            (SettlementStep::Copy(_), Purpose::CountReturn) => {
                let why = "cannot count how often tasks are returned";
                if !is_for_all {
                    let line = settlement.delivery.task.line();
                    self.warn(format!("{why}: {fault}: {line}"));
                } else if self.intake.counting.is_impossible() {
                    self.warn(format!("{why}: {fault}"));
                }
                self.begin_without_copy(now, settlement.delivery);
            }
            (SettlementStep::Copy(_), Purpose::HandOn)
                if is_for_all && settlement.delivery.token.is_some() =>
            {
                self.cannot_hand_on(now, settlement.delivery, fault);
            }
            (SettlementStep::Copy(_), Purpose::HandOn) => {
                self.not_handed_on(now, &settlement.delivery);
            }
            (SettlementStep::Copy(_), _) if is_for_all => {
                self.put_back(now, &settlement.delivery, settlement.slot);
                let text = format!("a failed task cannot be moved and stays in the queue: {fault}");
                self.fail(now, Fault::new(fault.kind, text));
            }
            (SettlementStep::Copy(reply), Purpose::DeadLetter(detail)) => {
                // The broker's 406 is on the body.
                let is_for_the_body = fault.reply().is_some_and(|reply| reply.code == 406);
                match detail.less() {
                    Some(less) if !is_for_the_body => {
                        settlement.step = SettlementStep::Copy(reply);
                        settlement.purpose = Purpose::DeadLetter(less);
                        self.publish(now, settlement);
                    }
                    _ => self.cannot_be_moved(now, &settlement.delivery, settlement.slot, fault),
                }
            }
            (SettlementStep::Copy(_), _) => {
                let mut account = settlement.account;
                let line = settlement.delivery.task.line();
                self.warn(format!(
                    "a failed task could not be retried ({fault}); dead letter: {line}"
                ));
                account.reason = format!("{}; could not be retried: {fault}", account.reason);
                let purpose = Purpose::DeadLetter(Detail::Full);
                let (delivery, slot) = (settlement.delivery, settlement.slot);
                self.settle(now, delivery, slot, purpose, account);
            }
        }
    }

    /// A failed task that nothing can be done with. It stays in the queue, and comes again at once.
    fn cannot_be_moved(
        &mut self,
        now: Moment,
        delivery: &Delivery,
        slot: Option<usize>,
        fault: &Fault,
    ) {
        let held_back = &mut self.intake.held_back;
        let pause = held_back.could_not_be_moved(now.instant, delivery);
        let pause = humantime::format_duration(pause);
        self.warn(format!(
            "a failed task cannot be moved and stays in the queue; trying it again in {pause}: {fault}: {}",
            delivery.task.line()
        ));
        self.put_back(now, delivery, slot);
    }

    /// The message may be there or not.
    fn undecided(&mut self, now: Moment, settlement: Settlement, fault: &Fault) {
        match (&settlement.step, settlement.purpose) {
            // Somebody will collect it: rather twice than never.
            (SettlementStep::Result(reply), _) if reply.is_kept() => {
                self.put_back(now, &settlement.delivery, settlement.slot);
            }
            (SettlementStep::Result(_), _) => self.settled(now, &settlement),
            (SettlementStep::Copy(_), Purpose::CountReturn) => {
                // Its copy may be there, and waits for it.
                self.counting_failed(now, &settlement.delivery);
                self.begin_uncounted(now, settlement.delivery);
            }
            (SettlementStep::Copy(_), _) => {
                let line = settlement.delivery.task.line();
                self.warn(format!("{fault}; the task goes back to the queue: {line}"));
                self.put_back(now, &settlement.delivery, settlement.slot);
            }
        }
    }

    /// The message was not sent.
    fn withdrawn(&mut self, now: Moment, settlement: Settlement) {
        let delivery = settlement.delivery;
        if settlement.purpose == Purpose::HandOn {
            self.not_handed_on(now, &delivery);
            return;
        }
        if settlement.purpose != Purpose::CountReturn {
            // For want of a token: the broker delivers the task again.
            self.hand_over_to_broker(now, &delivery);
            return;
        }
        self.counting_failed(now, &delivery);
        self.begin_without_copy(now, delivery);
    }

    /// There is no copy, so none has to wait.
    fn begin_without_copy(&mut self, now: Moment, delivery: Delivery) {
        let copies = self.intake.local.over(&delivery);
        self.begin_uncounted(now, delivery);
        for copy in copies.into_iter().flatten() {
            self.admit_again(now, copy);
        }
    }

    /// A return could not be counted in time.
    fn counting_failed(&mut self, now: Moment, delivery: &Delivery) {
        if delivery.token.is_some() && self.intake.counting.failed(now.instant) {
            self.warn(
                "the broker does not accept the copies that count returned tasks; they run uncounted"
                    .to_owned(),
            );
        }
    }

    fn begin_uncounted(&mut self, now: Moment, delivery: Delivery) {
        if delivery.token.is_none() {
            // The broker delivers it again.
            self.over(now, &delivery, Over::Returned);
        } else {
            self.intake.queue(delivery);
        }
    }
}
