//! Queues that are too young for their confirms to count.

use super::*;

#[test]
fn a_queue_of_our_own_counts_two_seconds_after_it_was_made() {
    let mut bench = Bench::new(config());
    let did = bench.send(1, SECOND);
    assert_eq!(did, [Connect(Duration::ZERO)]);
    let did = bench.handle(Input::Connected(FirstChannel::Opens));
    assert_eq!(did, [declared("q.delay.1000", Form::Look)]);
    let fault = closed(404, "NOT_FOUND - no queue 'q.delay.1000' in vhost '/'");
    let did = bench.handle(Input::DeclarationRefused {
        queue: "q.delay.1000".to_owned(),
        fault,
    });
    let did = bench.go_on(did);
    let make = declared("q.delay.1000", Form::Make);
    assert_eq!(did, [make, OpenChannel, sent(1, "q.delay.1000")]);
    assert_eq!(bench.ack(1), []);
    assert!(!bench.core.is_idle());
    assert_eq!(bench.until, Some(bench.now + YOUTH));
    assert_eq!(
        bench.pass(),
        [
            declared("q.delay.1000", Form::Look),
            safe(1, "q.delay.1000")
        ]
    );
}

#[test]
fn what_a_young_queue_held_is_sent_again_if_the_connection_breaks() {
    let mut bench = Bench::new(config());
    bench.send(1, SECOND);
    bench.handle(Input::Connected(FirstChannel::Opens));
    let fault = closed(404, "NOT_FOUND - no queue 'q.delay.1000' in vhost '/'");
    let did = bench.handle(Input::DeclarationRefused {
        queue: "q.delay.1000".to_owned(),
        fault,
    });
    bench.go_on(did);
    bench.ack(1);
    let did = bench.handle(Input::ConnectionLost(lost()));
    let did = bench.go_on(did);
    // It may have gone down with the broker, so it is made once more.
    assert!(did.contains(&declared("q.delay.1000", Form::Make)));
    assert!(!did.contains(&declared("q.delay.1000", Form::Look)));
    assert_eq!(published(&did), [1]);
    assert_eq!(bench.ack(1), []);
    assert_eq!(
        bench.pass(),
        [
            declared("q.delay.1000", Form::Look),
            safe(1, "q.delay.1000")
        ]
    );
}

/// The broker was killed and has forgotten the queue, and the network has not told of it.
#[test]
fn what_a_young_queue_held_is_sent_again_if_it_is_gone() {
    let mut bench = Bench::new(config());
    bench.send(1, SECOND);
    bench.handle(Input::Connected(FirstChannel::Opens));
    let missing = || closed(404, "NOT_FOUND - no queue 'q.delay.1000' in vhost '/'");
    let refused = || Input::DeclarationRefused {
        queue: "q.delay.1000".to_owned(),
        fault: missing(),
    };
    let did = bench.handle(refused());
    bench.go_on(did);
    assert_eq!(bench.ack(1), []);
    bench.now = bench.until.unwrap();
    assert_eq!(bench.run(), [declared("q.delay.1000", Form::Look)]);
    let did = bench.handle(refused());
    let did = bench.go_on(did);
    assert_eq!(did[0], declared("q.delay.1000", Form::Make));
    assert_eq!(published(&did), [1]);
}

/// What expires in a delay queue goes to the work queue, or nowhere.
#[test]
fn a_delayed_task_is_sent_again_if_the_young_work_queue_is_gone() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&SECOND, bench.now);
    bench.core.prepare(&Destination::Work, bench.now);
    bench.run();
    let missing = || Input::DeclarationRefused {
        queue: "q".to_owned(),
        fault: closed(404, "NOT_FOUND - no queue 'q' in vhost '/'"),
    };
    let did = bench.handle(Input::Connected(FirstChannel::Opens));
    assert!(did.contains(&declared("q", Form::Look)), "{did:?}");
    let did = bench.handle(missing());
    assert!(did.contains(&declared("q", Form::Make)), "{did:?}");
    bench.handle(Input::Declared {
        queue: "q".to_owned(),
        queue_type: Some(QueueType::Quorum),
        adopted: None,
    });
    bench.handle(Input::Declared {
        queue: "q.delay.1000".to_owned(),
        queue_type: None,
        adopted: None,
    });
    bench.handle(Input::ChannelOpened);
    let did = bench.publish(1, SECOND);
    assert_eq!(published(&did), [1]);
    assert_eq!(bench.ack(1), []);
    bench.now = bench.until.unwrap();
    let did = bench.run();
    assert_eq!(did, [declared("q", Form::Look)]);
    let did = bench.handle(missing());
    assert_eq!(did, [declared("q", Form::Make)]);
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1]);
}
