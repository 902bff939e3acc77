//! The tasks that run now, by slot.

use super::output::{Answer, Capture, StdoutTo};
use crate::amqp::AckToken;
use crate::task::Task;
use std::sync::Arc;
use std::time::Instant;

/// A task for the thread of a slot.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) slot: usize,
    pub(super) task: Arc<Task>,
    pub(super) redelivered: bool,
    pub(super) capture: Capture,
    pub(super) answer: Answer,
    pub(super) stdout_to: StdoutTo,
}

/// A task that runs now.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) task: Arc<Task>,
    pub(super) redelivered: bool,
    /// `None` once the connection is gone over which the task came.
    pub(super) token: Option<AckToken>,
    /// The consumer was cancelled since: the broker may have handed the task out again.
    pub(super) is_doubtful: bool,
    pub(super) started: Instant,
    /// When pretended work will be done.
    pub(super) due: Option<Instant>,
}

/// A fixed number of slots, counted from 0; people are shown them from 1.
#[derive(Debug)]
pub(super) struct Slots {
    slots: Vec<Option<Running>>,
    running: usize,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self {
            slots: (0..count).map(|_| None).collect(),
            running: 0,
        }
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many tasks run.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running == 0
    }

    /// The first free slot.
    pub(super) fn free(&self) -> Option<usize> {
        if self.running == self.slots.len() {
            return None;
        }
        self.slots.iter().position(Option::is_none)
    }

    pub(super) fn put(&mut self, slot: usize, running: Running) {
        if self.slots[slot].replace(running).is_none() {
            self.running += 1;
        }
    }

    pub(super) fn take(&mut self, slot: usize) -> Option<Running> {
        let taken = self.slots.get_mut(slot)?.take();
        self.running -= usize::from(taken.is_some());
        taken
    }

    /// All running tasks.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Running> {
        self.slots.iter_mut().flatten()
    }

    /// The broker may have handed out again what runs now.
    pub(super) fn doubt_tokens(&mut self) {
        for running in self.iter_mut() {
            running.is_doubtful = true;
        }
    }

    /// When the next pretended work will be done.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.slots.iter().flatten().filter_map(|run| run.due).min()
    }

    /// The slot whose pretended work was to be done first, if that is by now.
    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        let due = |slot: &Option<Running>| slot.as_ref().and_then(|run| run.due);
        let (slot, at) = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((index, due(slot)?)))
            .min_by_key(|(_, at)| *at)?;
        (at <= now).then_some(slot)
    }
}
