//! The worker stops: no new tasks, those that have not begun go back, those that run finish.

use super::consumer::{CancelFor, ConsumerPhase};
use super::policy::Ack;
use super::stopping::{Reason, Then};
use super::worker::Worker;
use super::{Action, Event, Moment, TaskEvent, Urgency};
use crate::base::fault::{Fault, Kind};
use crate::base::plural::counted;
use std::time::Duration;

impl Worker {
    /// Begins to stop, unless that has begun.
    pub(super) fn stop(&mut self, now: Moment, reason: Reason) {
        let grace = self.settings.ending.grace;
        if matches!(reason, Reason::Empty) && self.intake.local.held() > 0 {
            let held = counted(self.intake.local.held() as u64, "failed task");
            let text = format!("{held} could not be moved; left in the queue");
            self.stopping.failed(Fault::new(Kind::NotTaken, text));
        }
        if !self.stopping.begin(now.instant, reason, grace) {
            return;
        }
        let is_consuming = matches!(
            self.consumer.phase,
            ConsumerPhase::Consuming | ConsumerPhase::Starting(_)
        );
        if is_consuming {
            self.report(Event::Draining(self.slots.running()));
        }
        for slot in self.slots.without_command() {
            self.return_running(now, slot);
        }
        // Both before the consumer is cancelled, which waits for the broker.
        self.send_results();
        self.send_acks(now);
        match self.consumer.phase {
            ConsumerPhase::Consuming => self.cancel_consumer(CancelFor::Stop),
            ConsumerPhase::Cancelling(_) => {
                self.consumer.phase = ConsumerPhase::Cancelling(CancelFor::Stop);
            }
            // It is cancelled as soon as it has started.
            ConsumerPhase::Starting(_) => {}
            ConsumerPhase::Shrinking => {
                self.consumer.phase = ConsumerPhase::Paused;
                self.return_waiting();
            }
            ConsumerPhase::Paused | ConsumerPhase::Disconnected => self.return_waiting(),
        }
    }

    /// A signal came: the first one begins to stop, the second one ends what runs, the third one
    /// kills it.
    pub(super) fn signalled(&mut self, now: Moment) {
        match self.stopping.signalled() {
            _ if self.stopping.has_killed() => {}
            _ if self.stopping.is_forced() => self.kill(now),
            1 => {
                let note = match self.slots.running() {
                    0 => "stopping".to_owned(),
                    running => format!(
                        "stopping after {}; Ctrl+C again returns {} to the queue",
                        counted(running as u64, "running task"),
                        if running == 1 { "it" } else { "them" }
                    ),
                };
                self.report(Event::Note(note));
                self.stop(now, Reason::Signal);
            }
            _ => self.force(now),
        }
    }

    /// Stdout cannot be written any more. A task is acknowledged only once its outcome was written, so
    /// running commands would work for nothing. Tasks that wait for a message were written about before.
    pub(super) fn output_lost(&mut self, now: Moment, fault: Fault) {
        self.stopping.output_lost(fault);
        self.keep_untold(now);
        // Without acknowledgements nobody else would run it.
        if self.settings.ack != Ack::Auto && !self.stopping.is_forced() {
            if !self.slots.is_idle() {
                self.report(Event::Note("stdout cannot be written any more".to_owned()));
            }
            self.force(now);
        }
        self.stop(now, Reason::Failed);
    }

    /// Does not send the acknowledgements that are still here: which of these tasks were written about is
    /// not known.
    fn keep_untold(&mut self, now: Moment) {
        let mut kept = 0;
        for waiting in self.acks.take() {
            match waiting.task {
                Some(_) => kept += 1,
                // Nothing is told of it, and its copy is in the queue.
                None => self.acks.push(now.instant, waiting),
            }
        }
        kept += self.withdraw_acks();
        if kept > 0 {
            self.not_acknowledged(kept);
        }
    }

    /// Ends what still runs. A task goes back when its command has ended, so that it does not run
    /// twice at once.
    fn force(&mut self, now: Moment) {
        let kill_after = self.settings.ending.kill_after;
        let patience = kill_after.unwrap_or(Duration::ZERO);
        self.stopping.force(now.instant, patience);
        let running = self.slots.running();
        if running == 0 {
            return;
        }
        let patience = humantime::format_duration(patience);
        self.report(Event::Note(match kill_after {
            Some(_) => format!(
                "ending the commands; Ctrl+C again kills them at once, otherwise in {patience}"
            ),
            None => going_back(running),
        }));
        self.act(Action::Signal(Urgency::Term));
    }

    fn kill(&mut self, now: Moment) {
        self.stopping.kill(now.instant);
        self.act(Action::Signal(Urgency::Kill));
    }

    /// What follows from the time and from what has ended, while it stops.
    pub(super) fn step_stop(&mut self, now: Moment) {
        let due = self.stopping.due(now.instant);
        match due {
            Then::Wait => {}
            Then::GraceIsOver => {
                if !self.slots.is_idle() {
                    self.warn("the grace is over".to_owned());
                }
                self.force(now);
            }
            Then::Kill => self.kill(now),
            Then::Leave => {
                let slots = self.slots.occupied();
                if !slots.is_empty() {
                    self.report(Event::Note(going_back(slots.len())));
                }
                for slot in slots {
                    self.return_running(now, slot);
                }
            }
        }
        self.send_acks(now);
        // A broker that does not answer is not waited for when all else is over.
        let has_stopped = due == Then::Leave
            || matches!(
                self.consumer.phase,
                ConsumerPhase::Paused | ConsumerPhase::Disconnected
            );
        if has_stopped && self.slots.is_idle() && !self.waits_for_messages(now) {
            self.end(now);
        }
    }

    fn waits_for_messages(&mut self, now: Moment) -> bool {
        !self.settling.is_empty()
            && self.consumer.is_connected()
            && (!self.stopping.is_forced() || self.stopping.has_lost_output())
            && self.stopping.waits_for_messages(now.instant)
    }

    fn end(&mut self, now: Moment) {
        let pending = self.settling.drain();
        if !pending.is_empty() && self.consumer.is_connected() && !self.stopping.is_forced() {
            self.warn(
                "the broker does not accept retries and dead letters; their tasks go back to the queue".to_owned(),
            );
        }
        for number in pending.keys() {
            self.act(Action::Withdraw(*number));
        }
        for settlement in pending.into_values() {
            self.give_back(settlement.delivery.token);
        }
        // A settlement may have left its task to be begun.
        self.return_waiting();
        self.send_acks(now);
        let unacknowledged = self.tally.unacknowledged;
        if unacknowledged > 0 && !self.stopping.is_forced() {
            self.stopping.unacknowledged(unacknowledged);
        }
        self.tally.is_over = true;
        let end = self.stopping.end();
        self.act(Action::End(end));
    }

    /// What has not begun goes back, in its order.
    pub(super) fn return_waiting(&mut self) {
        let waiting = self.intake.local.drain();
        if self.settings.ack == Ack::Auto {
            if !waiting.is_empty() {
                let lost = counted(waiting.len() as u64, "prefetched task");
                self.warn(format!("{lost} lost (--ack auto)"));
            }
            return;
        }
        for delivery in waiting {
            self.report(Event::Returned(TaskEvent::of(&delivery, None)));
            self.give_back(delivery.token);
        }
    }
}

fn going_back(count: usize) -> String {
    let tasks = counted(count as u64, "unfinished task");
    format!("returning {tasks} to the queue")
}
