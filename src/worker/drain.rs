//! How a worker stops: no new tasks, prefetched ones go back, running ones finish.

use super::{Stop, Worker, events};
use crate::amqp::{Channel, Consuming, Event};
use crate::cli::Ack;
use crate::fault::Fault;
use serde_json::json;
use std::time::{Duration, Instant};

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
        for delivery in consuming.cancel()? {
            self.accept(delivery, channel);
        }
        self.give_back_backlog(channel)?;
        let grace_ends = self.grace_ends();
        while !self.slots.is_idle() {
            if self.stop_now || grace_ends.is_some_and(|at| at <= Instant::now()) {
                self.stop_now = true;
                return self.give_back_running(channel);
            }
            self.draw();
            let deadline = [self.next_deadline(), grace_ends]
                .into_iter()
                .flatten()
                .min();
            match consuming.wait(&self.messages, deadline) {
                Event::Inbox(message) => self.handle(message),
                Event::Ended(fault) => return Err(fault),
                Event::Delivery(_) | Event::Cancelled | Event::Timeout => {}
            }
            self.end_due_tasks(Some(channel));
        }
        Ok(())
    }

    /// Lets running tasks finish where there is no connection.
    pub(super) fn finish_running(&mut self, channel: Option<&Channel>) {
        let grace_ends = self.grace_ends();
        while !self.slots.is_idle() && !self.stop_now {
            self.draw();
            let deadline = [self.next_deadline(), grace_ends]
                .into_iter()
                .flatten()
                .min();
            let limit = deadline.map_or(Duration::MAX, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if let Ok(message) = self.messages.recv_timeout(limit) {
                self.handle(message);
            }
            self.end_due_tasks(channel);
            if grace_ends.is_some_and(|at| at <= Instant::now()) {
                self.stop_now = true;
            }
        }
        // What still runs is the broker's already: the connection over which it came is gone.
        for slot in 0..self.slots.len() {
            if let Some(running) = self.slots.take(slot) {
                self.totals.returned += 1;
                events::returned(self.report, Some(slot), &running.task, running.redelivered);
            }
        }
        self.flush();
    }

    fn grace_ends(&self) -> Option<Instant> {
        let grace = self.settings.grace?;
        Instant::now().checked_add(grace)
    }

    fn give_back_backlog(&mut self, channel: &Channel) -> Result<(), Fault> {
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

    fn give_back_running(&mut self, channel: &Channel) -> Result<(), Fault> {
        for slot in 0..self.slots.len() {
            let Some(running) = self.slots.take(slot) else {
                continue;
            };
            self.progress.ended(slot);
            self.totals.returned += 1;
            events::returned(self.report, Some(slot), &running.task, running.redelivered);
            if let (Some(token), false) = (running.token, self.settings.ack == Ack::Auto) {
                channel.requeue(token)?;
            }
        }
        self.flush();
        Ok(())
    }
}
