//! Connections and consumers come and go.

use super::super::testing::{by_another_program, task};
use super::*;

const DONE_BUT: &str = "warning: done";

#[test]
fn a_running_task_goes_on_and_is_acknowledged_when_it_comes_back() {
    let mut script = Script::new(settings());
    let task = task("x");
    script.fresh(&task);
    assert_eq!(
        script.loses_the_connection(),
        ["disconnected", "warning: cut", "connect"]
    );
    script.connects();
    assert!(script.again(&task).is_empty(), "it runs already");
    assert_eq!(script.ends(0, 0), ["done x", "ack 1"]);
}

#[test]
fn a_task_that_was_done_meanwhile_is_not_done_again() {
    let mut script = Script::new(settings());
    let task = task("x");
    script.fresh(&task);
    script.loses_the_connection();
    assert_eq!(script.ends(0, 0), ["done x", DONE_BUT]);
    script.connects();
    assert_eq!(script.again(&task), ["skipped x", "ack 1"]);
    // That was the one redelivery.
    assert_eq!(script.again(&task), ["publish 1 x to work"]);
}

/// A broker that was killed may not know what it had delivered.
#[test]
fn a_task_that_comes_back_unmarked_is_known_all_the_same() {
    let mut script = Script::new(slots(3));
    let (running, done) = (task("x"), task("y"));
    script.fresh(&running);
    script.fresh(&done);
    script.loses_the_connection();
    script.ends(1, 0);
    script.connects();
    assert!(script.fresh(&running).is_empty());
    assert_eq!(script.fresh(&done)[0], "skipped y");
    assert_eq!(script.fresh(&by_another_program("x")), ["start x in 1"]);
}

#[test]
fn an_acknowledgement_may_be_lost_with_its_connection() {
    let mut script = Script::new(settings());
    let task = task("x");
    script.fresh(&task);
    assert_eq!(script.ends(0, 0), ["done x", "ack 1"]);
    script.loses_the_connection();
    script.connects();
    assert_eq!(script.again(&task), ["skipped x", "ack 1"]);
}

/// Another worker may have done the one that was meant, and this is one more.
#[test]
fn equal_tasks_by_other_programs_are_never_skipped() {
    let mut script = Script::new(slots(2));
    let equal = by_another_program("x");
    script.fresh(&equal);
    script.loses_the_connection();
    script.ends(0, 0);
    script.connects();
    assert_eq!(script.again(&equal), ["publish 1 x to work"]);
    // Nor does one stand for another that runs. It only waits, as it may be the same.
    let mut script = Script::new(slots(2));
    script.fresh(&equal);
    script.loses_the_connection();
    script.connects();
    assert!(script.again(&equal).is_empty());
    assert_eq!(
        script.ends(0, 0),
        ["done x", DONE_BUT, "publish 1 x to work"]
    );
}

#[test]
fn a_failed_task_that_the_broker_delivers_again_is_not_copied() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.loses_the_connection();
    assert_eq!(script.ends(0, 1), ["failed x", "warning: failed"]);
}

#[test]
fn a_settlement_goes_on_and_acknowledges_what_comes_back() {
    let mut script = Script::new(settings());
    let task = task("x");
    script.fresh(&task);
    script.ends(0, 1);
    script.loses_the_connection();
    script.connects();
    assert!(script.again(&task).is_empty());
    assert_eq!(script.confirmed(1), ["retried x", "ack 1"]);
}

#[test]
fn a_settlement_that_cannot_be_told_from_another_is_withdrawn() {
    let mut script = Script::new(settings());
    script.fresh(&by_another_program("x"));
    script.ends(0, 1);
    assert_eq!(script.loses_the_connection()[0], "withdraw 1");
    let withdrawn = script.verdict(1, Verdict::Withdrawn);
    assert_eq!(withdrawn, ["warning: failed"]);
    script.connects();
    assert_eq!(
        script.again(&by_another_program("x")),
        ["publish 2 x to work"]
    );
}

#[test]
fn what_has_not_begun_is_the_brokers_again() {
    let mut script = Script::new(Settings {
        prefetch: prefetch(3),
        ..settings()
    });
    let (running, waiting) = (task("x"), task("y"));
    script.fresh(&running);
    script.fresh(&waiting);
    script.loses_the_connection();
    script.ends(0, 0);
    script.connects();
    assert_eq!(script.again(&waiting), ["publish 1 y to work"]);
}

#[test]
fn a_task_that_was_begun_uncounted_does_not_keep_its_redelivery_waiting() {
    let mut script = Script::new(Settings {
        prefetch: prefetch(3),
        ..settings()
    });
    let (first, second) = (task("x"), task("y"));
    script.fresh(&first);
    script.again(&second);
    let fault = Fault::new(Kind::Lost, "blocked");
    script.verdict(1, Verdict::Undecided(fault));
    script.loses_the_connection();
    script.connects();
    script.ends(0, 0);
    assert_eq!(script.again(&second), ["start y in 0"]);
}

#[test]
fn a_cancelled_consumer_leaves_running_tasks_to_be_acknowledged_on_their_channel() {
    let mut script = Script::new(Settings {
        prefetch: prefetch(2),
        ..settings()
    });
    script.fresh(&task("x"));
    script.fresh(&task("y"));
    let cancelled = script.on(Input::ConsumerCancelled("gone".to_owned()));
    assert_eq!(cancelled, ["return 2", "warning: gone", "consume on new"]);
    script.channel = 2;
    assert_eq!(script.on(Input::Consuming), ["consuming"]);
    assert_eq!(script.ends(0, 0), ["done x", "ack 1"]);
}

/// From RabbitMQ 4.3 the broker takes a task away that it waits for too long.
#[test]
fn a_task_that_the_broker_takes_away_and_delivers_again_goes_on() {
    let mut script = Script::new(slots(2));
    let task = task("x");
    script.fresh(&task);
    script.on(Input::ConsumerCancelled("too long".to_owned()));
    (script.channel, script.tag) = (2, 6);
    script.on(Input::Consuming);
    assert_eq!(script.again(&task), ["return 1"], "of the old channel");
    assert_eq!(script.ends(0, 0), ["done x", "ack 7"]);
}

/// As it does so, the worker cancels its consumer itself, and hears nothing of it.
#[test]
fn a_task_that_comes_back_over_the_same_channel_waits_for_the_one_that_runs() {
    let mut script = Script::new(slots(2));
    let task = task("x");
    assert_eq!(script.fresh(&task), ["start x in 0"]);
    assert!(script.again(&task).is_empty());
    assert_eq!(script.ends(0, 0), ["done x", "skipped x", "ack 1 2"]);
}

#[test]
fn what_no_further_try_can_change_ends_the_worker() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    let fault = Fault::new(Kind::Refused, "no");
    assert!(script.on(Input::ConnectionLost(fault)).is_empty());
    let ended = script.ends(0, 0);
    let end = "end failed: no; 1 finished task could not be acknowledged and will run again";
    assert_eq!(ended, ["done x", DONE_BUT, end]);
}
