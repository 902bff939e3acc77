//! Brokers that are killed, restarted, or short of memory.

use super::broker::declaration::Arguments;
use super::broker::method::{ChannelId, Request, Settle};
use super::claims::{confirms, consume, durable, passive, publish, quorum, settle};
use super::{Comparison, Step, Trouble};
use crate::env::{Broker, unique};
use std::time::Duration;

/// What was declared is on the broker's disk: it takes a moment for that.
fn note_queues(broker: &Broker) {
    broker.ctl(&["-q", "eval", "[dets:sync(T) || T <- dets:all()]."]);
}

/// A queue with three messages, two of which are held by a client.
fn fill(client: ChannelId, queue: &str, arguments: &Arguments) -> Vec<(ChannelId, Request)> {
    let holder = client + 1;
    vec![
        (client, durable(queue, arguments)),
        (client, confirms()),
        (client, publish(queue, "a")),
        (client, publish(queue, "b")),
        (client, publish(queue, "c")),
        (holder, Request::Prefetch(2)),
        (holder, consume(queue, 1)),
    ]
}

/// All three are there, and no others.
fn fetch(client: ChannelId, queue: &str) -> Vec<(ChannelId, Request)> {
    let mut all = vec![(client, passive(queue))];
    all.extend((0..4).map(|_| (client, Request::Get(queue.to_owned()))));
    all
}

#[test]
fn what_was_confirmed_outlives_a_restart_and_a_kill() {
    let broker = Broker::private("", "");
    let queues = [
        (10, unique("model"), Arguments::default()),
        (20, unique("model"), quorum()),
        (
            30,
            unique("model"),
            quorum().with_number("x-delivery-limit", 3),
        ),
    ];
    let mut comparison = Comparison::new(&broker);
    for (client, queue, arguments) in &queues {
        comparison.run(fill(*client, queue, arguments));
    }
    note_queues(&broker);
    for trouble in [Trouble::Restarted, Trouble::Killed] {
        comparison.step(&Step::Trouble(trouble));
        for (client, queue, _) in &queues {
            comparison.run(fetch(*client, queue));
            comparison.step(&Step::Leave(*client));
            comparison.run([
                (*client + 1, passive(queue)),
                (*client + 1, Request::Prefetch(2)),
                (*client + 1, consume(queue, 1)),
            ]);
        }
    }
}

/// Quorum queues note a moment later that they are there. Our publisher waits for that.
#[test]
fn a_quorum_queue_that_was_just_made_may_lose_what_it_confirmed() {
    /// The moment is missed where the machine is slow.
    const TRIES: u32 = 5;
    let broker = Broker::private("", "");
    for _ in 0..TRIES {
        let queue = unique("model");
        let mut comparison = Comparison::new(&broker);
        comparison.model.quiet = Duration::from_millis(50);
        comparison.run([
            (1, durable(&queue, &quorum())),
            (1, confirms()),
            (1, publish(&queue, "a")),
        ]);
        comparison.step(&Step::Trouble(Trouble::Killed));
        let admin = crate::env::Admin::new(&broker, "model");
        if admin.ready_in(&queue) == 0 {
            comparison.run([(2, passive(&queue))]);
            return;
        }
    }
    panic!("it was not lost in {TRIES} tries");
}

#[test]
fn a_broker_short_of_memory_reads_no_publishes_and_goes_on_with_the_rest() {
    let broker = Broker::private("", "");
    let queue = unique("model");
    let mut comparison = Comparison::new(&broker);
    comparison.run([
        (1, durable(&queue, &Arguments::default())),
        (1, confirms()),
        (1, publish(&queue, "a")),
        (1, publish(&queue, "b")),
        (2, confirms()),
        (3, Request::Prefetch(1)),
    ]);
    comparison.step(&Step::Trouble(Trouble::Alarm));
    comparison.run([
        (1, publish(&queue, "c")),
        (1, publish(&queue, "d")),
        // Without a body.
        (2, publish(&queue, "")),
        (2, publish(&queue, "e")),
        (3, consume(&queue, 1)),
        (3, settle(1, false, Settle::Ack)),
        (3, settle(2, false, Settle::Ack)),
        (4, passive(&queue)),
    ]);
    comparison.step(&Step::Trouble(Trouble::AlarmOver));
}
