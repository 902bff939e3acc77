//! One thread for each slot, which runs the command and waits for it.

use super::command::TaskCommand;
use super::group::Group;
use super::job::{Job, TimeLimits};
use super::next_jobs::{Ended, Next, NextJobs, Wake};
use super::pipe::Scratch;
use super::run::{Ran, Run};
use crate::base::fault::{Fault, Kind};
use crate::worker::core::CannotRun;
use crate::worker::incoming::Incoming;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::process::Signal;
use std::collections::VecDeque;
use std::io;
use std::thread;

/// The threads of the slots.
pub struct Pool {
    slots: Vec<(Sender<Job>, Group)>,
    next: NextJobs,
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
        let next = NextJobs::default();
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

    /// Offers jobs to the slots that are done with others, in this order. What these came to is told by
    /// [`Pool::take_back`]: the owner is woken for `enough` of them, or when the first has waited a while.
    pub fn offer(&self, jobs: VecDeque<Job>, enough: usize) {
        self.next.offer(jobs, enough);
    }

    /// Takes back what no slot has taken. Returns the ends of the jobs before those that were taken, in
    /// the same order.
    pub fn take_back(&self) -> Vec<Ended> {
        self.next.take_back()
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
    next: NextJobs,
    command: TaskCommand,
    limits: TimeLimits,
    group: Group,
    messages: Sender<Incoming>,
}

impl SlotThread {
    fn run(self) {
        let mut scratch = Scratch::default();
        while let Ok(job) = self.jobs.recv() {
            let mut next = Some(job);
            while let Some(mut job) = next {
                job.start.slot = self.slot;
                let takes_longer = || self.wake(self.next.takes_longer());
                let run = Run {
                    command: &self.command,
                    job: &job,
                    limits: self.limits,
                    group: &self.group,
                    takes_longer: &takes_longer,
                };
                let ran = run.to_end(&mut scratch);
                // Before the owner hears of it, so that the task is the owner's alone again.
                drop(job);
                next = self.tell(ran);
            }
        }
    }

    /// Tells what a job came to, and returns the next one. If the command could not be run, that
    /// job stays in this slot.
    fn tell(&self, ran: Result<Ran, CannotRun>) -> Option<Job> {
        let slot = self.slot;
        let ran = match ran.map(|ran| self.next.take(slot, ran)) {
            Ok(Next::Begins(job, wake)) => {
                self.wake(wake);
                return Some(job);
            }
            Ok(Next::Waits(ran)) => Ok(ran),
            Err(why) => Err(why),
        };
        let _ = self.messages.send(Incoming::Ran { slot, ran });
        None
    }

    fn wake(&self, wake: Wake) {
        if wake == Wake::Yes {
            let _ = self.messages.send(Incoming::TookNext);
        }
    }
}

#[cfg(test)]
mod tests;
