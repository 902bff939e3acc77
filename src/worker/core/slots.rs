//! The tasks that run now, by slot.

use super::delivery::Delivery;
use crate::base::backoff::Backoff;
use crate::base::fault::Fault;
use std::time::{Duration, Instant};

/// The first and the longest pause before a command is started again that could not be, for want
/// of memory, processes or descriptors. Other commands give some back when they end.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A task that runs now, or is about to.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) delivery: Delivery,
    pub(super) started: Instant,
    /// Set while its command cannot be started.
    waits: Option<StartPause>,
}

#[derive(Clone, Copy, Debug)]
struct StartPause {
    until: Instant,
    backoff: Backoff,
    /// The command has been told to start since.
    begun: bool,
}

/// A fixed number of slots, counted from 0; people are shown them from 1.
#[derive(Debug)]
pub(super) struct Slots {
    tasks: Vec<Option<Running>>,
    running: usize,
    /// How many wait for their command to be started.
    waiting: usize,
}

impl Slots {
    pub(super) fn new(count: usize) -> Self {
        Self {
            tasks: (0..count).map(|_| None).collect(),
            running: 0,
            waiting: 0,
        }
    }

    /// How many tasks run.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running == 0
    }

    /// Whether no slot is free.
    pub(super) fn is_full(&self) -> bool {
        self.running == self.tasks.len()
    }

    /// The task in a slot.
    pub(super) fn delivery(&self, slot: usize) -> Option<&Delivery> {
        let running = self.tasks.get(slot)?.as_ref()?;
        Some(&running.delivery)
    }

    /// The first free slot.
    pub(super) fn free(&self) -> Option<usize> {
        if self.is_full() {
            return None;
        }
        self.tasks.iter().position(Option::is_none)
    }

    pub(super) fn put(&mut self, slot: usize, delivery: Delivery, started: Instant) {
        let running = Running {
            delivery,
            started,
            waits: None,
        };
        if self.tasks[slot].replace(running).is_none() {
            self.running += 1;
        }
    }

    pub(super) fn take(&mut self, slot: usize) -> Option<Running> {
        let taken = self.tasks.get_mut(slot)?.take()?;
        self.running -= 1;
        self.waiting -= usize::from(taken.waits.is_some());
        Some(taken)
    }

    /// When each of the running tasks began.
    pub(super) fn running_since(&self) -> impl Iterator<Item = Instant> {
        self.tasks.iter().flatten().map(|running| running.started)
    }

    /// All running tasks.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Running> {
        self.tasks.iter_mut().flatten()
    }

    /// The command in `slot` could not be started. Returns whether it is the first such one.
    pub(super) fn not_started(&mut self, slot: usize, now: Instant) -> bool {
        let Some(Some(running)) = self.tasks.get_mut(slot) else {
            return false;
        };
        let is_new = self.waiting == 0;
        self.waiting += usize::from(running.waits.is_none());
        let first = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let mut backoff = running.waits.map_or(first, |waits| waits.backoff);
        running.waits = Some(StartPause {
            until: now + backoff.step(),
            backoff,
            begun: false,
        });
        is_new
    }

    /// The slots whose command is to be started again by now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<usize> {
        if self.waiting == 0 {
            return Vec::new();
        }
        let mut due = Vec::new();
        for (slot, running) in self.tasks.iter_mut().enumerate() {
            if let Some(waits) = running.as_mut().and_then(|running| running.waits.as_mut()) {
                if !waits.begun && waits.until <= now {
                    waits.begun = true;
                    due.push(slot);
                }
            }
        }
        due
    }

    /// The slots whose command does not run, since it could not be started.
    pub(super) fn without_command(&self) -> Vec<usize> {
        if self.waiting == 0 {
            return Vec::new();
        }
        self.slots_where(|running| running.waits.is_some_and(|waits| !waits.begun))
    }

    /// All slots that hold a task.
    pub(super) fn occupied(&self) -> Vec<usize> {
        self.slots_where(|_| true)
    }

    fn slots_where(&self, wanted: impl Fn(&Running) -> bool) -> Vec<usize> {
        let tasks = self.tasks.iter().enumerate();
        tasks
            .filter(|(_, running)| running.as_ref().is_some_and(&wanted))
            .map(|(slot, _)| slot)
            .collect()
    }

    /// When the next command is to be started again.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        if self.waiting == 0 {
            return None;
        }
        let waiting = self.tasks.iter().flatten().filter_map(|task| task.waits);
        let waiting = waiting.filter(|waits| !waits.begun);
        waiting.map(|waits| waits.until).min()
    }
}

/// Why a command does not run.
#[derive(Clone, Debug)]
pub enum CannotRun {
    /// For want of memory, processes or descriptors: it may run later. Why.
    ForNow(String),
    /// It cannot be run any more, whatever the task.
    Ever(Fault),
}

#[cfg(test)]
mod tests;
