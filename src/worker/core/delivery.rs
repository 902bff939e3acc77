//! A task that the broker has delivered, and what makes it this task.

use super::headers;
use crate::amqp::AckToken;
use crate::task::Task;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Instant;

/// A task that was delivered to this worker.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The task, as it came.
    pub task: Arc<Task>,
    /// Whether the broker may have delivered it before.
    pub redelivered: bool,
    /// What it is settled with. `None` once the connection is gone over which it came.
    pub token: Option<AckToken>,
    /// When it came.
    pub(super) came: Option<Instant>,
}

impl Delivery {
    /// A task that came just now.
    #[must_use]
    pub fn new(task: Task, redelivered: bool, token: AckToken) -> Self {
        Self {
            task: Arc::new(task),
            redelivered,
            token: Some(token),
            came: None,
        }
    }

    /// How often it came back without an outcome.
    pub(super) fn returns(&self) -> u64 {
        headers::redeliveries(&self.task, self.redelivered)
    }

    /// Whether it can be told from every other task. Other programs send equal tasks that must all
    /// be done.
    pub(super) fn is_unique(&self) -> bool {
        self.task.has_own_id()
    }

    /// Whether both are the same message, as far as can be told: for a unique task, one is the
    /// other's redelivery.
    pub(super) fn is_same_message(&self, other: &Task) -> bool {
        self.task.id() == other.id()
            && self.task.body == other.body
            && self.task.properties.identity() == other.properties.identity()
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.task)
    }
}

/// Identifies a task by its body and all of its properties but the count of its returns: the copy
/// with a higher count is the same task. A retry, or a replay, is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    pub(super) fn of(task: &Task) -> Self {
        let properties = task.properties.clone();
        let mut hasher = DefaultHasher::new();
        properties
            .without_header(headers::REDELIVERIES)
            .identity()
            .hash(&mut hasher);
        task.body.hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{delivery, task};
    use super::*;

    #[test]
    fn a_copy_is_the_same_task_and_another_message() {
        let original = delivery(task("x"));
        let mut copy = original.clone();
        let raised = copy.task.properties.clone();
        copy.task = Arc::new(Task {
            body: copy.task.body.clone(),
            properties: raised.with_header(headers::REDELIVERIES, "1".to_owned()),
        });
        assert_eq!(original.fingerprint(), copy.fingerprint());
        assert!(!copy.is_same_message(&original.task));
        assert!(original.is_same_message(&original.task));
        let retried = copy.task.properties.clone();
        let retried = Task {
            body: copy.task.body.clone(),
            properties: retried.with_header(headers::ATTEMPTS, "1".to_owned()),
        };
        assert_ne!(Fingerprint::of(&retried), original.fingerprint());
    }
}
