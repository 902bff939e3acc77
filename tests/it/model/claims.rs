//! One script for each claim.

use super::Comparison;
use super::broker::declaration::{Answer, Arguments, Declaration, Wish};
use super::broker::method::{ChannelId, Publish, Request, Settle, Settlement};
use crate::env::{shared, unique};

pub fn durable(queue: &str, arguments: &Arguments) -> Request {
    declare(queue, Wish::Durable(arguments.clone()))
}

pub fn passive(queue: &str) -> Request {
    declare(queue, Wish::Passive)
}

fn declare(queue: &str, wish: Wish) -> Request {
    Request::Declare(Declaration {
        queue: queue.to_owned(),
        wish,
        answer: Answer::Wanted,
    })
}

pub fn publish(to: &str, body: &str) -> Request {
    Request::Publish(Publish::plain(to, body))
}

pub fn consume(queue: &str, consumer: u32) -> Request {
    Request::Consume {
        queue: queue.to_owned(),
        consumer,
        settlement: Settlement::ByTheClient,
    }
}

pub fn settle(tag: u64, multiple: bool, how: Settle) -> Request {
    Request::Settle { tag, multiple, how }
}

pub fn confirms() -> Request {
    Request::Confirms(Answer::Wanted)
}

pub fn quorum() -> Arguments {
    Arguments::default().with_text("x-queue-type", "quorum")
}

/// Each step with the number of its client. The queues are deleted at the end.
fn run(queues: &[&str], steps: impl IntoIterator<Item = (ChannelId, Request)>) {
    let mut comparison = Comparison::new(shared());
    comparison.run(steps);
    comparison.run(delete(queues));
}

/// Deletes queues, as the last steps of a script.
pub fn delete(queues: &[&str]) -> impl Iterator<Item = (ChannelId, Request)> {
    let deleted = queues
        .iter()
        .map(|queue| Request::Delete((*queue).to_owned()));
    deleted.map(|request| (90, request))
}

#[test]
fn declarations_that_differ_are_refused_in_the_same_words() {
    let (plain, replicated) = (unique("model"), unique("model"));
    let classic = Arguments::default().with_text("x-queue-type", "classic");
    let none = Arguments::default();
    let priorities = none.clone().with_number("x-max-priority", 5);
    let ttl = none.clone().with_number("x-message-ttl", 500);
    let other_ttl = none.clone().with_number("x-message-ttl", 600);
    let limit = quorum().with_number("x-delivery-limit", 5);
    let timed = unique("model");
    let mut client = 0;
    let mut each = |queue: &str, arguments: &Arguments| {
        client += 1;
        (client, durable(queue, arguments))
    };
    run(
        &[&plain, &replicated, &timed],
        [
            each(&plain, &none),
            each(&plain, &none),
            each(&plain, &classic),
            each(&plain, &quorum()),
            each(&plain, &priorities),
            each(&plain, &ttl),
            each(&replicated, &quorum()),
            each(&replicated, &none),
            each(&replicated, &classic),
            each(&replicated, &limit),
            each(&timed, &ttl),
            each(&timed, &other_ttl),
            each(&timed, &none),
            (40, declare(&plain, Wish::Transient)),
            (41, passive(&plain)),
            (42, passive(&unique("missing"))),
            (43, consume(&unique("missing"), 1)),
            (44, Request::Get(unique("missing"))),
            (45, Request::Delete(unique("missing"))),
        ],
    );
}

#[test]
fn what_no_queue_takes_comes_back_and_is_confirmed_all_the_same() {
    let queue = unique("model");
    run(
        &[&queue],
        [
            (1, durable(&queue, &Arguments::default())),
            (1, confirms()),
            (1, publish(&queue, "a")),
            (1, publish(&unique("missing"), "b")),
            (1, publish(&queue, "c")),
            (1, passive(&queue)),
        ],
    );
}

#[test]
fn full_queues_refuse_beyond_their_limit() {
    let (classic, replicated) = (unique("model"), unique("model"));
    let full = |arguments: Arguments| {
        arguments
            .with_number("x-max-length", 2)
            .with_text("x-overflow", "reject-publish")
    };
    let fill_up = |client: u16, queue: &str| {
        let publishes = (0..5).map(move |body: u32| body.to_string());
        let queue = queue.to_owned();
        publishes.map(move |body| (client, publish(&queue, &body)))
    };
    let take = |client: u16, queue: &str| (client, Request::Get(queue.to_owned()));
    run(
        &[&classic, &replicated],
        [
            (1, durable(&classic, &full(Arguments::default()))),
            (1, durable(&replicated, &full(quorum()))),
            (1, confirms()),
        ]
        .into_iter()
        .chain(fill_up(1, &classic))
        .chain([take(2, &classic)])
        .chain(fill_up(1, &classic))
        .chain(fill_up(1, &replicated)),
    );
}

#[test]
fn prefetch_bounds_what_is_handed_out_and_returns_keep_their_places() {
    for arguments in [Arguments::default(), quorum()] {
        let queue = unique("model");
        let publishes = (0..6).map(|body: u32| (1, publish(&queue, &body.to_string())));
        run(
            &[&queue],
            [(1, durable(&queue, &arguments)), (1, confirms())]
                .into_iter()
                .chain(publishes)
                .chain([
                    (2, Request::Prefetch(3)),
                    (2, consume(&queue, 1)),
                    (2, settle(2, false, Settle::Nack)),
                    (2, settle(1, false, Settle::Ack)),
                    (2, settle(3, false, Settle::Reject)),
                    (2, settle(4, true, Settle::Nack)),
                    (1, passive(&queue)),
                    (2, Request::Cancel(1)),
                    (1, passive(&queue)),
                    (2, settle(4, true, Settle::Ack)),
                ]),
        );
    }
}
