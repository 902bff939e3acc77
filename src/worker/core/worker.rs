//! The worker: what has happened goes in, what is to be done comes out.

use super::acks::Acks;
use super::auto_prefetch::AutoPrefetch;
use super::completed::Completed;
use super::consumer::{CancelFor, Consumer, ConsumerPhase};
use super::counting::Counting;
use super::delivery::Delivery;
use super::emptiness::Emptiness;
use super::held_back::HeldBack;
use super::intake::Intake;
use super::local_queue::LocalQueue;
use super::settlement::Settlements;
use super::slots::Slots;
use super::stopping::{Reason, Stopping};
use super::{Action, ConsumeOn, Event, Input, Moment, Prefetching, Settings, Start, TaskEvent};
use crate::base::fault::Fault;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// The decisions of one worker.
#[derive(Debug)]
pub struct Worker {
    pub(super) settings: Settings,
    pub(super) consumer: Consumer,
    pub(super) intake: Intake,
    pub(super) slots: Slots,
    pub(super) settling: Settlements,
    pub(super) acks: Acks,
    pub(super) emptiness: Emptiness,
    pub(super) stopping: Stopping,
    pub(super) tally: Tally,
    actions: VecDeque<Action>,
}

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Tasks begun, and tasks that had an outcome.
    pub(super) begun: u64,
    pub(super) outcomes: u64,
    /// Tasks that had their outcome and could not be acknowledged, since the last connection.
    pub(super) unacknowledged: u64,
    /// A task may be delivered again that is under way here, or was, over an earlier connection.
    pub(super) knows_earlier: bool,
    /// Results that nobody could be told.
    pub(super) undelivered_results: u64,
    /// That a result is not sent, for its address, was told.
    pub(super) has_unanswered: bool,
    /// The end has been told.
    pub(super) is_over: bool,
}

impl Worker {
    /// A worker that is about to connect.
    #[must_use]
    pub fn new(settings: Settings, now: Moment) -> Self {
        let auto = match settings.prefetching {
            Prefetching::Fixed => None,
            Prefetching::Auto | Prefetching::AutoUnlessOrdered => {
                Some(AutoPrefetch::new(settings.slots))
            }
        };
        Self {
            consumer: Consumer::new(settings.prefetch, auto),
            intake: Intake {
                local: LocalQueue::default(),
                completed: Completed::new(settings.unnoticed_loss),
                held_back: HeldBack::default(),
                counting: Counting::new(settings.max_redeliveries),
                is_paused: false,
            },
            slots: Slots::new(settings.slots),
            settling: Settlements::new(settings.prefetch, settings.slots),
            acks: Acks::new(settings.prefetch, settings.slots),
            emptiness: Emptiness::new(now.instant, &settings.ending),
            stopping: Stopping::default(),
            tally: Tally::default(),
            actions: VecDeque::from([Action::Connect]),
            settings,
        }
    }

    /// The next thing to do, if there is one now.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, now: Moment, input: Input) {
        if self.tally.is_over {
            return;
        }
        match input {
            Input::Connected if self.stopping.is_under_way() => {}
            Input::Connected => self.consume(ConsumeOn::New),
            Input::Failed(fault) => self.fail(now, fault),
            Input::OutputLost(fault) => self.output_lost(now, fault),
            Input::UnknownArguments => self.keep_order(),
            Input::Consuming => self.consuming(now),
            Input::Delivery(delivery) => self.arrived(now, delivery),
            Input::ConsumerStopped => self.consumer_stopped(),
            Input::ConsumerCancelled(text) => self.consumer_cancelled(now, text),
            Input::ConnectionLost(fault) => self.connection_lost(now, fault),
            Input::NotAcknowledged(tokens) => self.not_acknowledged(tokens.len()),
            Input::Ended { slot, outcome } => self.ended(now, slot, outcome),
            Input::NotStarted { slot, why } => self.not_started(now, slot, why),
            Input::Verdict { number, verdict } => self.verdict(now, number, verdict),
            Input::Counts(counts) => self.counted(now, counts),
            Input::Signal => self.signalled(now),
            Input::Pause(why) => self.pause(why),
            Input::Resume => self.resume(now),
            Input::Time => {}
        }
        self.step(now);
    }

    /// When something is due of itself.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Instant> {
        let own = [
            self.stopping.wakes_at(),
            self.settling.wakes_at(),
            self.acks.wakes_at(),
        ];
        let own = own.into_iter().flatten().min();
        // What would begin tasks.
        let idle = match self.consumer.phase {
            _ if self.stopping.is_under_way() => return own,
            ConsumerPhase::Consuming if !self.intake.is_paused && self.has_nothing_to_do() => {
                self.emptiness.wakes_at()
            }
            _ => None,
        };
        let due = [
            own,
            idle,
            self.slots.wakes_at(),
            self.intake.local.wakes_at(),
            self.becomes_long_at(),
        ];
        due.into_iter().flatten().min()
    }

    /// What follows from the state and the time alone.
    fn step(&mut self, now: Moment) {
        self.settling.expire(now.instant);
        while let Some(number) = self.settling.uncounted(now.instant) {
            self.act(Action::Withdraw(number));
        }
        if self.stopping.is_under_way() {
            self.send_results();
            self.step_stop(now);
            return;
        }
        while let Some(delivery) = self.intake.local.release(now.instant) {
            self.admit(now, delivery);
        }
        for slot in self.slots.due(now.instant) {
            self.start_again(slot);
        }
        self.begin_tasks(now);
        self.send_due_results(now);
        if self.send_due_acks(now) {
            self.begin_tasks(now);
        }
        if self.intake.is_paused {
            self.hand_on_waiting(now);
            return;
        }
        self.adjust_prefetch(now);
        if self.has_nothing_to_do() {
            self.nothing_to_do(now);
        } else if self.is_starved() {
            self.cancel_consumer(CancelFor::Renew);
        } else if self.is_paused_in_vain() {
            self.emptiness.start_over();
            self.consume(ConsumeOn::Same);
        }
    }

    /// Begins tasks while there are any and slots are free.
    fn begin_tasks(&mut self, now: Moment) {
        while self.may_begin() {
            let Some(slot) = self.slots.free() else {
                return;
            };
            let Some(delivery) = self.next() else {
                return;
            };
            let Some(delivery) = self.wait_for_run(delivery) else {
                continue;
            };
            self.tally.begun += 1;
            self.begins(now, &delivery);
            self.report(Event::Received(TaskEvent::of(&delivery, Some(slot))));
            self.act(Action::Start(Start {
                slot,
                task: Arc::clone(&delivery.task),
                redelivered: delivery.redelivered,
            }));
            self.slots.put(slot, delivery, now.instant);
        }
    }

    /// Whether one more task may begin, if a slot is free.
    pub(super) fn may_begin(&self) -> bool {
        let max = self.settings.ending.max_tasks;
        !self.intake.is_paused && max.is_none_or(|max| self.tally.begun < max.get())
    }

    /// The next task to begin. One that came back may kill this worker, too. If that happened while
    /// other returns are being counted, each of those tasks would exist twice from then on.
    pub(super) fn next(&mut self) -> Option<Delivery> {
        let local = &mut self.intake.local;
        if self.settling.counts_returns() || self.acks.has_counted() {
            return local.pop();
        }
        local.pop_returned().or_else(|| local.pop())
    }

    /// Keeps a task that came back while it runs here. Either may come from a delivery that the
    /// broker took away while the task was held back.
    fn wait_for_run(&mut self, delivery: Delivery) -> Option<Delivery> {
        if !(delivery.redelivered && delivery.is_unique()) {
            return Some(delivery);
        }
        let mut running = self.slots.iter_mut();
        if !running.any(|running| delivery.is_same_message(&running.delivery.task)) {
            return Some(delivery);
        }
        self.intake.local.under_way(&delivery);
        self.intake.local.wait_behind(delivery)
    }

    fn start_again(&mut self, slot: usize) {
        if let Some(delivery) = self.slots.delivery(slot) {
            let start = Start {
                slot,
                task: Arc::clone(&delivery.task),
                redelivered: delivery.redelivered,
            };
            self.act(Action::Start(start));
        }
    }

    pub(super) fn consume(&mut self, on: ConsumeOn) {
        self.size_consumer();
        self.consumer.start(on);
        self.act(Action::Consume(on));
    }

    pub(super) fn cancel_consumer(&mut self, then: CancelFor) {
        self.consumer.phase = ConsumerPhase::Cancelling(then);
        self.act(Action::CancelConsumer);
    }

    /// Begins to stop since the worker cannot go on.
    pub(super) fn fail(&mut self, now: Moment, fault: Fault) {
        self.stopping.failed(fault);
        self.stop(now, Reason::Failed);
    }

    pub(super) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    /// Takes back the acknowledgements that have not been sent yet: how many.
    pub(super) fn withdraw_acks(&mut self) -> usize {
        let mut count = 0;
        self.actions.retain(|action| match action {
            Action::Acknowledge(tokens) => {
                count += tokens.len();
                false
            }
            _ => true,
        });
        count
    }

    pub(super) fn report(&mut self, event: Event) {
        self.act(Action::Report(event));
    }

    pub(super) fn warn(&mut self, text: String) {
        self.report(Event::Warning(text));
    }
}
