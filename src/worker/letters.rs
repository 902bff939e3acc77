//! What is published on a task's behalf: copies, dead letters, answers. Pure.

use super::outcome::{Decision, Ending};
use super::output::Output;
use super::slots::Running;
use super::{events, redelivery};
use crate::task::Task;
use crate::topology::QueueName;
use std::time::SystemTime;
use uuid::Uuid;

/// An answer to whoever waits for the outcome.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) to: String,
    pub(super) task: Task,
}

/// The answer to whoever waits for the outcome, where it is final.
pub(super) fn answer(
    host: &str,
    running: &Running,
    ending: &Ending,
    decision: &Decision,
    output: &Output,
) -> Option<Reply> {
    let outcome = match decision {
        Decision::Done => "done",
        Decision::DeadLetter => "dead-lettered",
        Decision::Drop => "dropped",
        Decision::Retry(_) | Decision::Requeue => return None,
    };
    let (to, properties) = running.task.properties.answer()?;
    let duration = running.started.elapsed().as_millis().to_string();
    let mut properties = properties
        .with_header("task-outcome", outcome.to_owned())
        .with_header("task-duration-ms", duration)
        .with_header(redelivery::HOST, host.to_owned())
        .with_header(redelivery::STDERR, output.tail.text());
    match ending {
        Ending::Exit(code) => {
            properties = properties.with_header("task-exit-code", code.to_string());
        }
        Ending::Signal(signal) => {
            properties = properties.with_header("task-signal", signal.to_string());
        }
        Ending::TimedOut(_) | Ending::NotStarted(_) | Ending::Impossible(_) => {}
    }
    if *decision != Decision::Done {
        properties = properties.with_header(redelivery::ERROR, ending.describe());
    }
    if output.is_truncated {
        properties = properties.with_header("task-truncated", "true".to_owned());
    }
    let properties = properties.with_id(Uuid::now_v7().to_string());
    let body = output.result.clone();
    Some(Reply {
        to,
        task: Task { body, properties },
    })
}

/// The answer where a task is put with the dead letters that has not begun.
pub(super) fn burial(task: &Task, host: &str) -> Option<Reply> {
    let (to, properties) = task.properties.answer()?;
    let properties = properties
        .with_id(Uuid::now_v7().to_string())
        .with_header("task-outcome", "dead-lettered".to_owned())
        .with_header(redelivery::HOST, host.to_owned());
    let body = Vec::new();
    Some(Reply {
        to,
        task: Task { body, properties },
    })
}

/// A dead letter with its story.
pub(super) fn dead_letter(
    task: &Task,
    reason: &str,
    stderr: &str,
    host: &str,
    queue: &QueueName,
) -> Task {
    let mut letter = failed_once_more(task);
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let queue = queue.as_str().to_owned();
    letter.properties = letter
        .properties
        .with_header(redelivery::ERROR, reason.to_owned())
        .with_header(redelivery::STDERR, stderr.to_owned())
        .with_header(redelivery::HOST, host.to_owned())
        .with_header(redelivery::FAILED_AT, now)
        .with_header(redelivery::QUEUE, queue);
    letter
}

/// A copy of a task that has had an outcome, and begins anew to count its returns.
pub(super) fn failed_once_more(task: &Task) -> Task {
    let attempts = events::attempt(task).to_string();
    let properties = task
        .properties
        .for_another_publish()
        .without_header(redelivery::REDELIVERIES)
        .with_header(redelivery::ATTEMPTS, attempts);
    let body = task.body.clone();
    Task { body, properties }
}

/// A copy of a task that came back so often.
pub(super) fn returned_so_often(task: &Task, returns: u64) -> Task {
    let properties = task.properties.for_another_publish();
    Task {
        body: task.body.clone(),
        properties: properties.with_header(redelivery::REDELIVERIES, returns.to_string()),
    }
}
