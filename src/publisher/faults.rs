//! Why tasks were not sent, as the user reads it. Pure.

use super::flight::Refusal;
use super::{Backlog, SendOptions};
use crate::fault::{Fault, Kind};
use crate::topology::WorkQueue;
use humantime::format_duration;
use std::time::Duration;

/// `the task`, `3 tasks`.
pub(super) fn tasks(count: usize) -> String {
    match count {
        1 => "the task".to_owned(),
        _ => format!("{count} tasks"),
    }
}

/// `the task is`, `3 tasks are`.
pub(super) fn are(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", tasks(count))
}

pub(super) fn unroutable(queue: &WorkQueue, reason: &str) -> String {
    format!(
        "no queue took the task: there is no queue `{}` ({reason}); check --queue, or leave \
         --no-declare out so that it is declared",
        queue.name
    )
}

pub(super) fn nacked(queue: &WorkQueue) -> String {
    format!(
        "the broker refused the task (nack): queue `{}` is full or unavailable",
        queue.name
    )
}

pub(super) fn interrupted(under_way: usize) -> Fault {
    let text = match under_way {
        0 => "interrupted".to_owned(),
        count => format!(
            "interrupted before the broker had confirmed; {} may or may not be in the queue",
            tasks(count)
        ),
    };
    Fault::new(Kind::Interrupted, text)
}

/// Nothing was confirmed for as long as that may take.
pub(super) fn gave_up(
    queue: &WorkQueue,
    options: &SendOptions,
    count: usize,
    blocked: Option<&str>,
    refusal: Option<&Refusal>,
) -> Fault {
    let limit = format_duration(options.confirm_timeout);
    let text = match (refusal, blocked) {
        (Some(refusal), _) => format!(
            "{}; given up after {limit} without a confirm (--confirm-timeout)",
            refusal.describe(queue)
        ),
        (None, blocked) => {
            let why = match blocked {
                Some(reason) => format!("it has stopped taking tasks: {reason}"),
                None => "it is overloaded or frozen".to_owned(),
            };
            let they = if count == 1 { "The task" } else { "They" };
            format!(
                "the broker did not confirm {} for queue `{}` within {limit} (--confirm-timeout); \
                 {why}. {they} may or may not be in the queue",
                tasks(count),
                queue.name
            )
        }
    };
    Fault::new(Kind::NotTaken, text)
}

pub(super) fn silent(limit: Duration) -> Fault {
    let text = format!(
        "the broker confirms nothing and says nothing for {}",
        format_duration(limit)
    );
    Fault::new(Kind::Lost, text)
}

pub(super) fn unanswered(limit: Duration) -> Fault {
    let text = format!(
        "no outcome came for {} (--wait-timeout)",
        format_duration(limit)
    );
    Fault::new(Kind::NotTaken, text)
}

pub(super) fn backlog_full(queue: &WorkQueue, limit: Backlog, ready: u32) -> Fault {
    let max = limit.max;
    let waited = match limit.timeout {
        Duration::ZERO => "add --backlog-timeout to wait until it is shorter".to_owned(),
        timeout => format!(
            "waited for {} (--backlog-timeout)",
            format_duration(timeout)
        ),
    };
    let text = format!(
        "{ready} tasks are ready in queue `{}`, and --max-backlog is {max}; {waited}",
        queue.name
    );
    Fault::new(Kind::NotTaken, text)
}

/// The size of a body that was larger than the broker takes, as RabbitMQ tells it: `message size
/// 200000000 is larger than configured max size 134217728`.
pub(super) fn refused_size(fault: &Fault) -> Option<usize> {
    let text = &fault.reply()?.text;
    let (_, text) = text.split_once("message size ")?;
    let (size, text) = text.split_once(' ')?;
    text.contains("larger than").then_some(())?;
    size.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Reply;

    #[test]
    fn the_size_is_read_from_the_brokers_words() {
        let text = "PRECONDITION_FAILED - message size 200000000 is larger than configured max \
                    size 134217728";
        let text = text.to_owned();
        let fault = Fault::new(Kind::NotTaken, "").with_reply(Reply { code: 406, text });
        assert_eq!(refused_size(&fault), Some(200_000_000));
        assert_eq!(refused_size(&Fault::new(Kind::NotTaken, "")), None);
    }
}
