//! The result of a task, as a message.

use crate::queues::Destination;
use crate::task::Task;

/// The result, for the client that waits for it.
#[derive(Clone, Debug)]
pub(super) struct ResultMessage {
    pub(super) to: Destination,
    pub(super) task: Task,
    /// Whether the broker found it too long with its body.
    pub(super) is_shortened: bool,
}

impl ResultMessage {
    pub(super) fn new(to: Destination, task: Task) -> Self {
        Self {
            to,
            task,
            is_shortened: false,
        }
    }

    /// What is published. The body goes with it.
    pub(super) fn take(&mut self) -> Task {
        Task {
            body: std::mem::take(&mut self.task.body),
            properties: self.task.properties.clone(),
        }
    }

    /// Whether a queue keeps it.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.to, Destination::Results(_))
    }

    /// The same without a body, which the broker finds too long.
    pub(super) fn shortened(self) -> Self {
        Self {
            task: marked_as_truncated(self.task),
            is_shortened: true,
            to: self.to,
        }
    }
}

/// How a task finally ended, as its result tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    DeadLettered,
    Dropped,
}

impl Fate {
    /// As the header says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DeadLettered => "dead-lettered",
            Self::Dropped => "dropped",
        }
    }
}

/// The same, with a header that says that its output is cut off.
pub(super) fn marked_as_truncated(mut result: Task) -> Task {
    let properties = std::mem::take(&mut result.properties);
    result.properties = properties.with_header("task-truncated", "true".to_owned());
    result
}
