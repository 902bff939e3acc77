//! Why tasks were not sent, as the user reads it. Pure.

use super::flight::Refusal;
use super::{Backlog, SendOptions};
use crate::fault::{Fault, Kind};
use crate::topology::{Declare, WorkQueue};
use humantime::format_duration;
use std::time::Duration;

/// `the task`, `3 tasks`.
fn tasks(count: usize) -> String {
    match count {
        1 => "the task".to_owned(),
        _ => format!("{count} tasks"),
    }
}

/// `the task is`, `3 tasks are`.
fn are(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", tasks(count))
}

pub(super) fn unroutable(queue: &WorkQueue, reason: &str) -> String {
    let name = &queue.name;
    match queue.declare {
        Declare::No => format!(
            "no queue took the task: there is no queue `{name}` ({reason}); check --queue, or \
             leave --no-declare out so that it is declared"
        ),
        Declare::Yes => format!(
            "no queue took the task: queue `{name}` was deleted ({reason}), and is declared again"
        ),
    }
}

pub(super) fn nacked(queue: &WorkQueue) -> String {
    format!(
        "the broker refused the task (nack): queue `{}` is full or unavailable",
        queue.name
    )
}

/// The user wants no more; so many tasks are unconfirmed, and `perhaps` some are in the queue.
pub(super) fn interrupted(count: usize, perhaps: bool) -> Fault {
    let text = match (count, perhaps) {
        (0, _) => "interrupted".to_owned(),
        (count, false) => format!("interrupted; {} not sent", are(count)),
        (count, true) => format!(
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

pub(super) fn unsettled() -> Fault {
    let text = "the broker refused some tasks and says nothing of the others";
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

/// The largest body that the broker takes, as RabbitMQ tells it of a larger one: `message size
/// 200000000 is larger than configured max size 134217728`.
pub(super) fn largest_body(fault: &Fault) -> Option<usize> {
    let text = &fault.reply()?.text;
    let (_, max) = text.split_once("is larger than configured max size ")?;
    let digits = max.bytes().take_while(u8::is_ascii_digit).count();
    max[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Reply;

    #[test]
    fn the_largest_size_is_read_from_the_brokers_words() {
        let text = "PRECONDITION_FAILED - message size 200000000 is larger than configured max \
                    size 134217728";
        let text = text.to_owned();
        let fault = Fault::new(Kind::NotTaken, "").with_reply(Reply { code: 406, text });
        assert_eq!(largest_body(&fault), Some(134_217_728));
        assert_eq!(largest_body(&Fault::new(Kind::NotTaken, "")), None);
    }
}
