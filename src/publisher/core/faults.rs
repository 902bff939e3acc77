//! Why messages were not confirmed, as the user reads it.

use super::config::Backlog;
use super::pace::Refusal;
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::queues::{Declare, QueueName};
use humantime::format_duration;
use std::time::Duration;

/// `the task`, `3 tasks`.
fn tasks(count: usize) -> String {
    match count {
        1 => "the task".to_owned(),
        _ => format!("{count} tasks"),
    }
}

/// Why queue `name` does not take tasks.
#[must_use]
pub fn refusal(refusal: &Refusal, name: &str, declare: Declare) -> String {
    let name = escape(name.as_bytes());
    match refusal {
        Refusal::Nack => {
            format!("the broker refused the task (nack): queue `{name}` is full or unavailable")
        }
        Refusal::Unroutable(reason) => match declare {
            Declare::No => format!(
                "no queue took the task: there is no queue `{name}` ({reason}); check --queue, or \
                 leave --no-declare out so that it is declared"
            ),
            Declare::Yes => format!(
                "no queue took the task: queue `{name}` was deleted ({reason}), and is declared \
                 again"
            ),
        },
        Refusal::Undeclared(why) => why.clone(),
    }
}

/// Nothing was confirmed for as long as that may take.
pub(super) fn gave_up(
    queue: &QueueName,
    limit: Duration,
    count: usize,
    blocked: Option<&str>,
    refusal: Option<String>,
) -> Fault {
    let limit = format_duration(limit);
    let text = match (refusal, blocked) {
        (Some(refusal), _) => {
            format!("{refusal}; gave up after {limit} without a confirm (--confirm-timeout)")
        }
        (None, blocked) => {
            let why = match blocked {
                Some(reason) => format!("it has stopped accepting tasks: {reason}"),
                None => "it is overloaded or frozen".to_owned(),
            };
            let they = if count == 1 { "The task" } else { "They" };
            format!(
                "the broker did not confirm {} for queue `{queue}` within {limit} \
                 (--confirm-timeout); {why}. {they} may or may not be in the queue",
                tasks(count)
            )
        }
    };
    Fault::new(Kind::NotTaken, text)
}

pub(super) fn silent(limit: Duration) -> Fault {
    let text = format!(
        "the broker has confirmed and said nothing for {}",
        format_duration(Duration::from_secs(limit.as_secs()))
    );
    Fault::new(Kind::Lost, text)
}

pub(super) fn backlog_full(queue: &QueueName, limit: Backlog, ready: u32) -> Fault {
    let max = limit.max;
    let waited = match limit.timeout {
        Duration::ZERO => "use --backlog-timeout to wait".to_owned(),
        timeout => format!(
            "waited for {} (--backlog-timeout)",
            format_duration(timeout)
        ),
    };
    let text = format!(
        "{ready} tasks are waiting in queue `{queue}`, and --max-backlog is {max}; {waited}"
    );
    Fault::new(Kind::NotTaken, text)
}

/// The broker never takes this message: it was alone when the broker closed the connection.
pub(super) fn never_taken(fault: Fault) -> Fault {
    if fault.kind == Kind::NotTaken {
        return fault;
    }
    let text = format!("the broker does not accept this task: {fault}");
    let never = Fault::new(Kind::NotTaken, text);
    match fault.reply() {
        Some(reply) => never.with_reply(reply.clone()),
        None => never,
    }
}

pub(super) fn header_too_large(len: usize, max: usize) -> Fault {
    let text = format!(
        "the task's headers are too large: with its other properties they take {len} bytes, and the \
         broker takes {max}; send large values in the body"
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
    use crate::base::fault::Reply;

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
