//! Queues that are made sure of first.

use super::*;

#[test]
fn a_delay_queue_that_is_somebody_elses_is_left_alone() {
    let mut bench = Bench::new(config());
    bench.send(1, SECOND);
    bench.handle(Input::Connected(FirstChannel::Opens));
    bench.handle(Input::Declared {
        queue: "q.delay.1000".to_owned(),
        queue_type: None,
        adopted: None,
    });
    let text = "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q.delay.1000' in \
                vhost '/': received none but current is the value '1000' of type 'signedint'";
    let did = bench.handle(Input::DeclarationRefused {
        queue: "q.delay.1000".to_owned(),
        fault: closed(406, text),
    });
    assert_eq!(did, [declared("q.delay.1001", Form::Look)]);
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1]);
    assert_eq!(bench.ack(1), []);
    assert_eq!(
        bench.pass(),
        [
            declared("q.delay.1001", Form::Look),
            safe(1, "q.delay.1001")
        ]
    );
}

#[test]
fn a_delay_queue_that_does_not_confirm_is_left_for_another_one() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    bench.publish(2, dead());
    bench.ack(2);
    let did = bench.pass_at_most(Duration::from_secs(12));
    assert_eq!(
        did,
        [
            declared("q.delay.1001", Form::Look),
            declared("q.delay.1001", Form::Make),
            sent(1, "q.delay.1001")
        ]
    );
    assert_eq!(bench.ack(1), [], "the late confirm of the other one");
    assert_eq!(bench.ack(3), []);
    assert_eq!(
        bench.pass(),
        [
            declared("q.delay.1001", Form::Look),
            safe(1, "q.delay.1001")
        ]
    );
}

#[test]
fn a_queue_that_cannot_be_declared_fails_what_goes_there_alone() {
    let mut bench = Bench::new(config());
    bench.send(1, dead());
    bench.handle(Input::Connected(FirstChannel::Opens));
    let text = "ACCESS_REFUSED - access to queue 'q.dead' in vhost '/' refused for user 'u'";
    let did = bench.handle(Input::DeclarationRefused {
        queue: "q.dead".to_owned(),
        fault: closed(403, text),
    });
    assert_eq!(did, [Refused(1, Scope::Destination)]);
    assert_eq!(published(&bench.publish(2, reply("a"))), [2]);
    let did = bench.send(3, dead());
    assert_eq!(did, [declared("q.dead", Form::Make)], "it may be granted");
}

#[test]
fn a_queue_on_a_node_that_is_down_is_waited_for() {
    let mut bench = Bench::new(config());
    bench.send(1, dead());
    bench.handle(Input::Connected(FirstChannel::Opens));
    for _ in 0..20 {
        bench.handle(Input::DeclarationRefused {
            queue: "q.dead".to_owned(),
            fault: lost(),
        });
        bench.now = bench.until.unwrap();
        let did = bench.run();
        assert_eq!(did.last(), Some(&declared("q.dead", Form::Make)));
    }
    assert_eq!(published(&bench.publish(2, reply("a"))), [2]);
    let did = bench.handle(Input::Declared {
        queue: "q.dead".to_owned(),
        queue_type: None,
        adopted: None,
    });
    assert_eq!(published(&did), [1]);
}

#[test]
fn a_work_queue_of_another_type_is_adopted_and_nothing_is_sent_twice() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': \
                received none but current is the value 'quorum' of type 'longstr'";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [declared("q", Form::Make)]);
    let adopted = Some("quorum".to_owned());
    let did = bench.handle(Input::Declared {
        queue: "q".to_owned(),
        queue_type: Some(QueueType::Quorum),
        adopted,
    });
    assert_eq!(did, [Tell("adopted")]);
    let did = bench.pass();
    assert_eq!(did, [OpenChannel, sent(1, "q")]);
    assert_eq!(bench.ack(1), [safe(1, "q")]);
}

#[test]
fn a_work_queue_that_cannot_be_declared_ends_the_sending() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    bench.go_on(did);
    bench.send(1, Destination::Work);
    let text = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': \
                received 'true' but current is 'false'";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [declared("q", Form::Make)]);
    let did = bench.handle(Input::DeclarationRefused {
        queue: "q".to_owned(),
        fault: closed(406, text),
    });
    assert_eq!(did, [Refused(1, Scope::Destination)]);
}

#[test]
fn delayed_tasks_need_both_queues() {
    let queues = Queues {
        upkeep: Upkeep::Ours,
        ..config().queues
    };
    let mut bench = Bench::new(Config { queues, ..sender() });
    bench.core.prepare(&SECOND, bench.now);
    let did = bench.run();
    let did = bench.go_on(did);
    assert_eq!(
        did[1..],
        [declared("q.delay.1000", Form::Look), OpenChannel]
    );
    assert!(bench.core.has_room(&SECOND, bench.now));
    let did = bench.send(1, SECOND);
    assert_eq!(
        did,
        [
            declared("q", Form::Blind),
            declared("q.delay.1000", Form::Blind),
            sent(1, "q.delay.1000")
        ]
    );
}

/// A sender that prepares a quorum queue, and has no connection yet.
fn preparing_a_quorum_queue() -> Bench {
    let queues = Queues {
        work: work_queue(Some(QueueType::Quorum), Declare::Yes),
        upkeep: Upkeep::Ours,
        ..config().queues
    };
    let mut bench = Bench::new(Config { queues, ..sender() });
    bench.core.prepare(&Destination::Work, bench.now);
    bench.run();
    bench
}

#[test]
fn a_quorum_work_queue_is_looked_for_and_made() {
    let mut bench = preparing_a_quorum_queue();
    let did = bench.handle(Input::Connected(FirstChannel::Opens));
    assert_eq!(did, [declared("q", Form::Look)]);
    let fault = closed(404, "NOT_FOUND - no queue 'q' in vhost '/'");
    let queue = "q".to_owned();
    let did = bench.handle(Input::DeclarationRefused { queue, fault });
    assert_eq!(did, [declared("q", Form::Make)]);
    let did = bench.go_on(did);
    assert_eq!(did[1..], [OpenChannel]);
    bench.send(1, Destination::Work);
    assert_eq!(bench.ack(1), []);
    assert_eq!(bench.pass(), [declared("q", Form::Look), safe(1, "q")]);
}

#[test]
fn a_work_queue_that_the_first_channel_does_not_find_is_made_and_young() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    assert_eq!(bench.looks, FirstChannel::LooksForQueue);
    let did = bench.go_on(did);
    assert_eq!(did[1..], [OpenChannel]);
    bench.send(1, Destination::Work);
    let missing = closed(404, "NOT_FOUND - no queue 'q' in vhost '/'");
    let did = bench.handle(Input::ChannelClosed(missing));
    assert_eq!(did, [declared("q", Form::Make)]);
    bench.go_on(did);
    let did = bench.pass();
    assert_eq!(did, [OpenChannel, sent(1, "q")]);
    assert_eq!(bench.ack(1), []);
    assert_eq!(bench.pass(), [declared("q", Form::Look), safe(1, "q")]);
}

/// It comes late, from a broker that was frozen.
#[test]
fn an_answer_about_a_queue_that_is_not_used_any_more_is_nobodys() {
    let mut bench = Bench::new(config());
    bench.send(1, SECOND);
    bench.handle(Input::Connected(FirstChannel::Opens));
    let index = bench.core.routes.position(&SECOND).unwrap();
    assert!(bench.core.routes.lengthen_delay(index));
    assert_eq!(bench.run(), [declared("q.delay.1001", Form::Look)]);
    let did = bench.handle(Input::Declared {
        queue: "q.delay.1000".to_owned(),
        queue_type: None,
        adopted: None,
    });
    assert_eq!(did, []);
}

#[test]
fn a_missing_work_queue_is_found_while_a_delay_queue_is_looked_for() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&SECOND, bench.now);
    bench.run();
    bench.handle(Input::Connected(FirstChannel::LooksForQueue));
    let did = bench.handle(Input::DeclarationRefused {
        queue: "q.delay.1000".to_owned(),
        fault: closed(404, "NOT_FOUND - no queue 'q' in vhost '/'"),
    });
    let both = [
        declared("q", Form::Make),
        declared("q.delay.1000", Form::Look),
    ];
    assert_eq!(did, both);
}

/// Else a sender with more tasks would wait for ever.
#[test]
fn after_a_refusal_the_queue_is_asked_for_again_when_there_is_more_to_send() {
    let mut bench = preparing_a_quorum_queue();
    bench.handle(Input::Connected(FirstChannel::Opens));
    bench.send(1, Destination::Work);
    let refused = || Input::DeclarationRefused {
        queue: "q".to_owned(),
        fault: closed(403, "ACCESS_REFUSED - access to queue 'q' refused"),
    };
    bench.handle(refused());
    assert_eq!(bench.core.unfinished(), 0);
    assert!(!bench.core.has_room(&Destination::Work, bench.now));
    assert_eq!(bench.run(), [declared("q", Form::Look)]);
    assert!(matches!(bench.handle(refused())[..], [GiveUp]));
}

/// The first channel of a connection looks for the work queue, and may be the one to publish on.
#[test]
fn a_channel_that_ends_as_a_node_is_down_blames_no_task() {
    for queue in ["q", "q.delay.1000"] {
        let mut bench = Bench::new(sender());
        for (number, to) in [(1, Destination::Work), (2, SECOND)] {
            bench.publish(number, to);
            bench.ack(number);
        }
        assert_eq!(published(&bench.publish(3, SECOND)), [3]);
        let text = format!(
            "NOT_FOUND - home node 'rabbit@other' of durable queue '{queue}' in vhost '/' is down \
             or inaccessible"
        );
        let did = bench.handle(Input::ChannelClosed(closed(404, &text)));
        assert!(!did.contains(&Refused(3, Scope::Message)), "{did:?}");
        let mut did = bench.go_on(did);
        while published(&did).is_empty() {
            did = bench.pass();
        }
        assert_eq!(published(&did), [3], "{queue}");
    }
}
