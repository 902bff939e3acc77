//! Messages on their way, and their verdicts.

use super::*;

#[test]
fn a_sender_connects_declares_without_waiting_and_publishes() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    assert_eq!(did, [Connect(Duration::ZERO)]);
    let did = bench.go_on(did);
    assert_eq!(did[1..], [OpenChannel], "before there is a task");
    assert!(bench.core.has_room(&Destination::Work, bench.now));
    let did = bench.send(1, Destination::Work);
    assert_eq!(did, [declared("q", Form::Blind), sent(1, "q")]);
    assert_eq!(bench.send(2, Destination::Work), [sent(2, "q")]);
    assert!(!bench.core.is_idle());
    let did = bench.settle(2, true, Confirm::Ack);
    assert_eq!(did, [safe(1, "q"), safe(2, "q")]);
    assert!(bench.core.is_idle());
    assert_eq!(bench.until, None);
}

#[test]
fn an_idle_worker_needs_no_connection_and_keeps_the_one_it_has() {
    let mut bench = Bench::new(config());
    assert_eq!(bench.run(), []);
    let did = bench.publish(1, dead());
    let make = declared("q.dead", Form::Make);
    let first = [
        Connect(Duration::ZERO),
        make,
        OpenChannel,
        sent(1, "q.dead"),
    ];
    assert_eq!(did, first);
    assert_eq!(bench.ack(1), [safe(1, "q.dead")]);
    assert_eq!(bench.publish(2, dead()), [sent(2, "q.dead")]);
    assert_eq!(bench.ack(2), [safe(2, "q.dead")]);
    assert_eq!(bench.handle(Input::ConnectionLost(lost())), [Tell("lost")]);
    let did = bench.publish(3, dead());
    assert_eq!(published(&did), [3]);
}

#[test]
fn what_a_lost_connection_leaves_is_sent_again_in_order() {
    let mut bench = Bench::new(config());
    for number in 1..=3 {
        bench.publish(number, Destination::Work);
    }
    bench.ack(2);
    let did = bench.handle(Input::ConnectionLost(lost()));
    assert!(matches!(did[..], [Tell("lost"), Connect(pause)] if !pause.is_zero()));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1, 3]);
    assert_eq!(bench.settle(2, true, Confirm::Ack).len(), 2);
}

#[test]
fn large_messages_over_a_slow_link_are_sent_once() {
    let mut bench = Bench::new(config());
    let did = bench.send_sized(1, SECOND, 12_000_000, 100);
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1]);
    // 200 kB/s, and the last megabytes lie in the system's buffers when all has left us.
    for second in 1..=60 {
        bench.now += Duration::from_secs(1);
        let leaves = (4_000_000 + second * 200_000).min(12_000_300);
        let did = bench.handle(Input::Written(leaves));
        assert_eq!(did, [], "{second}");
    }
    let did = bench.ack(1);
    let did = bench.go_on(did);
    let look = declared("q.delay.1000", Form::Look);
    assert_eq!(did, [look, safe(1, "q.delay.1000")]);
}

#[test]
fn without_permission_to_publish_each_message_is_refused() {
    let mut bench = Bench::new(config());
    let text = "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused";
    bench.publish(1, reply("a"));
    let did = bench.handle(Input::ChannelClosed(closed(403, text)));
    assert_eq!(did, [Refused(1, Scope::Destination)]);
    bench.publish(2, Destination::Work);
    bench.pass_at_most(Duration::from_secs(1));
    let did = bench.handle(Input::ChannelClosed(closed(403, text)));
    assert_eq!(did, [Refused(2, Scope::Destination)]);
}

#[test]
fn what_comes_back_is_sent_again_once_its_queue_is_there() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.publish(2, dead());
    bench.handle(Input::News(PublishNews::Returned {
        queue: "q.dead".to_owned(),
        id: Some("2".to_owned()),
        reason: "NO_ROUTE".to_owned(),
    }));
    let did = bench.settle(2, true, Confirm::Ack);
    assert_eq!(did, [safe(1, "q.dead"), Tell("refused")]);
    let did = bench.pass();
    assert_eq!(did, [declared("q.dead", Form::Make), sent(2, "q.dead")]);
    assert_eq!(bench.ack(3), [safe(2, "q.dead")]);
}

#[test]
fn equal_messages_that_come_back_are_all_sent_again() {
    let mut bench = Bench::new(config());
    for number in 1..=2 {
        let payload = Letter {
            id: "same".to_owned(),
            body: 1,
            header: 1,
        };
        let to = dead();
        let did = bench.handle(Input::Message(Message {
            number,
            to,
            payload,
        }));
        bench.go_on(did);
    }
    bench.handle(Input::News(PublishNews::Returned {
        queue: "q.dead".to_owned(),
        id: Some("same".to_owned()),
        reason: "NO_ROUTE".to_owned(),
    }));
    bench.settle(2, true, Confirm::Ack);
    assert_eq!(published(&bench.pass()), [1, 2]);
}

#[test]
fn a_result_that_nobody_takes_is_delivered() {
    let mut bench = Bench::new(config());
    for (tag, address) in [(1, "amq.rabbitmq.reply-to.gone"), (2, "amq.gen-gone")] {
        bench.publish(tag, Destination::Reply(address.to_owned()));
        bench.handle(came_back(address, tag));
        assert_eq!(bench.ack(tag), [safe(tag, "")]);
    }
    assert_eq!(published(&bench.publish(3, Destination::Work)), [3]);
}

#[test]
fn a_result_whose_queue_is_gone_is_delivered_and_a_full_one_is_tried_again() {
    let mut bench = Bench::new(config());
    let results = |name: &str| Destination::Results(name.to_owned());
    bench.publish(1, results("gone"));
    bench.handle(came_back("gone", 1));
    let look = declared("gone", Form::Look);
    assert_eq!(bench.ack(1), [look]);
    let gone = closed(404, "NOT_FOUND - no queue 'gone' in vhost '/'");
    let did = bench.handle(Input::DeclarationRefused {
        queue: "gone".to_owned(),
        fault: gone,
    });
    assert_eq!(did, [safe(1, "gone")]);
    bench.publish(2, results("full"));
    assert_eq!(bench.nack(2), [Tell("refused")]);
    // Nobody else waits for it.
    let other = bench.publish(3, results("other"));
    assert_eq!(published(&other), [3]);
    assert_eq!(bench.ack(3), [safe(3, "other")]);
    // On a new channel, in case that helps.
    assert_eq!(published(&bench.pass()), [2]);
    assert_eq!(bench.ack(1), [safe(2, "full")]);
}

#[test]
fn results_to_a_thousand_queues_take_few_routes() {
    let mut bench = Bench::new(config());
    for number in 1..=1000 {
        let to = Destination::Results(format!("results {number}"));
        assert_eq!(published(&bench.publish(number, to)), [number]);
        assert_eq!(
            bench.ack(number),
            [safe(number, &format!("results {number}"))]
        );
    }
    assert_eq!(bench.core.routes.len(), 2);
}

fn came_back(queue: &str, number: u64) -> Input<Letter> {
    Input::News(PublishNews::Returned {
        queue: queue.to_owned(),
        id: Some(number.to_string()),
        reason: "NO_ROUTE".to_owned(),
    })
}

#[test]
fn withdrawn_is_what_was_not_sent_and_perhaps_what_was() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.nack(1);
    let did = bench.handle(Input::Withdraw(1));
    assert_eq!(did, [Withdrawn(1, Sent::No)]);
    assert_eq!(bench.handle(Input::Withdraw(1)), []);
    assert!(bench.core.is_idle());

    bench.publish(2, Destination::Work);
    assert_eq!(bench.handle(Input::Withdraw(2)), [], "it may still leave");
    assert_eq!(bench.ack(2), [safe(2, "q")]);

    bench.publish(3, Destination::Work);
    bench.handle(Input::Withdraw(3));
    let did = bench.settle(0, true, Confirm::Nack);
    assert_eq!(did, [Withdrawn(3, Sent::No)]);
    bench.publish(3, SECOND);
    bench.handle(Input::Withdraw(3));
    let did = bench.handle(Input::ConnectionLost(lost()));
    assert_eq!(did[0], Withdrawn(3, Sent::Perhaps));

    bench.publish(3, SECOND);
    bench.handle(Input::News(PublishNews::Blocked(
        "low on memory".to_owned(),
    )));
    assert!(bench.core.is_blocked());
    let did = bench.handle(Input::Withdraw(3));
    assert_eq!(did, [Withdrawn(3, Sent::Perhaps)]);
    bench.handle(Input::ConnectionLost(lost()));
    assert!(!bench.core.is_blocked());
    assert!(bench.core.is_idle(), "it is not sent again");
}

#[test]
fn an_answer_stands_for_the_confirm() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    bench.publish(2, Destination::Work);
    assert_eq!(bench.handle(Input::Answered(1)), [safe(1, "q")]);
    assert_eq!(bench.settle(2, true, Confirm::Ack), [safe(2, "q")]);
    assert_eq!(bench.handle(Input::Answered(2)), []);
}
