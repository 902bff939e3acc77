//! Answers straight to the channel that asked, and what becomes of them where nobody asks any more.

use super::broker::method::{Publish, Request, Settle, Settlement};
use super::broker::{ASKS, DIRECT_REPLY};
use super::claims::{confirms, consume, delete, durable, publish, settle};
use super::{Comparison, Step};
use crate::env::{shared, unique};
use std::rc::Rc;
use work_queue::amqp::Properties;
use work_queue::task::Task;

/// A task whose sender wants the answer on the channel that it comes from.
fn question(to: &str) -> Request {
    let properties = Properties::persistent()
        .with_reply_to(ASKS.to_owned())
        .with_correlation_id("1".to_owned());
    let body = b"question".to_vec();
    Request::Publish(Publish {
        to: to.to_owned(),
        mandatory: true,
        task: Rc::new(Task { body, properties }),
    })
}

fn listen() -> Request {
    Request::Consume {
        queue: ASKS.to_owned(),
        consumer: 7,
        settlement: Settlement::ByTheBroker,
    }
}

#[test]
fn answers_reach_the_channel_that_asked_as_long_as_it_is_there() {
    let queue = unique("model");
    let mut comparison = Comparison::new(shared());
    comparison.run([
        (1, durable(&queue, &super::claims::quorum())),
        (1, confirms()),
        (1, listen()),
        (1, question(&queue)),
        (2, confirms()),
        (2, consume(&queue, 1)),
    ]);
    comparison.step(&Step::Answer(2, 1));
    comparison.step(&Step::Leave(1));
    comparison.step(&Step::Answer(2, 1));
    // The one who answers goes on, whatever became of the answer.
    comparison.run([
        (2, settle(1, false, Settle::Ack)),
        (2, publish(&queue, "x")),
    ]);
    comparison.run(delete(&[&queue]));
}

#[test]
fn an_answer_wanted_without_a_consumer_for_it_is_refused() {
    let queue = unique("model");
    let mut comparison = Comparison::new(shared());
    comparison.run([
        (1, durable(&queue, &super::claims::quorum())),
        (1, confirms()),
        (1, question(&queue)),
    ]);
    comparison.run(delete(&[&queue]));
}

#[test]
fn addresses_that_no_channel_ever_had() {
    let mut comparison = Comparison::new(shared());
    for (client, end) in [(1, "nonsense"), (2, "g1h2AA.key"), (3, "")] {
        let to = format!("{DIRECT_REPLY}{end}");
        comparison.run([(client, confirms()), (client, publish(&to, "answer"))]);
    }
}
