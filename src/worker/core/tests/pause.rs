//! A host that is busy.

use super::super::testing::task;
use super::*;

fn three() -> Script {
    let mut script = Script::new(Settings {
        prefetch: prefetch(3),
        ..settings()
    });
    for name in ["x", "y", "z"] {
        script.fresh(&task(name));
    }
    script
}

fn busy() -> Input {
    Input::Pause("busy".to_owned())
}

#[test]
fn what_has_not_begun_goes_to_others_as_uncounted_copies() {
    let mut script = three();
    assert_eq!(script.on(busy()), ["paused: busy", "cancel"]);
    assert!(script.on(busy()).is_empty());
    assert_eq!(
        script.on(Input::ConsumerStopped),
        ["publish 1 y to work", "publish 2 z to work"]
    );
    // What runs goes on, and its end does not wait.
    assert_eq!(script.ends(0, 0), ["done x", "ack 1"]);
    // Each copy is safe before its delivery is acknowledged.
    assert_eq!(script.confirmed(2), ["returned z", "ack 3"]);
    assert_eq!(script.confirmed(1), ["returned y", "ack 2"]);
    assert_eq!(script.on(Input::Resume), ["resumed", "consume"]);
    assert!(script.on(Input::Resume).is_empty());
}

#[test]
fn copies_keep_the_count_of_returns() {
    let mut script = three();
    let mut returned = task("w");
    returned.properties = returned
        .properties
        .with_header(headers::REDELIVERIES, "2".to_owned());
    script.fresh(&returned);
    script.on(busy());
    script.worker.handle(script.now, Input::ConsumerStopped);
    let mut counts = Vec::new();
    while let Some(action) = script.worker.poll() {
        if let Action::Publish(message) = action {
            let count = message.payload.properties.header(headers::REDELIVERIES);
            counts.push((body(&message.payload), count.unwrap_or_default()));
        }
    }
    counts.sort();
    let expected = [("w", "2"), ("y", ""), ("z", "")];
    assert_eq!(
        counts,
        expected.map(|(name, count)| (name.to_owned(), count.to_owned()))
    );
}

#[test]
fn where_no_copy_can_be_the_delivery_goes_back() {
    let mut script = three();
    script.on(busy());
    script.on(Input::ConsumerStopped);
    assert_eq!(
        script.refused(1, body_too_large()),
        ["returned y", "return 2"]
    );
    // An alarm: nothing is taken for now.
    assert_eq!(script.waits(2.0), ["withdraw 2"]);
    assert_eq!(
        script.verdict(2, Verdict::Withdrawn),
        ["returned z", "return 3"]
    );
}

#[test]
fn a_host_that_is_free_again_at_once_loses_nothing() {
    let mut script = three();
    script.on(busy());
    assert_eq!(script.on(Input::Resume), ["resumed"]);
    assert_eq!(script.on(Input::ConsumerStopped), ["consume"]);
    script.on(Input::Consuming);
    assert_eq!(script.ends(0, 0)[..2], ["done x", "start y in 0"]);
}

#[test]
fn a_worker_that_reconnects_on_a_busy_host_takes_nothing() {
    let mut script = Script::new(settings());
    script.on(busy());
    script.on(Input::ConsumerStopped);
    assert_eq!(script.loses_the_connection()[0], "disconnected");
    assert_eq!(script.on(Input::Connected), ["consume on new"]);
    assert_eq!(script.on(Input::Consuming), ["consuming", "cancel"]);
    script.fresh(&task("x"));
    assert_eq!(script.on(Input::ConsumerStopped), ["publish 1 x to work"]);
}

#[test]
fn a_worker_that_is_paused_is_not_idle_and_can_be_stopped() {
    let mut settings = settings();
    settings.ending.idle_timeout = Some(Duration::from_secs(1));
    settings.ending.exit_when_empty = true;
    let mut script = Script::new(settings);
    script.on(busy());
    script.on(Input::ConsumerStopped);
    assert!(script.waits(10.0).is_empty());
    assert_eq!(script.worker.wakes_at(), None);
    assert_eq!(script.on(Input::Signal), ["end signal"]);
}

/// The queue seemed to be empty when the host became busy. What the broker still says then must cancel
/// no consumer that is cancelled already, and nothing may be waited for.
#[test]
fn a_worker_that_was_paused_while_it_asked_consumes_again() {
    let mut settings = settings();
    settings.ending.exit_when_empty = true;
    for answers_before in [0, 1] {
        let mut script = Script::new(settings.clone());
        for _ in 0..answers_before {
            assert_eq!(script.on(ready(0)), ["count"]);
        }
        assert_eq!(script.on(busy()), ["paused: busy", "cancel"]);
        assert!(script.on(Input::ConsumerStopped).is_empty());
        assert!(script.on(ready(0)).is_empty(), "outdated");
        assert_eq!(script.on(Input::Resume), ["resumed", "consume"]);
        assert!(script.on(Input::Consuming).is_empty(), "asked a moment ago");
        assert_eq!(script.waits(0.1), ["count"]);
    }
}

/// Each return would be counted, in the end as one too many.
#[test]
fn who_may_not_publish_keeps_what_has_not_begun() {
    let mut script = three();
    script.on(busy());
    script.on(Input::ConsumerStopped);
    let told = "warning: cannot hand waiting tasks on to other workers";
    assert_eq!(script.refused(1, no_permission()), [told]);
    assert!(script.refused(2, no_permission()).is_empty());
    assert_eq!(script.on(Input::Resume), ["resumed", "consume"]);
    script.on(Input::Consuming);
    assert_eq!(script.ends(0, 0), ["done x", "start y in 0", "ack 1"]);
}
