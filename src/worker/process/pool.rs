//! One thread for each slot, which runs the command and waits for it.

use super::command::TaskCommand;
use super::group::Group;
use super::job::{Job, TimeLimits};
use super::run;
use crate::base::fault::{Fault, Kind};
use crate::worker::incoming::Incoming;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::process::Signal;
use std::io;
use std::thread;

/// The threads of the slots.
pub struct Pool {
    slots: Vec<(Sender<Job>, Group)>,
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
        for slot in 0..count {
            let (sender, jobs) = unbounded();
            let group = Group::default();
            let thread = SlotThread {
                jobs,
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
        Ok(Self { slots })
    }

    /// Begins a job in its slot, which must be free.
    pub fn begin(&self, job: Job) {
        // The thread ends only when this sender is dropped.
        let _ = self.slots[job.start.slot].0.send(job);
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
    jobs: Receiver<Job>,
    command: TaskCommand,
    limits: TimeLimits,
    group: Group,
    messages: Sender<Incoming>,
}

impl SlotThread {
    fn run(self) {
        let mut piece = Vec::new();
        while let Ok(job) = self.jobs.recv() {
            let ran = run::run(&self.command, &job, self.limits, &self.group, &mut piece);
            let slot = job.start.slot;
            // Before the owner hears of it, so that the task is the owner's alone again.
            drop(job);
            let _ = self.messages.send(Incoming::Ran { slot, ran });
        }
    }
}
