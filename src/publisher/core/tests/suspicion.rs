//! Messages that cost a channel or a connection.

use super::*;

#[test]
fn a_body_that_is_too_large_is_refused_and_the_others_are_not() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.send_sized(2, dead(), 2_000_000, 100);
    bench.send(3, reply("a"));
    let text = "PRECONDITION_FAILED - message size 2000000 is larger than configured max size \
                1000000";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [Refused(2, Scope::Message)]);
    let did = bench.pass();
    assert_eq!(published(&did), [1, 3]);
    // The next one is not even sent.
    let did = bench.send_sized(4, dead(), 1_000_001, 100);
    assert_eq!(did, [Refused(4, Scope::Message)]);
    let did = bench.send_sized(5, dead(), 1_000_000, 100);
    assert_eq!(published(&did), [5]);
    bench.settle(0, true, Confirm::Ack);
    // After a while it is tried whether the limit still holds, alone.
    bench.pass_at_most(Duration::from_secs(6));
    let did = bench.send_sized(6, dead(), 2_000_000, 100);
    assert_eq!(published(&did), [6]);
    assert_eq!(bench.send(7, reply("a")), []);
    let did = bench.settle(0, true, Confirm::Ack);
    assert_eq!(
        (did[0] == safe(6, "q.dead"), published(&did)),
        (true, vec![7])
    );
    let did = bench.send_sized(8, dead(), 1_500_000, 100);
    assert_eq!(published(&did), [8]);
}

/// Its owner does not want it any more, and the connection ends: the others go on.
#[test]
fn one_that_is_withdrawn_while_it_is_tried_alone_holds_up_nobody() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.send(2, dead());
    let did = bench.handle(Input::ConnectionLost(cut_off(541)));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1]);
    let did = bench.ack(1);
    assert_eq!(published(&did), [2]);
    bench.handle(Input::Withdraw(2));
    let did = bench.handle(Input::ConnectionLost(lost()));
    assert!(did.contains(&Withdrawn(2, Sent::Perhaps)), "{did:?}");
    bench.go_on(did);
    assert_eq!(published(&bench.publish(3, dead())), [3]);
}

#[test]
fn headers_that_fit_no_frame_are_not_sent() {
    let mut bench = Bench::new(config());
    let did = bench.send_sized(1, dead(), 10, 131_073);
    assert_eq!(did, [Refused(1, Scope::Message)]);
    let did = bench.send_sized(2, dead(), 10, 131_072);
    let did = bench.go_on(did);
    assert_eq!(published(&did), [2]);
}

#[test]
fn a_frame_that_is_too_large_all_the_same_is_found_by_sending_it_alone() {
    let mut bench = Bench::new(config());
    for number in 1..=4 {
        bench.publish(number, dead());
    }
    let did = bench.send_sized(5, dead(), 10, 130_000);
    assert_eq!(published(&did), [5]);
    let did = bench.handle(Input::ConnectionLost(cut_off(501)));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [5], "the largest first, alone");
    assert_eq!(bench.publish(6, reply("a")), []);
    let did = bench.handle(Input::ConnectionLost(cut_off(501)));
    let did = bench.go_on(did);
    assert!(did.contains(&Refused(5, Scope::Message)));
    let mut numbers = published(&did);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 6]);
}

#[test]
fn a_reply_address_that_costs_the_connection_counts_as_delivered() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    bench.publish(2, reply("!.x"));
    bench.publish(3, dead());
    let did = bench.handle(Input::ConnectionLost(cut_off(541)));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [2]);
    let did = bench.handle(Input::ConnectionLost(cut_off(541)));
    let did = bench.go_on(did);
    assert!(did.contains(&safe(2, "")));
    assert_eq!(published(&did).len(), 2);
    assert_eq!(bench.publish(4, reply("!.x")), [safe(4, "")]);
    assert_eq!(published(&bench.publish(5, reply("b"))), [5]);
}

#[test]
fn a_message_that_breaks_connections_without_a_word_lets_the_others_pass() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.publish(2, dead());
    bench.publish(3, dead());
    let mut safe = Vec::new();
    // Number 2 breaks every connection on which it is published.
    for _ in 0..200 {
        let in_flight = bench.core.in_flight.numbers();
        let did = if in_flight.contains(&2) {
            let did = bench.handle(Input::ConnectionLost(lost()));
            bench.go_on(did)
        } else if in_flight.is_empty() {
            if safe.len() == 2 {
                break;
            }
            bench.pass()
        } else {
            let did = bench.settle(0, true, Confirm::Ack);
            bench.go_on(did)
        };
        safe.extend(did.iter().filter_map(|did| match did {
            Confirmed(number, _) => Some(*number),
            _ => None,
        }));
    }
    safe.sort_unstable();
    assert_eq!(safe, [1, 3]);
    assert_eq!(bench.core.unfinished(), 1);
    assert_eq!(published(&bench.publish(4, Destination::Work)), [4]);
}

#[test]
fn a_task_that_closes_the_channel_is_found_behind_a_declaration() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    let text = "PRECONDITION_FAILED - invalid expiration 'x'";
    let mut did = Vec::new();
    for _ in 0..4 {
        did = bench.handle(Input::ChannelClosed(closed(406, text)));
        did = bench.go_on(did);
        if did.contains(&Refused(1, Scope::Message)) {
            break;
        }
        bench.pass_at_most(Duration::from_secs(1));
    }
    assert!(did.contains(&Refused(1, Scope::Message)), "{did:?}");
}

/// Number 1 is on its way to a delay queue that says nothing for so long that it is to go to
/// another one. Number 2 is then the only one in flight, but number 1 may still close the channel.
fn one_alone_behind_one_taken_out() -> Bench {
    let mut bench = Bench::new(config());
    let did = bench.send_sized(1, SECOND, 2000, 100);
    assert_eq!(published(&bench.go_on(did)), [1]);
    for number in 10..17 {
        // Other queues confirm, so the connection is kept.
        bench.publish(number, dead());
        bench.ack(number - 8);
        let end = bench.now + Duration::from_secs(2);
        while bench.until.is_some_and(|until| until < end) {
            bench.now = bench.until.unwrap();
            bench.run();
        }
        bench.now = end;
    }
    assert_eq!(published(&bench.publish(2, dead())), [2]);
    assert_eq!(bench.core.in_flight.numbers(), [2]);
    bench
}

#[test]
fn a_body_that_is_too_large_is_found_though_it_was_taken_out_of_flight() {
    let mut bench = one_alone_behind_one_taken_out();
    let text = "PRECONDITION_FAILED - message size 2000 is larger than configured max size 500";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [Refused(1, Scope::Message)]);
    assert_eq!(published(&bench.pass()), [2]);
}

#[test]
fn one_behind_one_that_was_taken_out_of_flight_is_not_to_blame() {
    let mut bench = one_alone_behind_one_taken_out();
    let text = "PRECONDITION_FAILED - invalid expiration 'x'";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, []);
    assert_eq!(published(&bench.pass()), [2], "alone");
    let did = bench.ack(1);
    assert_eq!(did[0], safe(2, "q.dead"));
}

/// Lets number 2 break every connection on which it is published, until it is refused. Returns what
/// was done, up to a limit.
fn run_with_poison(bench: &mut Bench, code: u16) -> Vec<Did> {
    let mut all = Vec::new();
    for _ in 0..200 {
        let in_flight = bench.core.in_flight.numbers();
        let did = if in_flight.contains(&2) {
            let did = bench.handle(Input::ConnectionLost(cut_off(code)));
            bench.go_on(did)
        } else if in_flight.is_empty() {
            if bench.core.is_idle() {
                break;
            }
            bench.pass()
        } else {
            let did = bench.settle(0, true, Confirm::Ack);
            bench.go_on(did)
        };
        all.extend(did);
    }
    all
}

/// The work queue is declared anew over each connection.
#[test]
fn a_task_that_breaks_connections_is_found_behind_a_declaration() {
    for (code, body) in [(501, 10), (541, 10), (501, 200_000)] {
        let mut bench = Bench::new(sender());
        bench.publish(1, Destination::Work);
        bench.ack(1);
        let did = bench.send_sized(2, Destination::Work, body, 100);
        assert_eq!(published(&bench.go_on(did)), [2]);
        bench.publish(3, Destination::Work);
        bench.publish(4, SECOND);
        let all = run_with_poison(&mut bench, code);
        assert!(all.contains(&Refused(2, Scope::Message)), "{code}: {all:?}");
        assert!(all.contains(&safe(3, "q")), "{code}: {all:?}");
        assert!(all.contains(&safe(4, "q.delay.1000")), "{code}: {all:?}");
        assert!(bench.core.is_idle(), "{code}");
        let often = published(&all)
            .iter()
            .filter(|&&number| number == 3)
            .count();
        assert!(often <= 2, "{code}: published {often} times again");
    }
}

/// A queue that was young when the connection broke is made once more, over each connection.
#[test]
fn a_task_that_breaks_connections_is_found_on_its_way_to_a_young_queue() {
    for code in [501, 541] {
        let mut bench = Bench::new(config());
        bench.send(1, SECOND);
        bench.handle(Input::Connected(FirstChannel::Opens));
        let did = bench.handle(Input::DeclarationRefused {
            queue: "q.delay.1000".to_owned(),
            fault: closed(404, "NOT_FOUND - no queue 'q.delay.1000' in vhost '/'"),
        });
        bench.go_on(did);
        bench.publish(2, SECOND);
        bench.publish(3, dead());
        let all = run_with_poison(&mut bench, code);
        assert!(all.contains(&Refused(2, Scope::Message)), "{code}: {all:?}");
        assert!(all.contains(&safe(1, "q.delay.1000")), "{code}: {all:?}");
        assert!(all.contains(&safe(3, "q.dead")), "{code}: {all:?}");
    }
}

/// The end of the channel could be about the one that was answered before it was confirmed.
#[test]
fn one_is_tried_alone_on_a_channel_of_its_own() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.publish(2, dead());
    let did = bench.handle(Input::ConnectionLost(cut_off(541)));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1]);
    let did = bench.handle(Input::Answered(1));
    let did = bench.go_on(did);
    assert_eq!(did, [safe(1, "q.dead"), OpenChannel, sent(2, "q.dead")]);
    // Words that leave room for another cause: it is tried five times in all.
    for tries in 1..=5 {
        let did = bench.handle(Input::ConnectionLost(cut_off(541)));
        if tries == 5 {
            assert!(did.contains(&Refused(2, Scope::Message)), "{did:?}");
            break;
        }
        bench.go_on(did);
        // Meanwhile others go on, and one is answered before it is confirmed.
        bench.publish(10 + tries, dead());
        bench.handle(Input::Answered(10 + tries));
        let did = bench.pass_at_most(Duration::from_secs(60));
        assert_eq!(did, [OpenChannel, sent(2, "q.dead")]);
    }
}

/// What the broker says while it stops and starts again is not held against a message.
#[test]
fn connections_that_break_without_a_word_blame_nobody() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    for _ in 0..10 {
        let did = bench.handle(Input::ConnectionLost(lost()));
        let did = bench.go_on(did);
        if published(&did).is_empty() {
            bench.pass();
        }
    }
    let did = bench.handle(Input::ConnectionLost(cut_off(541)));
    assert!(!did.contains(&Refused(1, Scope::Message)), "{did:?}");
    bench.go_on(did);
    assert_eq!(published(&bench.pass()), [1]);
    assert_eq!(bench.ack(1), [safe(1, "q.dead")]);
}
