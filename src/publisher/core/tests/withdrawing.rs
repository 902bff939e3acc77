//! Messages that nobody wants any more, or that come back, while much else happens to them.

use super::*;

fn returned(queue: &str, number: u64) -> Input<Letter> {
    Input::News(PublishNews::Returned {
        queue: queue.to_owned(),
        id: Some(number.to_string()),
        reason: "NO_ROUTE".to_owned(),
    })
}

/// The broker may have stored it before the connection broke, whatever it says of the second copy.
#[test]
fn one_that_was_refused_may_have_arrived_before() {
    let mut bench = Bench::new(config());
    bench.publish(1, Destination::Work);
    let did = bench.handle(Input::ConnectionLost(lost()));
    assert_eq!(published(&bench.go_on(did)), [1]);
    assert_eq!(bench.handle(Input::Withdraw(1)), []);
    assert_eq!(bench.nack(1), [Withdrawn(1, Sent::Perhaps)]);

    bench.publish(2, Destination::Work);
    let did = bench.handle(Input::ConnectionLost(lost()));
    assert_eq!(published(&bench.go_on(did)), [2]);
    bench.handle(Input::Withdraw(2));
    let did = bench.handle(returned("q", 2));
    assert!(did.contains(&Withdrawn(2, Sent::Perhaps)), "{did:?}");
    assert_eq!(bench.ack(1), []);
    assert!(bench.core.is_idle());
}

#[test]
fn one_on_its_way_to_a_silent_queue_is_not_sent_to_another_one() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    bench.publish(2, dead());
    bench.ack(2);
    assert_eq!(bench.handle(Input::Withdraw(1)), []);
    let did = bench.pass_at_most(Duration::from_secs(12));
    assert_eq!(did, [Withdrawn(1, Sent::Perhaps)]);
    assert!(bench.core.is_idle());
}

#[test]
fn one_that_a_blocked_broker_did_not_read_gets_one_verdict() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    let blocked = PublishNews::Blocked("low on memory".to_owned());
    bench.handle(Input::News(blocked));
    let did = bench.handle(Input::Withdraw(1));
    assert_eq!(did, [Withdrawn(1, Sent::Perhaps)]);
    bench.handle(Input::News(PublishNews::Unblocked));
    bench.publish(2, dead());
    bench.ack(2);
    let did = bench.pass_at_most(Duration::from_secs(12));
    assert_eq!(did, []);
    assert!(bench.core.take_unfinished().is_empty());
}

#[test]
fn one_that_came_back_is_not_confirmed() {
    let mut bench = Bench::new(config());
    bench.publish(1, Destination::Work);
    bench.handle(returned("q", 1));
    let did = bench.handle(Input::Withdraw(1));
    assert_eq!(did, [Withdrawn(1, Sent::No)]);
    assert_eq!(bench.ack(1), []);
    assert!(bench.core.is_idle());
}

#[test]
fn one_that_came_back_once_is_taken_the_second_time() {
    let mut bench = Bench::new(config());
    bench.publish(1, Destination::Work);
    bench.handle(returned("q", 1));
    let did = bench.pass_at_most(Duration::from_secs(5));
    assert_eq!(published(&did), [1], "the confirm was too late");
    assert_eq!(bench.ack(1), [safe(1, "q")]);
}

#[test]
fn one_that_nobody_wants_is_not_held_until_its_queue_is_old_enough() {
    let mut bench = Bench::new(config());
    bench.send(1, SECOND);
    bench.handle(Input::Connected(FirstChannel::Opens));
    let fault = closed(404, "NOT_FOUND - no queue 'q.delay.1000' in vhost '/'");
    let queue = "q.delay.1000".to_owned();
    let did = bench.handle(Input::DeclarationRefused { queue, fault });
    assert_eq!(published(&bench.go_on(did)), [1]);
    assert_eq!(bench.handle(Input::Withdraw(1)), []);
    assert_eq!(bench.ack(1), [Withdrawn(1, Sent::Perhaps)]);
    assert!(bench.core.is_idle());
}

/// The queues of both delays have the same name, as the shorter one was lengthened.
#[test]
fn one_that_comes_back_is_found_where_two_delays_share_a_queue() {
    let millis = |count| Destination::Delay(Duration::from_millis(count));
    let mut bench = Bench::new(config());
    bench.publish(1, millis(1));
    bench.publish(2, dead());
    bench.ack(2);
    let did = bench.pass_at_most(Duration::from_secs(12));
    assert_eq!(did.last(), Some(&sent(1, "q.delay.2")));
    bench.ack(3);
    assert_eq!(bench.pass().last(), Some(&safe(1, "q.delay.2")));
    let did = bench.publish(3, millis(2));
    assert_eq!(did.last(), Some(&sent(3, "q.delay.2")));
    bench.handle(returned("q.delay.2", 3));
    let did = bench.ack(4);
    let mut did = bench.go_on(did);
    while published(&did).is_empty() {
        assert!(!did.contains(&safe(3, "q.delay.2")));
        did = bench.pass();
    }
    assert_eq!(published(&did), [3]);
}

/// A look at one overdue queue must not put off the next look at another one for ever.
#[test]
fn two_silent_queues_are_both_seen() {
    let mut config = config();
    config.queues.work = work_queue(None, Declare::No);
    let mut bench = Bench::new(config);
    bench.publish(1, SECOND);
    bench.now += Duration::from_millis(300);
    bench.publish(2, Destination::Delay(Duration::from_secs(2)));
    let mut again = Vec::new();
    while again.len() < 2 {
        let did = bench.pass();
        again.extend(published(&did));
    }
    again.sort_unstable();
    assert_eq!(again, [1, 2]);
    assert!(bench.until.is_some());
}
