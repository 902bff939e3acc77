//! Brokers and queues that take nothing.

use super::*;

#[test]
fn a_full_dead_letter_queue_delays_dead_letters_alone() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.nack(1);
    for number in 2..50 {
        let to = if number % 2 == 0 { SECOND } else { reply("a") };
        assert_eq!(published(&bench.publish(number, to)), [number]);
    }
}

#[test]
fn refusals_are_told_once_in_a_while_and_end_with_the_first_confirm() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    assert_eq!(bench.nack(1), [Tell("refused")]);
    // Over a new channel, which may help where a leader has died.
    assert_eq!(bench.pass(), [OpenChannel, sent(1, "q.dead")]);
    let began = bench.now;
    let mut tries = 0;
    loop {
        // With tag 0, all.
        let did = bench.settle(0, true, Confirm::Nack);
        let mut did = bench.go_on(did);
        while published(&did).is_empty() {
            did.extend(bench.pass());
        }
        if did.contains(&Tell("refused")) {
            break;
        }
        tries += 1;
    }
    let took = (bench.now - began).as_secs();
    assert!((9..12).contains(&took), "{took}");
    assert!((10..20).contains(&tries), "{tries}");
    assert_eq!(bench.settle(0, true, Confirm::Ack), [safe(1, "q.dead")]);
}

#[test]
fn what_is_given_up_is_given_more_time_at_each_try() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.handle(Input::Written(1000));
    let mut tries = Vec::new();
    for _ in 0..4 {
        let began = bench.now;
        let did = loop {
            let did = bench.pass();
            if !did.is_empty() {
                break did;
            }
        };
        assert!(did.contains(&Disconnect));
        assert_eq!(published(&did), [1]);
        tries.push((bench.now - began).as_secs());
    }
    assert_eq!(tries, [10, 20, 40, 80]);
}

#[test]
fn a_broker_that_has_blocked_us_is_waited_for() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    assert_eq!(
        bench.handle(Input::Blocked("low on memory".to_owned())),
        [Tell("blocked")]
    );
    assert_eq!(bench.publish(2, reply("a")), []);
    assert_eq!(bench.pass_at_most(Duration::from_secs(1000)), []);
    let did = bench.handle(Input::Unblocked);
    assert_eq!(published(&did), [2]);
    assert_eq!(bench.settle(2, true, Confirm::Ack).len(), 2);
}

#[test]
fn without_declaring_a_missing_queue_is_told_at_once() {
    let queues = Queues {
        work: work_queue(None, Declare::No),
        upkeep: Upkeep::Ours,
        ..config().queues
    };
    let mut bench = Bench::new(Config { queues, ..sender() });
    bench.publish(1, Destination::Work);
    bench.handle(Input::Returned {
        queue: "q".to_owned(),
        id: Some("1".to_owned()),
        reason: "NO_ROUTE".to_owned(),
    });
    assert_eq!(bench.ack(1), [Refused(1, Scope::Destination)]);
}

#[test]
fn a_sender_gives_up_a_broker_that_confirms_nothing() {
    let mut bench = Bench::new(Config {
        confirm_timeout: Some(Duration::from_secs(5)),
        ..sender()
    });
    bench.publish(1, Destination::Work);
    assert_eq!(bench.pass(), [], "the second look");
    assert_eq!(bench.pass(), [GiveUp]);
    let left = bench.core.take_unfinished();
    assert_eq!((left.len(), left[0].0, left[0].2), (1, 1, Sent::Perhaps));
    assert!(bench.core.is_idle());
}

#[test]
fn a_sender_gives_up_after_retry_for() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    let mut losses = 0;
    loop {
        losses += 1;
        let did = bench.handle(Input::ConnectionLost(lost()));
        if did.contains(&GiveUp) {
            break;
        }
        bench.now += Duration::from_secs(1);
        bench.go_on(did);
    }
    assert_eq!(losses, 12);
}

#[test]
fn a_short_queue_is_measured_before_more_is_sent() {
    let backlog = Backlog {
        max: std::num::NonZeroU32::new(2).unwrap(),
        timeout: Duration::from_secs(1),
    };
    let mut bench = Bench::new(Config {
        backlog: Some(backlog),
        ..sender()
    });
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    bench.go_on(did);
    let work = Destination::Work;
    assert!(!bench.core.has_room(&work, bench.now));
    assert_eq!(bench.run(), [declared("q", Form::Blind), Measure]);
    assert_eq!(bench.handle(Input::Measured(1)), []);
    assert!(bench.core.has_room(&work, bench.now));
    assert_eq!(bench.send(1, work.clone()), [sent(1, "q")]);
    assert!(!bench.core.has_room(&work, bench.now));
    assert_eq!(bench.run(), [], "not while a task is in flight");
    bench.ack(1);
    assert!(!bench.core.has_room(&work, bench.now));
    assert_eq!(bench.pass(), [Measure]);
    assert_eq!(bench.handle(Input::Measured(2)), [Tell("full")]);
}

#[test]
fn refused_by_a_dead_leader_all_goes_over_a_new_channel() {
    let mut bench = Bench::new(sender());
    for number in 1..=3 {
        bench.publish(number, Destination::Work);
    }
    bench.nack(1);
    // Nothing is heard of the others.
    let mut all = Vec::new();
    while !all.contains(&OpenChannel) {
        all.extend(bench.pass());
    }
    let mut numbers = published(&all);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3], "{all:?}");
}

#[test]
fn a_wish_for_a_new_channel_does_not_stop_the_others() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    bench.publish(2, dead());
    bench.nack(2);
    // The delay queue says nothing, and the dead letters want a new channel.
    bench.pass();
    assert_eq!(bench.publish(3, reply("a")), []);
    let did = bench.pass_at_most(Duration::from_secs(4));
    assert!(published(&did).contains(&3), "{did:?}");
}
