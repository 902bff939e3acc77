//! What a broker refuses: what is too large, what nobody may, and deliveries that nobody settles.

use super::broker::declaration::Arguments;
use super::broker::method::{Publish, Request, Settle};
use super::broker::{FRAME_MAX, Permissions, Series};
use super::claims::{confirms, consume, delete, durable, passive, publish, quorum, settle};
use super::{Comparison, series};
use crate::env::{Broker, shared, unique};
use std::rc::Rc;
use std::time::Duration;
use work_queue::amqp::Properties;
use work_queue::task::Task;

#[test]
fn a_header_that_fits_into_no_frame_ends_the_connection() {
    let queue = unique("model");
    let with_header = |len: usize| {
        let none = Properties::persistent().with_header("large", String::new());
        let rest = len - none.header_len();
        let properties = Properties::persistent().with_header("large", "h".repeat(rest));
        assert_eq!(properties.header_len(), len);
        let body = b"x".to_vec();
        Request::Publish(Publish {
            to: queue.clone(),
            mandatory: true,
            task: Rc::new(Task { body, properties }),
        })
    };
    let mut comparison = Comparison::new(shared());
    comparison.run([
        (1, durable(&queue, &Arguments::default())),
        (1, confirms()),
        // The broker is not strict.
        (1, with_header(FRAME_MAX + 8)),
        (1, with_header(FRAME_MAX + 9)),
        (2, passive(&queue)),
    ]);
    comparison.run(delete(&[&queue]));
}

#[test]
fn who_may_not_declare_or_publish_loses_the_channel() {
    let broker = shared();
    let (queue, [reader, writer]) = (unique("model"), ["reader", "writer"].map(unique));
    let owner = &mut Comparison::new(broker);
    owner.run([(1, durable(&queue, &Arguments::default()))]);
    broker.add_users([
        (&*reader, "secret", [".*", "^$", ".*"]),
        (&*writer, "secret", ["^$", ".*", ".*"]),
    ]);
    let compare = |user: &str, permissions, request: Request| {
        let url = broker.url_with(&format!("{user}:secret"), "");
        let mut comparison = Comparison::with(broker, &url, |settings| {
            user.clone_into(&mut settings.user);
            settings.permissions = permissions;
        });
        comparison.make_known(&queue);
        comparison.run([(1, passive(&queue)), (1, confirms()), (1, request)]);
    };
    compare(&reader, Permissions::NoWrite, publish(&queue, "x"));
    let none = Arguments::default();
    compare(&writer, Permissions::NoConfigure, durable(&queue, &none));
    let missing = durable(&unique("missing"), &none);
    compare(&writer, Permissions::NoConfigure, missing);
    compare(&writer, Permissions::NoConfigure, publish(&queue, "x"));
    broker.delete_users([&*reader, &*writer]);
    owner.step(&super::Step::Leave(1));
    crate::env::Admin::new(broker, "model").delete_queue(&queue);
}

/// Its largest body is 100,000 bytes, and a consumer has a second for each delivery.
fn strict() -> Broker {
    let advanced = "[{rabbit, [{consumer_timeout, 1000}, {channel_tick_interval, 300}, \
                    {quorum_tick_interval, 300}]}].\n";
    Broker::private("max_message_size = 100000\n", advanced)
}

#[test]
fn bodies_that_are_too_large_and_deliveries_that_nobody_settles() {
    let broker = strict();
    let mut comparison = Comparison::with(&broker, broker.first_url(), |settings| {
        settings.max_message_size = 100_000;
        settings.consumer_timeout = Duration::from_secs(1);
    });
    let (plain, replicated) = (unique("model"), unique("model"));
    comparison.run([
        (1, durable(&plain, &Arguments::default())),
        (1, durable(&replicated, &quorum())),
        (1, confirms()),
        (1, publish(&plain, &"x".repeat(100_000))),
        (1, publish(&plain, &"x".repeat(100_001))),
        (2, passive(&plain)),
        (2, Request::Purge(plain.clone())),
        (3, confirms()),
        (3, publish(&plain, "a")),
        (3, publish(&replicated, "b")),
        (4, consume(&plain, 1)),
        (5, consume(&replicated, 1)),
        (3, passive(&plain)),
        (3, passive(&replicated)),
        (6, Request::Get(replicated.clone())),
        (6, settle(1, false, Settle::Ack)),
    ]);
    if series(&broker) == Some(Series::V4_3) {
        // The one is in time, however late; the other comes too late, and does no harm.
        comparison.run([
            (4, settle(1, false, Settle::Ack)),
            (5, settle(1, false, Settle::Ack)),
            (4, passive(&plain)),
            (5, passive(&replicated)),
        ]);
    }
}
