//! What is told, to people and to programs.

use super::delivery::Delivery;
use super::policy::{Decision, Ending};
use crate::task::Task;
use std::sync::Arc;
use std::time::Duration;

/// The task that an event is about.
#[derive(Clone, Debug)]
pub struct TaskEvent {
    /// The task.
    pub task: Arc<Task>,
    /// Whether it was, or may have been, delivered before.
    pub redelivered: bool,
    /// Where it ran, from 0, if it did.
    pub slot: Option<usize>,
}

impl TaskEvent {
    pub(super) fn of(delivery: &Delivery, slot: Option<usize>) -> Self {
        Self {
            task: Arc::clone(&delivery.task),
            redelivered: delivery.redelivered,
            slot,
        }
    }
}

/// Something to tell.
#[derive(Clone, Debug)]
pub enum Event {
    /// Consuming began on a new channel.
    Consuming,
    /// A task begins.
    Received(TaskEvent),
    /// A task is done.
    Done {
        /// Which.
        of: TaskEvent,
        /// How long it took.
        took: Duration,
    },
    /// A task has failed.
    Failed {
        /// Which.
        of: TaskEvent,
        /// How long it took.
        took: Duration,
        /// How it ended.
        ending: Ending,
        /// What becomes of it.
        next: Decision,
    },
    /// A task waits in a delay queue, confirmed.
    Retried {
        /// Which.
        of: TaskEvent,
        /// How long.
        pause: Duration,
    },
    /// A task lies with the dead letters, confirmed.
    DeadLettered {
        /// Which.
        of: TaskEvent,
        /// Why.
        reason: String,
    },
    /// A task is forgotten.
    Dropped(TaskEvent),
    /// A task goes back to the queue without an outcome, or a copy of it does.
    Returned(TaskEvent),
    /// A task that has had its outcome here before is acknowledged without being done again.
    Skipped(TaskEvent),
    /// The connection was lost; why.
    Disconnected(String),
    /// No tasks are taken for now; why.
    Paused(String),
    /// Tasks are taken again.
    Resumed,
    /// No new tasks are taken; this many still run.
    Draining(usize),
    /// Of interest.
    Note(String),
    /// Of concern.
    Warning(String),
    /// Of interest to those who want to know everything.
    Detail(String),
}
