//! Results that are waited for.

use super::pending::PendingTask;
use super::run_time::RunTime;
use crate::amqp::Delivery;
use std::collections::HashMap;
use uuid::Uuid;

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
}

/// An id in little space: millions may be waited for.
#[derive(Debug)]
enum Id {
    Uuid(Uuid),
    Text(Box<str>),
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        // Other ways of writing a UUID would not come out as they went in.
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.to_string() == text => Self::Uuid(uuid),
            _ => Self::Text(text.into()),
        }
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        match id {
            Id::Uuid(uuid) => uuid.to_string(),
            Id::Text(text) => text.into(),
        }
    }
}

/// A task whose result is waited for.
#[derive(Debug)]
struct AwaitedResult {
    id: Id,
    /// The channel that it was published on, of all that there were.
    channel: u64,
    /// The broker has confirmed it, so that it will not be published again.
    is_confirmed: bool,
}

/// Tasks whose results are waited for, by their numbers. A result comes to the channel that its
/// task was published on, or not at all.
#[derive(Debug, Default)]
pub(super) struct AwaitedResults {
    awaited: HashMap<u64, AwaitedResult>,
    /// The present channel.
    channel: u64,
}

impl AwaitedResults {
    /// This task is about to be sent.
    pub(super) fn expect(&mut self, task: &PendingTask) {
        let awaited = AwaitedResult {
            id: Id::from(task.task.id()),
            channel: self.channel,
            is_confirmed: false,
        };
        self.awaited.insert(task.number, awaited);
    }

    /// It is published on the present channel.
    pub(super) fn published(&mut self, number: u64) {
        if let Some(awaited) = self.awaited.get_mut(&number) {
            awaited.channel = self.channel;
        }
    }

    /// It is confirmed. Its number and id if no result will come, as its channel is gone.
    pub(super) fn confirmed(&mut self, number: u64) -> Option<(u64, String)> {
        let awaited = self.awaited.get_mut(&number)?;
        awaited.is_confirmed = true;
        if awaited.channel == self.channel {
            return None;
        }
        let awaited = self.awaited.remove(&number)?;
        Some((number, awaited.id.into()))
    }

    /// No result will come to this one.
    pub(super) fn forget(&mut self, number: u64) {
        self.awaited.remove(&number);
    }

    pub(super) fn len(&self) -> usize {
        self.awaited.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty()
    }

    /// The task's number and result, unless it was told before.
    pub(super) fn came(&mut self, delivery: Delivery) -> Option<(u64, TaskResult)> {
        let number = delivery.properties.correlation_id()?.parse().ok()?;
        let id = self.awaited.remove(&number)?.id.into();
        Some((number, TaskResult::new(delivery, id)))
    }

    /// The channel is gone. The numbers and ids, in order, of the tasks whose results will not
    /// come; the others are published again.
    pub(super) fn channel_gone(&mut self) -> Vec<(u64, String)> {
        self.channel += 1;
        let (gone, left): (HashMap<_, _>, _) = std::mem::take(&mut self.awaited)
            .into_iter()
            .partition(|(_, awaited)| awaited.is_confirmed);
        self.awaited = left;
        let ids = gone
            .into_iter()
            .map(|(number, awaited)| (number, awaited.id.into()));
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        ids
    }
}

impl TaskResult {
    fn new(delivery: Delivery, id: String) -> Self {
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
            stdout: delivery.body,
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new_task::record::RecordEnd;
    use crate::task::{TaskOptions, Template};

    fn expecting(count: u64) -> AwaitedResults {
        let template = Template::new(&TaskOptions::default());
        let mut results = AwaitedResults::default();
        for number in 1..=count {
            let task = template.task(b"body".to_vec());
            let end = RecordEnd::Lf;
            results.expect(&PendingTask { number, task, end });
        }
        results
    }

    fn numbers(gone: &[(u64, String)]) -> Vec<u64> {
        gone.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn with_the_channel_go_the_results_of_what_is_confirmed() {
        let mut results = expecting(4);
        assert_eq!(results.confirmed(1), None);
        assert_eq!(results.confirmed(3), None);
        assert_eq!(numbers(&results.channel_gone()), [1, 3]);
        // Confirmed late, by a queue that was too young before.
        assert!(results.confirmed(2).is_some());
        results.published(4);
        assert_eq!(results.confirmed(4), None);
        assert_eq!(numbers(&results.channel_gone()), [4]);
        assert!(results.is_empty());
    }
}
