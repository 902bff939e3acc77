//! One thread for each slot, which runs the command and waits for it.

use super::command::TaskCommand;
use super::group::Group;
use super::job::{Job, TimeLimits};
use super::next_job::{NextJob, Then};
use super::run::{self, Ran};
use crate::base::fault::{Fault, Kind};
use crate::worker::core::CannotRun;
use crate::worker::incoming::Incoming;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::process::Signal;
use std::io;
use std::thread;

/// The threads of the slots.
pub struct Pool {
    slots: Vec<(Sender<Job>, Group)>,
    next: NextJob,
}

impl Pool {
    /// Starts a thread for each of `count` slots. What a job came to is told over `messages`.
    ///
    /// # Errors
    /// [`Kind::SetUp`] where the system does not allow that many threads.
    pub fn start(
        count: usize,
        command: &TaskCommand,
        limits: TimeLimits,
        messages: &Sender<Incoming>,
    ) -> Result<Self, Fault> {
        let mut slots = Vec::with_capacity(count);
        let next = NextJob::default();
        for slot in 0..count {
            let (sender, jobs) = unbounded();
            let group = Group::default();
            let thread = SlotThread {
                slot,
                jobs,
                next: next.clone(),
                command: command.clone(),
                limits,
                group: group.clone(),
                messages: messages.clone(),
            };
            thread::Builder::new()
                .name(format!("slot {}", slot + 1))
                .spawn(move || thread.run())
                .map_err(|error| too_many(slot, &error))?;
            slots.push((sender, group));
        }
        Ok(Self { slots, next })
    }

    /// Begins a job in its slot, which must be free.
    pub fn begin(&self, job: Job) {
        // The thread ends only when this sender is dropped.
        let _ = self.slots[job.start.slot].0.send(job);
    }

    /// Offers a job to the first slot that is done with another.
    pub fn offer(&self, job: Job) {
        self.next.offer(job);
    }

    /// Takes back what was offered: `false` if a slot has taken it. It tells so at once.
    pub fn take_back(&self) -> bool {
        self.next.take().is_some()
    }

    /// Sends `signal` to the process groups of all running commands.
    pub fn signal(&self, signal: Signal) {
        for (_, group) in &self.slots {
            group.signal(signal);
        }
    }
}

fn too_many(slots: usize, error: &io::Error) -> Fault {
    let text = format!(
        "cannot start a thread for slot {}: {error}; take a smaller --concurrency, or raise the \
         limit (`ulimit -u`, or TasksMax= of a systemd unit)",
        slots + 1
    );
    Fault::new(Kind::SetUp, text)
}

struct SlotThread {
    slot: usize,
    jobs: Receiver<Job>,
    next: NextJob,
    command: TaskCommand,
    limits: TimeLimits,
    group: Group,
    messages: Sender<Incoming>,
}

impl SlotThread {
    fn run(self) {
        let mut piece = Vec::new();
        while let Ok(job) = self.jobs.recv() {
            let mut next = Some(job);
            while let Some(mut job) = next {
                job.start.slot = self.slot;
                let ran = run::run(&self.command, &job, self.limits, &self.group, &mut piece);
                // Before the owner hears of it, so that the task is the owner's alone again.
                drop(job);
                next = self.tell(ran);
            }
        }
    }

    /// Tells what a job came to, and returns the next one. If the command could not be run, that
    /// job stays in this slot.
    fn tell(&self, ran: Result<Ran, CannotRun>) -> Option<Job> {
        let next = ran.is_ok().then(|| self.next.take()).flatten();
        let then = match next {
            Some(_) => Then::TakesNext,
            None => Then::Waits,
        };
        let slot = self.slot;
        let _ = self.messages.send(Incoming::Ran { slot, ran, then });
        next
    }
}

#[cfg(test)]
mod tests;
