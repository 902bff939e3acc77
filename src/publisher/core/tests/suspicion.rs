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
