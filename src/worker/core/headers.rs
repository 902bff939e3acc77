//! The headers that carry a task's history.
//!
//! A task that kills its worker, for lack of memory say, comes back to the next one, and would
//! circle for ever. Quorum queues count deliveries; classic ones only mark a message as
//! *redelivered*, whether once or a hundred times. So the count is kept in a header: a worker that
//! receives a redelivered task first publishes a copy with the count raised by one, waits for
//! the confirm, acknowledges the original, and does the copy when it is delivered in its turn.
//!
//! This loses no task: at every moment the broker holds the original, or the copy, or both. A
//! worker that dies in between leaves both, and the task may be done twice, which the promise
//! allows. The circle ends, as each return raises the count, and at the limit the task becomes a
//! dead letter. To a quorum queue a copy is a new message, so the queue's own delivery limit, which
//! from RabbitMQ 4.0 on discards silently, is not reached either.

use crate::task::Task;

/// How many attempts have failed.
pub const ATTEMPTS: &str = "task-attempts";
/// How often the task came back without an outcome.
pub const REDELIVERIES: &str = "task-redeliveries";
/// How often it was sent anew from the dead letters. Tells one life of a task from the next.
pub const REPLAYS: &str = "task-replays";
/// Why it became a dead letter.
pub const ERROR: &str = "task-error";
/// The end of its last stderr.
pub const STDERR: &str = "task-stderr";
/// Where it failed last.
pub const HOST: &str = "task-host";
/// When it failed last.
pub const FAILED_AT: &str = "task-failed-at";
/// When it began, the last time, in milliseconds since 1970. On results alone.
pub const STARTED_AT: &str = "task-started-at";
/// The queue that it came from.
pub const QUEUE: &str = "task-queue";

/// How often a quorum queue had the task back, by its own count.
pub const DELIVERY_COUNT: &str = "x-delivery-count";

/// Whether a header is one of those above, or the broker's own.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    name.starts_with("task-") || name.starts_with("x-")
}

/// A count from a header, 0 where there is none.
#[must_use]
pub fn count(task: &Task, header: &str) -> u64 {
    let text = task.properties.header(header);
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Which try of a task this is, from 1.
#[must_use]
pub fn attempt(task: &Task) -> u64 {
    count(task, ATTEMPTS).saturating_add(1)
}

/// How often `task` came back without an outcome, this delivery included.
#[must_use]
pub fn redeliveries(task: &Task, redelivered: bool) -> u64 {
    // A quorum queue counts returns itself; elsewhere the mark means at least one.
    let since_published = count(task, DELIVERY_COUNT).max(u64::from(redelivered));
    count(task, REDELIVERIES).saturating_add(since_published)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{TaskOptions, Template};

    #[test]
    fn returns_add_up_over_copies_and_queue_types() {
        let task = Template::new(&TaskOptions::default()).task(Vec::new());
        assert_eq!(redeliveries(&task, false), 0);
        assert_eq!(redeliveries(&task, true), 1);
        let mut copy = task;
        copy.properties = copy.properties.with_header(REDELIVERIES, "4".into());
        assert_eq!(redeliveries(&copy, false), 4);
        assert_eq!(redeliveries(&copy, true), 5);
        copy.properties = copy.properties.with_header("x-delivery-count", "2".into());
        assert_eq!(redeliveries(&copy, true), 6);
        copy.properties = copy.properties.with_header(REDELIVERIES, "x".into());
        assert_eq!(redeliveries(&copy, true), 2);
    }
}
