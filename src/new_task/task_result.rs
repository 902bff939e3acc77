//! What a worker tells of a task that it did.

use super::listed_task::ListedTask;
use super::run_time::RunTime;
use crate::amqp::{AckToken, Delivery};

/// What a worker tells of a task that it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskResult {
    /// What the task's command wrote to stdout.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to stderr.
    pub stderr: String,
    /// `done`, `dead-lettered` or `dropped`.
    pub outcome: String,
    /// Its exit code, where it ended by itself.
    pub exit_code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<u8>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where it was done.
    pub host: Option<String>,
    /// When it ran.
    pub time: RunTime,
    /// stdout is not whole, as it was too large to send.
    pub is_truncated: bool,
    /// The id of the task.
    pub id: String,
    /// The task, where the result tells it and it is shown.
    pub task: Option<Box<ListedTask>>,
    /// What its message is acknowledged with, when its output is written.
    pub token: Option<AckToken>,
}

impl TaskResult {
    /// Of a task that another command has sent.
    pub(super) fn of_task(delivery: Delivery) -> Self {
        let id = delivery.properties.header("task-id").unwrap_or_default();
        Self::new(delivery, id)
    }

    /// Of the task with this id.
    pub(super) fn new(delivery: Delivery, id: String) -> Self {
        let properties = &delivery.properties;
        let header = |name: &str| properties.header(name);
        Self {
            stderr: header("task-stderr").unwrap_or_default(),
            outcome: header("task-outcome").unwrap_or_default(),
            exit_code: header("task-exit-code").and_then(|text| text.parse().ok()),
            signal: header("task-signal").and_then(|text| text.parse().ok()),
            error: header("task-error"),
            host: header("task-host"),
            time: RunTime::of(properties),
            is_truncated: header("task-truncated").is_some(),
            task: None,
            token: Some(delivery.token),
            stdout: delivery.body,
            id,
        }
    }
}
