//! How a worker stops: no new tasks, prefetched ones go back, running ones finish.

use super::{Stop, Worker, events};
use crate::amqp::{Channel, Consuming, Event};
use crate::cli::Ack;
use crate::fault::Fault;
use rustix::process::Signal;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a worker that has nothing else to do waits for retries and dead letters to be taken.
/// It is not acknowledged before, so nothing is lost when the wait ends.
const ERRANDS_LIMIT: Duration = Duration::from_secs(10);

impl Worker<'_> {
    /// A signal came: the first one begins to stop, the second one stops.
    pub(super) fn signalled(&mut self) {
        self.signals += 1;
        if self.signals > 1 {
            self.stop_now = true;
            return;
        }
        self.stop(Stop::Signal);
        match self.slots.running() {
            0 => self.note("stopping"),
            1 => self.note(
                "stopping after the task that runs; once more Ctrl+C gives it back to the queue",
            ),
            count => self.note(&format!(
                "stopping after the {count} tasks that run; once more Ctrl+C gives them back to \
                 the queue"
            )),
        }
    }

    /// Takes nothing new, gives back what has not begun, and lets running tasks finish.
    pub(super) fn drain(&mut self, consuming: &mut Consuming<'_>) -> Result<(), Fault> {
        let channel = consuming.channel();
        events::plain(
            self.report,
            "draining",
            "running",
            json!(self.slots.running()),
        );
        self.flush();
        self.send_acks(channel);
        for delivery in consuming.cancel()? {
            self.backlog.push_back(delivery.into());
        }
        self.give_back_backlog(channel)?;
        let grace_ends = self.grace_ends();
        let mut errands_end: Option<Instant> = None;
        while !(self.slots.is_idle() && self.errands.is_empty()) {
            self.check_grace(grace_ends);
            if self.slots.is_idle() {
                let end = *errands_end.get_or_insert_with(|| Instant::now() + ERRANDS_LIMIT);
                if end <= Instant::now() {
                    self.warn(
                        "the broker does not take retries and dead letters; their tasks go back",
                    );
                    break;
                }
            }
            if self.stop_now {
                self.end_running(Some(channel));
                break;
            }
            self.draw();
            let deadline = [self.next_deadline(), grace_ends, errands_end]
                .into_iter()
                .flatten()
                .min();
            match consuming.wait(&self.messages, deadline) {
                Event::Inbox(message) => self.handle(message, Some(channel)),
                Event::Ended(fault) => return Err(fault),
                Event::Delivery(_) | Event::Cancelled | Event::Timeout => {}
            }
            self.end_due_tasks(Some(channel));
        }
        // An errand may have left its task to be begun.
        self.give_back_backlog(channel)
    }

    /// Lets running tasks finish where there is no connection. They cannot be acknowledged.
    pub(super) fn finish_running(&mut self) {
        let grace_ends = self.grace_ends();
        while !self.slots.is_idle() {
            self.check_grace(grace_ends);
            if self.stop_now {
                self.end_running(None);
                break;
            }
            self.draw();
            let deadline = [self.next_deadline(), grace_ends]
                .into_iter()
                .flatten()
                .min();
            self.await_message(deadline, None);
            self.end_due_tasks(None);
        }
        self.flush();
    }

    fn check_grace(&mut self, ends: Option<Instant>) {
        if ends.is_some_and(|at| at <= Instant::now()) && !self.stop_now {
            self.warn("the grace is over");
            self.stop_now = true;
        }
    }

    /// Ends what still runs; the tasks go back. TERM first, and KILL after `--kill-after` or at
    /// the next signal. A task goes back when its command has ended, so that it does not run twice
    /// at once.
    fn end_running(&mut self, channel: Option<&Channel>) {
        /// A killed process ends within milliseconds, unless it hangs in the kernel.
        const AFTER_KILL: Duration = Duration::from_secs(2);
        if let Some(pool) = &self.pool {
            let signals = self.signals;
            pool.signal(Signal::TERM);
            if !self.slots.is_idle() {
                let patience = humantime::format_duration(self.settings.limits.kill_after);
                self.note(&format!(
                    "ending the commands that run; once more Ctrl+C kills them, otherwise {patience} from now"
                ));
            }
            let patience = Instant::now().checked_add(self.settings.limits.kill_after);
            while !self.slots.is_idle()
                && patience.is_none_or(|at| Instant::now() < at)
                && self.signals == signals
            {
                self.await_message(patience, channel);
            }
            if let Some(pool) = &self.pool {
                pool.signal(Signal::KILL);
            }
            let patience = Instant::now() + AFTER_KILL;
            while !self.slots.is_idle() && Instant::now() < patience {
                self.await_message(Some(patience), channel);
            }
        }
        let running = self.slots.running();
        for slot in 0..self.slots.len() {
            self.give_back(slot, channel);
        }
        if running > 0 {
            self.note(&format!(
                "{running} unfinished task(s) go back to the queue"
            ));
        }
        self.flush();
    }

    fn await_message(&mut self, deadline: Option<Instant>, channel: Option<&Channel>) {
        let limit = deadline.map_or(Duration::MAX, |at| {
            at.saturating_duration_since(Instant::now())
        });
        if let Ok(message) = self.messages.recv_timeout(limit) {
            self.handle(message, channel);
        }
    }

    fn grace_ends(&self) -> Option<Instant> {
        let grace = self.settings.grace?;
        Instant::now().checked_add(grace)
    }

    pub(super) fn give_back_backlog(&mut self, channel: &Channel) -> Result<(), Fault> {
        if self.settings.ack == Ack::Auto {
            if !self.backlog.is_empty() {
                self.warn(&format!(
                    "{} task(s) that the broker had handed out are lost (--ack auto)",
                    self.backlog.len()
                ));
                self.backlog.clear();
            }
            return Ok(());
        }
        while let Some(handed) = self.backlog.pop_front() {
            self.totals.returned += 1;
            events::returned(self.report, None, &handed.task, handed.redelivered);
            channel.requeue(handed.token)?;
        }
        self.flush();
        Ok(())
    }

    /// Gives the task in `slot` back, if there is one.
    pub(super) fn give_back(&mut self, slot: usize, channel: Option<&Channel>) {
        let Some(running) = self.slots.take(slot) else {
            return;
        };
        self.progress.ended(slot);
        self.totals.returned += 1;
        events::returned(self.report, Some(slot), &running.task, running.redelivered);
        if self.settings.ack == Ack::Auto {
            return;
        }
        if let (Some(token), Some(channel)) = (running.token, channel) {
            // If it fails the connection is gone, and the task with it is back already.
            let _ = channel.requeue(token);
        }
    }
}
