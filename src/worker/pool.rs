//! One thread for each slot, which runs the command and waits for it.

use super::Message;
use super::child::{self, Limits};
use super::command::TaskCommand;
use super::group::Group;
use super::slots::Job;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::process::Signal;
use std::io;
use std::thread;

/// The threads of the slots.
pub(super) struct Pool {
    slots: Vec<(Sender<Job>, Group)>,
}

impl Pool {
    /// Starts a thread for each of `count` slots.
    pub(super) fn start(
        count: usize,
        command: &TaskCommand,
        limits: Limits,
        messages: &Sender<Message>,
    ) -> io::Result<Self> {
        let mut slots = Vec::with_capacity(count);
        for slot in 0..count {
            let (sender, jobs) = unbounded();
            let group = Group::default();
            let worker = SlotThread {
                jobs,
                command: command.clone(),
                limits,
                group: group.clone(),
                messages: messages.clone(),
            };
            thread::Builder::new()
                .name(format!("slot {}", slot + 1))
                .spawn(move || worker.run())?;
            slots.push((sender, group));
        }
        Ok(Self { slots })
    }

    /// Begins a job in its slot, which must be free.
    pub(super) fn begin(&self, job: Job) {
        // The thread ends only when this sender is dropped.
        let _ = self.slots[job.slot].0.send(job);
    }

    /// Sends `signal` to the process groups of all running commands.
    pub(super) fn signal(&self, signal: Signal) {
        for (_, group) in &self.slots {
            group.signal(signal);
        }
    }
}

struct SlotThread {
    jobs: Receiver<Job>,
    command: TaskCommand,
    limits: Limits,
    group: Group,
    messages: Sender<Message>,
}

impl SlotThread {
    fn run(self) {
        let mut piece = Vec::new();
        while let Ok(job) = self.jobs.recv() {
            let ran = child::run(&self.command, &job, self.limits, &self.group, &mut piece);
            let slot = job.slot;
            // Before the owner hears of it, so that the task is the owner's alone again.
            drop(job);
            let _ = self.messages.send(Message::Ran { slot, ran });
        }
    }
}
