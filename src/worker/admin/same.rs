//! Dead letters of one task: a worker that lost its connection at the wrong moment leaves two.

use crate::task::Task;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// How many of each task there were. The id alone does not tell: users may give one to several tasks.
#[derive(Default)]
pub(super) struct SameTasks {
    hasher: RandomState,
    counts: HashMap<u64, u32>,
}

impl SameTasks {
    /// One more of this task: how many there have been.
    pub(super) fn add(&mut self, task: &Task) -> u32 {
        let count = self.counts.entry(self.key(task)).or_default();
        *count += 1;
        *count
    }

    /// How many there have been of the task with this key.
    pub(super) fn count(&self, key: u64) -> u32 {
        self.counts.get(&key).copied().unwrap_or(0)
    }

    /// What a task is known by.
    pub(super) fn key(&self, task: &Task) -> u64 {
        self.hasher.hash_one((task.id(), &task.body))
    }
}
