//! What is published on a task's behalf: copies, dead letters, results.

use super::Moment;
use super::account::{Account, Detail};
use super::headers;
use super::policy::Ending;
use super::result_message::{Fate, ResultMessage, marked_as_truncated};
use crate::queues::{Destination, QueueName, ReplyPolicy};
use crate::task::Task;
use std::time::UNIX_EPOCH;
use uuid::Builder;

/// In whose name messages are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Author<'a> {
    pub(super) host: &'a str,
    pub(super) queue: &'a QueueName,
    pub(super) replies: &'a ReplyPolicy,
}

impl Author<'_> {
    /// The result for the client that waits for the outcome, if one does.
    pub(super) fn result(
        self,
        task: &Task,
        fate: Fate,
        account: &mut Account,
        id: String,
    ) -> Option<ResultMessage> {
        let to = self.replies.destination(task.properties.reply_to()?)?;
        let mut properties = match to {
            Destination::Results(_) => task.repeated_in(task.properties.answer().made_persistent()),
            _ => task.properties.answer(),
        };
        properties = properties
            .with_id(id)
            .with_header("task-id", task.id().to_owned())
            .with_header("task-outcome", fate.name().to_owned())
            .with_header(headers::HOST, self.host.to_owned());
        if fate != Fate::Done {
            properties = properties.with_header(headers::ERROR, account.reason.clone());
        }
        let stderr = account.stderr();
        let body = Vec::new();
        let Some(outcome) = &mut account.outcome else {
            return Some(ResultMessage::new(to, Task { body, properties }));
        };
        properties = properties
            .with_header("task-duration-ms", account.took.as_millis().to_string())
            .with_header(headers::STDERR, stderr);
        if let Some(at) = account.started {
            // A machine without a clock of its own begins in 1970.
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            let at = since.as_millis().to_string();
            properties = properties.with_header(headers::STARTED_AT, at);
        }
        match outcome.ending {
            Ending::Exit(code) => {
                properties = properties.with_header("task-exit-code", code.to_string());
            }
            Ending::Signal(signal) => {
                properties = properties.with_header("task-signal", signal.to_string());
            }
            Ending::TimedOut(_) | Ending::NotStarted(_) | Ending::Impossible(_) => {}
        }
        let body = std::mem::take(&mut outcome.result);
        let mut task = Task { body, properties };
        if outcome.is_truncated {
            task = marked_as_truncated(task);
        }
        Some(ResultMessage::new(to, task))
    }

    /// A dead letter with its story, as far as `detail` allows.
    pub(super) fn dead_letter(
        self,
        task: &Task,
        account: &Account,
        detail: Detail,
        now: Moment,
    ) -> Task {
        let properties = task.properties.for_another_publish();
        let properties = properties.without_header(headers::REDELIVERIES);
        if detail == Detail::Nothing {
            return task.with(properties);
        }
        let mut properties =
            properties.with_header(headers::ATTEMPTS, headers::attempt(task).to_string());
        if detail == Detail::Reason {
            let reason = beginning(&account.reason);
            return task.with(properties.with_header(headers::ERROR, reason));
        }
        let at = humantime::format_rfc3339_millis(now.wall).to_string();
        properties = properties
            .with_header(headers::ERROR, account.reason.clone())
            .with_header(headers::HOST, self.host.to_owned())
            .with_header(headers::FAILED_AT, at)
            .with_header(headers::QUEUE, self.queue.as_str().to_owned());
        if detail == Detail::Full {
            properties = properties.with_header(headers::STDERR, account.stderr());
        }
        task.with(properties)
    }
}

/// A copy of a task that has had an outcome. Its returns are counted anew.
#[must_use]
pub fn failed_once_more(task: &Task) -> Task {
    let attempts = headers::attempt(task).to_string();
    let properties = task
        .properties
        .for_another_publish()
        .without_header(headers::REDELIVERIES)
        .with_header(headers::ATTEMPTS, attempts);
    task.with(properties)
}

/// A copy of a task that has not begun, for other workers: this delivery does not count as a return,
/// and the task has not been taken in time yet.
#[must_use]
pub fn handed_on(task: &Task) -> Task {
    let copy = match headers::redeliveries(task, false) {
        0 => task.with(task.properties.for_another_publish()),
        // The next queue counts from 0 again.
        returns => returned_so_often(task, returns),
    };
    let properties = copy.properties.with_expiration_of(&task.properties);
    Task { properties, ..copy }
}

/// A copy of a task that came back this often.
#[must_use]
pub fn returned_so_often(task: &Task, returns: u64) -> Task {
    let properties = task.properties.for_another_publish();
    task.with(properties.with_header(headers::REDELIVERIES, returns.to_string()))
}

/// An id for message `number`, a UUID of version 7. Unique within one worker, which is all that a
/// result needs.
pub(super) fn id(now: Moment, number: u64) -> String {
    let since = now.wall.duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    let mut rest = [0; 10];
    rest[2..].copy_from_slice(&number.to_be_bytes());
    let millis = u64::try_from(millis).unwrap_or(u64::MAX);
    Builder::from_unix_timestamp_millis(millis, &rest)
        .into_uuid()
        .to_string()
}

/// What fits where little does.
fn beginning(reason: &str) -> String {
    const FITS: usize = 64;
    reason.chars().take(FITS).collect()
}

#[cfg(test)]
mod tests;
