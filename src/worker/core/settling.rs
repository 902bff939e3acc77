//! Tasks end: what becomes of them, and when they are acknowledged.

use super::account::{Account, Detail};
use super::acks::WaitingAck;
use super::delivery::Delivery;
use super::messages::{self, Author};
use super::outgoing::{Destination, Outgoing};
use super::policy::{Ack, Decision, Outcome};
use super::result_message::Fate;
use super::returning::Over;
use super::settlement::{Purpose, Settlement, SettlementStep};
use super::slots::CannotRun;
use super::stopping::Reason;
use super::worker::Worker;
use super::{Action, Event, Moment, TaskEvent, headers};
use crate::base::escape::escape;
use crate::task::Task;
use std::sync::Arc;

impl Worker {
    /// A command could not be started.
    pub(super) fn not_started(&mut self, now: Moment, slot: usize, why: CannotRun) {
        match why {
            CannotRun::Ever(fault) => {
                self.return_running(now, slot);
                self.fail(now, fault);
            }
            CannotRun::ForNow(_) if self.stopping.is_under_way() => self.return_running(now, slot),
            CannotRun::ForNow(why) => {
                if self.slots.not_started(slot, now.instant) {
                    self.warn(format!(
                        "cannot start a command for now: {why}; its task is waiting, retrying"
                    ));
                }
            }
        }
    }

    /// A command has ended.
    pub(super) fn ended(&mut self, now: Moment, slot: usize, outcome: Outcome) {
        if self.stopping.is_forced() {
            // It was we who ended it: no outcome.
            self.return_running(now, slot);
            return;
        }
        let Some(running) = self.slots.take(slot) else {
            return;
        };
        self.tally.outcomes += 1;
        self.emptiness.touch(now.instant);
        let took = now.instant.saturating_duration_since(running.started);
        self.has_run(running.started, took);
        let delivery = running.delivery;
        let attempt = headers::attempt(&delivery.task);
        let decision = self.settings.policy.decide(&outcome.ending, attempt);
        let of = TaskEvent::of(&delivery, Some(slot));
        self.report(match decision {
            Decision::Done => Event::Done { of, took },
            next => Event::Failed {
                of,
                took,
                ending: outcome.ending.clone(),
                next,
            },
        });
        let purpose = match decision {
            Decision::Done => Purpose::Done,
            Decision::Drop => Purpose::Drop,
            Decision::Retry(pause) => Purpose::Retry(pause),
            Decision::Requeue => Purpose::Requeue,
            Decision::DeadLetter => Purpose::DeadLetter(Detail::Full),
        };
        if self.settings.ack == Ack::After {
            let account = Account::of(outcome, took, now.wall);
            self.settle(now, delivery, Some(slot), purpose, account);
        }
        let max = self.settings.ending.max_tasks;
        if max.is_some_and(|max| self.tally.outcomes >= max.get()) {
            self.stop(now, Reason::MaxTasks);
        }
    }

    /// Makes safe what must be before the task is acknowledged.
    pub(super) fn settle(
        &mut self,
        now: Moment,
        delivery: Delivery,
        slot: Option<usize>,
        purpose: Purpose,
        mut account: Account,
    ) {
        let fate = match purpose {
            Purpose::Done => Some(Fate::Done),
            Purpose::Drop => Some(Fate::Dropped),
            Purpose::DeadLetter(_) => Some(Fate::DeadLettered),
            Purpose::Retry(_) | Purpose::Requeue | Purpose::CountReturn | Purpose::HandOn => None,
        };
        let publishes_copy = !matches!(purpose, Purpose::Done | Purpose::Drop);
        if publishes_copy && delivery.token.is_none() {
            // The broker delivers it again in any case. A copy would be one more.
            self.hand_over_to_broker(now, &delivery);
            return;
        }
        let reply = fate.and_then(|fate| {
            let id = messages::id(now, self.settling.next_number());
            let author = self.author();
            author.result(&delivery.task, fate, &mut account, id)
        });
        if reply.is_none() && fate.is_some() {
            self.note_unanswered(&delivery.task);
        }
        let has_message = publishes_copy || reply.is_some();
        let settlement = Settlement {
            delivery,
            slot,
            purpose,
            step: match reply {
                Some(reply) if !publishes_copy => SettlementStep::Result(reply),
                reply => SettlementStep::Copy(reply),
            },
            account,
            since: now.instant,
            is_overdue: false,
        };
        if has_message {
            self.publish(now, settlement);
        } else {
            self.settled(now, &settlement);
        }
    }

    /// Says once that a task asks for its result where this worker does not write.
    fn note_unanswered(&mut self, task: &Task) {
        let Some(reply_to) = task.properties.reply_to() else {
            return;
        };
        if reply_to.is_empty() || std::mem::replace(&mut self.tally.has_unanswered, true) {
            return;
        }
        let queue = escape(reply_to.as_bytes());
        self.warn(format!(
            "a task asks for its result in queue `{queue}`, which is not written to; \
             --reply-to allows it"
        ));
    }

    /// Publishes what is next, a result together with others. Its verdict is waited for.
    pub(super) fn publish(&mut self, now: Moment, mut settlement: Settlement) {
        let number = self.settling.number();
        let (to, payload) = self.message(now, &mut settlement);
        let is_result = !settlement.publishes_copy();
        self.settling.insert(number, settlement);
        let outgoing = Outgoing {
            number,
            to,
            payload,
        };
        if is_result {
            self.settling.results.push(now.instant, outgoing);
        } else {
            self.act(Action::Publish(Box::new(outgoing)));
        }
    }

    fn message(&self, now: Moment, settlement: &mut Settlement) -> (Destination, Task) {
        if let SettlementStep::Result(reply) = &mut settlement.step {
            return (reply.to.clone(), reply.take());
        }
        let task = &settlement.delivery.task;
        match settlement.purpose {
            Purpose::Retry(pause) => (Destination::Delay(pause), messages::failed_once_more(task)),
            Purpose::Requeue | Purpose::Done | Purpose::Drop => {
                (Destination::Work, messages::failed_once_more(task))
            }
            Purpose::DeadLetter(detail) => {
                let author = self.author();
                let letter = author.dead_letter(task, &settlement.account, detail, now);
                (
                    Destination::Dead(self.settings.dead_letters.clone()),
                    letter,
                )
            }
            Purpose::CountReturn => {
                let returns = settlement.delivery.returns();
                (
                    Destination::Work,
                    messages::returned_so_often(task, returns),
                )
            }
            Purpose::HandOn => (Destination::Work, messages::handed_on(task)),
        }
    }

    fn author(&self) -> Author<'_> {
        Author {
            host: &self.settings.host,
            queue: &self.settings.queue,
            replies: &self.settings.replies,
        }
    }

    /// All is safe: tells of it and acknowledges.
    pub(super) fn settled(&mut self, now: Moment, settlement: &Settlement) {
        let delivery = &settlement.delivery;
        self.emptiness.touch(now.instant);
        let of = || TaskEvent::of(delivery, settlement.slot);
        let event = match settlement.purpose {
            Purpose::Done => None,
            Purpose::CountReturn | Purpose::HandOn => {
                if settlement.purpose == Purpose::HandOn {
                    self.report(Event::Returned(of()));
                }
                if let Some(token) = delivery.token {
                    // Not done, so not to be remembered as done: its copy is the same task.
                    self.acks
                        .push(now.instant, WaitingAck { token, task: None });
                }
                self.over(now, delivery, Over::Counted);
                return;
            }
            Purpose::Drop => Some(Event::Dropped(of())),
            Purpose::Retry(pause) => Some(Event::Retried { of: of(), pause }),
            Purpose::Requeue => Some(Event::Returned(of())),
            Purpose::DeadLetter(_) => Some(Event::DeadLettered {
                of: of(),
                reason: settlement.account.reason.clone(),
            }),
        };
        if let Some(event) = event {
            self.report(event);
        }
        self.acknowledge(now, delivery);
        self.over(now, delivery, Over::Settled);
    }

    /// Acknowledges a task that has had its outcome, or will when it comes again.
    pub(super) fn acknowledge(&mut self, now: Moment, delivery: &Delivery) {
        match delivery.token {
            Some(token) => {
                let task = Some(Arc::clone(&delivery.task));
                self.acks.push(now.instant, WaitingAck { token, task });
            }
            None => self.comes_back(now, &delivery.task),
        }
    }
}
