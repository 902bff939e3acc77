//! What the tests of several parts need.

use super::Moment;
use super::delivery::Delivery;
use crate::amqp::{AckToken, Properties};
use crate::task::{Task, TaskOptions, Template};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The same moment all the time.
pub(super) fn moment() -> Moment {
    static MOMENT: OnceLock<Moment> = OnceLock::new();
    *MOMENT.get_or_init(Moment::now)
}

/// A task as `new_task` makes it.
pub(in crate::worker) fn task(body: &str) -> Task {
    Template::new(&TaskOptions::default()).task(body.as_bytes().to_vec())
}

/// A task without an id.
pub(super) fn by_another_program(body: &str) -> Task {
    Task {
        body: body.as_bytes().to_vec(),
        properties: Properties::persistent(),
    }
}

/// A task whose sender waits for the result.
pub(super) fn asking(body: &str) -> Task {
    let mut task = task(body);
    task.properties = task
        .properties
        .with_reply_to("amq.rabbitmq.reply-to.x".to_owned());
    task
}

/// A task that came just now.
pub(super) fn delivery(task: Task) -> Delivery {
    static TAG: AtomicU64 = AtomicU64::new(1);
    let tag = TAG.fetch_add(1, Ordering::Relaxed);
    Delivery::new(task, false, AckToken { channel: 1, tag })
}
