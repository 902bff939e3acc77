//! Messages that lie aside, and then reach the work queue.

use super::Comparison;
use super::broker::declaration::Arguments;
use super::broker::method::{Request, Settle};
use super::claims::{confirms, consume, delete, durable, passive, publish, quorum, settle};
use crate::env::{Broker, shared, unique};
use std::time::Duration;

/// The arguments of a delay queue.
fn delay(milliseconds: i64, work: &str) -> Arguments {
    quorum()
        .with_number("x-message-ttl", milliseconds)
        .with_text("x-dead-letter-exchange", "")
        .with_text("x-dead-letter-routing-key", work)
        .with_text("x-dead-letter-strategy", "at-least-once")
        .with_text("x-overflow", "reject-publish")
}

#[test]
fn what_has_expired_reaches_the_work_queue_with_its_history() {
    for work_arguments in [Arguments::default(), quorum()] {
        let (work, [first, second]) = (unique("model"), ["model", "model"].map(unique));
        let mut comparison = Comparison::new(shared());
        comparison.run([
            (1, durable(&work, &work_arguments)),
            (1, durable(&first, &delay(100, &work))),
            // The work queue of the second is the first delay queue: two deaths.
            (1, durable(&second, &delay(100, &first))),
            (1, confirms()),
            (2, consume(&work, 1)),
            (1, publish(&first, "a")),
            (1, publish(&second, "b")),
            (2, settle(1, false, Settle::Nack)),
            (2, settle(2, true, Settle::Ack)),
            (1, passive(&first)),
            (1, passive(&second)),
        ]);
        comparison.run(delete(&[&work, &first, &second]));
    }
}

/// Tries again what has expired after a second.
fn impatient() -> Broker {
    let advanced = "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 1000}]}].\n";
    Broker::private("", advanced)
}

#[test]
fn what_has_expired_waits_for_a_work_queue_that_is_missing_or_full() {
    let broker = impatient();
    let mut comparison = Comparison::with(&broker, broker.first_url(), |settings| {
        settings.transfers_again = Duration::from_secs(1);
    });
    let (work, aside) = (unique("model"), unique("model"));
    let full = Arguments::default()
        .with_number("x-max-length", 1)
        .with_text("x-overflow", "reject-publish");
    comparison.run([
        (1, durable(&aside, &delay(100, &work))),
        (1, confirms()),
        (1, publish(&aside, "a")),
        (1, publish(&aside, "b")),
        (1, passive(&aside)),
        (1, durable(&work, &full)),
        (1, passive(&aside)),
        (2, Request::Prefetch(1)),
        (2, consume(&work, 1)),
        (2, settle(1, false, Settle::Ack)),
        (1, passive(&aside)),
    ]);
}
