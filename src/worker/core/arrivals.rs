//! Tasks come, and the connection over which they come goes.

use super::account::{Account, Detail};
use super::consumer::{CancelFor, ConsumerPhase};
use super::delivery::Delivery;
use super::intake::Admission;
use super::policy::Ack;
use super::settlement::Purpose;
use super::worker::Worker;
use super::{Action, ConsumeOn, Event, Moment, TaskEvent};
use crate::amqp::AckToken;
use crate::base::fault::Fault;
use crate::base::plural::counted;

impl Worker {
    /// The consumer has been started.
    pub(super) fn consuming(&mut self, now: Moment) {
        let ConsumerPhase::Starting(on) = self.consumer.phase else {
            return;
        };
        self.consumer.phase = ConsumerPhase::Consuming;
        if let Some(auto) = &mut self.consumer.auto {
            auto.consumes(now.instant);
        }
        if on == ConsumeOn::New {
            self.emptiness.touch(now.instant);
            self.intake.completed.connected(now.instant);
            self.tally.unacknowledged = 0;
            self.report(Event::Consuming);
        }
        if self.stopping.is_under_way() {
            self.cancel_consumer(CancelFor::Stop);
        } else if self.intake.is_paused {
            self.cancel_consumer(CancelFor::Pause);
        }
    }

    /// A task was delivered.
    pub(super) fn arrived(&mut self, now: Moment, mut delivery: Delivery) {
        self.comes(now, &mut delivery);
        self.consumer.delivered(delivery.token);
        if self.settings.ack != Ack::After || self.stopping.is_under_way() {
            self.intake.local.push(delivery);
        } else if delivery.returns() > 0 {
            if let Some(delivery) = self.adopt(delivery) {
                self.admit(now, delivery);
            }
        } else if self.tally.knows_earlier {
            self.arrived_unmarked(now, delivery);
        } else {
            self.intake.local.push(delivery);
        }
    }

    /// A task that the broker marks as delivered for the first time. A broker that was killed may
    /// have forgotten that it had delivered it before.
    fn arrived_unmarked(&mut self, now: Moment, delivery: Delivery) {
        let has_void = |delivery: &Delivery| delivery.token.is_none();
        self.tally.knows_earlier = self.intake.completed.knows_any(now.instant)
            || self
                .slots
                .iter_mut()
                .any(|running| has_void(&running.delivery))
            || self
                .settling
                .iter_mut()
                .any(|(_, one)| has_void(&one.delivery));
        if !delivery.is_unique() {
            self.intake.local.push(delivery);
        } else if let Some(delivery) = self.adopt(delivery) {
            if self.intake.completed.take(now.instant, &delivery.task) {
                self.skip(now, &delivery);
            } else {
                self.intake.local.push(delivery);
            }
        }
    }

    /// A task that is under way here, delivered over an earlier channel, goes on with its new
    /// token. One that only looks the same waits until it is over.
    fn adopt(&mut self, delivery: Delivery) -> Option<Delivery> {
        let token = delivery.token?;
        let running = self.slots.iter_mut().map(|running| &mut running.delivery);
        let settling = self.settling.iter_mut();
        let settling = settling.map(|(_, settlement)| &mut settlement.delivery);
        let is_here = |old: AckToken| old.channel == token.channel;
        let mut earlier = running.chain(settling).filter(|under_way| {
            // The broker may have taken it away without our hearing of it.
            (delivery.redelivered && delivery.is_unique()) || !under_way.token.is_some_and(is_here)
        });
        let Some(same) = earlier.find(|under_way| delivery.is_same_message(&under_way.task)) else {
            return Some(delivery);
        };
        let same = if delivery.is_unique() && !same.token.is_some_and(is_here) {
            Ok(same.token.replace(token))
        } else {
            Err(same.clone())
        };
        drop(earlier);
        match same {
            // The broker has taken the old one away. If not, the task is done twice.
            Ok(old) => {
                self.give_back(old);
                None
            }
            Err(same) => {
                self.intake.local.under_way(&same);
                Some(delivery)
            }
        }
    }

    /// Takes in a task that came back.
    pub(super) fn admit(&mut self, now: Moment, delivery: Delivery) {
        match self.intake.admit(now.instant, delivery) {
            Admission::Queued => {}
            Admission::Completed(delivery) => self.skip(now, &delivery),
            Admission::TooOften(delivery, returns) => {
                let reason =
                    format!("was returned {returns} times: its workers died or returned it");
                let account = Account::not_begun(reason);
                self.settle(
                    now,
                    delivery,
                    None,
                    Purpose::DeadLetter(Detail::Full),
                    account,
                );
            }
            Admission::Count(delivery, returns) => {
                let line = delivery.task.line();
                self.report(Event::Detail(format!(
                    "was returned, {returns} times so far: {line}"
                )));
                let account = Account::not_begun(String::new());
                self.settle(now, delivery, None, Purpose::CountReturn, account);
            }
        }
    }

    fn skip(&mut self, now: Moment, delivery: &Delivery) {
        self.report(Event::Skipped(TaskEvent::of(delivery, None)));
        let line = delivery.task.line();
        self.report(Event::Note(format!(
            "already done; acknowledged without running it again: {line}"
        )));
        self.acknowledge(now, delivery);
    }

    /// The consumer is cancelled, and all that it received is here.
    pub(super) fn consumer_stopped(&mut self) {
        let ConsumerPhase::Cancelling(then) = self.consumer.phase else {
            return;
        };
        self.consumer.phase = ConsumerPhase::Paused;
        match then {
            CancelFor::Stop => self.return_waiting(),
            CancelFor::LookAgain => {}
            CancelFor::Pause if self.intake.is_paused => {}
            CancelFor::Shrink => self.consumer.phase = ConsumerPhase::Shrinking,
            CancelFor::Pause | CancelFor::Renew => self.consume(ConsumeOn::Same),
        }
    }

    /// The broker has cancelled the consumer. Tasks that have not begun go back, for other
    /// consumers. Those that run can still be acknowledged; where the broker has taken one away, it
    /// ignores the acknowledgement.
    pub(super) fn consumer_cancelled(&mut self, now: Moment, text: String) {
        if self.settings.ack != Ack::Auto {
            for delivery in self.intake.local.drain() {
                self.give_back(delivery.token);
            }
        }
        self.emptiness.disconnected();
        if self.stopping.is_under_way() {
            self.consumer.phase = ConsumerPhase::Paused;
            return;
        }
        self.send_acks(now);
        self.warn(text);
        self.consume(ConsumeOn::New);
    }

    /// The connection is gone: the broker has all that it delivered over it again.
    pub(super) fn connection_lost(&mut self, now: Moment, fault: Fault) {
        self.consumer.disconnected();
        self.emptiness.disconnected();
        // With `--ack auto` the broker has forgotten these; they are here alone.
        if self.settings.ack != Ack::Auto {
            self.void_deliveries(now);
        }
        if self.stopping.is_under_way() {
            self.stopping.lost(fault);
        } else if fault.is_transient() {
            self.report(Event::Disconnected(fault.to_string()));
            let running = match self.slots.running() {
                0 => String::new(),
                1 => "; 1 running task continues".to_owned(),
                count => format!("; {count} running tasks continue"),
            };
            self.warn(format!("{fault}; reconnecting{running}"));
            self.act(Action::Connect);
        } else {
            self.fail(now, fault);
        }
    }

    fn void_deliveries(&mut self, now: Moment) {
        self.tally.knows_earlier = true;
        self.intake.completed.disconnected(now.instant);
        for waiting in self.acks.take() {
            if let Some(task) = waiting.task {
                self.comes_back(now, &task);
            }
        }
        self.intake.local.drain();
        for running in self.slots.iter_mut() {
            running.delivery.token = None;
        }
        let mut withdrawn = Vec::new();
        for (number, settlement) in self.settling.iter_mut() {
            settlement.delivery.token = None;
            // It comes back, and cannot be told from an equal one. One that can takes this
            // message for its own.
            if settlement.publishes_copy() && !settlement.delivery.is_unique() {
                withdrawn.push(number);
            }
        }
        for number in withdrawn {
            self.act(Action::Withdraw(number));
        }
    }

    /// Acknowledgements could not be sent, as the connection is gone, or must not be, as the output is.
    pub(super) fn not_acknowledged(&mut self, count: usize) {
        self.tally.unacknowledged += count as u64;
        let tasks = counted(count as u64, "finished task");
        self.warn(format!(
            "{tasks} could not be acknowledged; the broker will deliver them again"
        ));
    }

    /// Gives a delivery back, if it came over a connection that stands.
    pub(super) fn give_back(&mut self, token: Option<AckToken>) {
        if let (Some(token), false) = (token, self.settings.ack == Ack::Auto) {
            self.consumer.settled(token);
            self.act(Action::Return(token));
        }
    }
}
