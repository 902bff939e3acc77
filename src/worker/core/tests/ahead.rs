//! Short tasks that are taken ahead, and a long one.

use super::super::testing::task;
use super::*;
use crate::task::{TaskOptions, Template};

fn counts(consumers: u32) -> Input {
    Input::Counts(Counts {
        ready: 0,
        delayed: 0,
        consumers,
        cancelled_count: false,
    })
}

/// A worker that has measured enough to take tasks ahead.
fn ahead(settings: Settings) -> Script {
    let mut script = Script::new(Settings {
        prefetching: Prefetching::Auto,
        ..settings
    });
    // With `--exit-when-empty` it has asked.
    script.on(ready(1));
    for number in 0.. {
        script.passes(0.001);
        let task = task(&number.to_string());
        if script.fresh(&task).contains(&"cancel".to_owned()) {
            break;
        }
        script.passes(0.001);
        script.ends(0, 0);
        script.on(ready(1));
    }
    assert_eq!(script.on(Input::ConsumerStopped), ["consume"]);
    script.on(Input::Consuming);
    // Enough that one long task does not change what is measured.
    for number in 100..200 {
        script.fresh(&task(&number.to_string()));
        script.passes(0.001);
        script.ends(0, 0);
    }
    // What is done is acknowledged. One task runs.
    script.waits(0.02);
    script
}

#[test]
fn what_waits_behind_a_long_task_goes_to_others_if_there_are_any() {
    let mut script = ahead(settings());
    assert_eq!(script.fresh(&task("next")), [""; 0]);
    assert_eq!(script.waits(1.1), ["count"]);
    assert_eq!(script.on(counts(1)), [""; 0], "alone");
    let (waited, follows) = script.waits_until_due();
    assert_eq!(waited, Duration::from_millis(500));
    assert_eq!(follows, ["count"]);
    assert_eq!(script.on(counts(2)), ["cancel"]);
    let copied = script.on(Input::ConsumerStopped);
    assert!(
        copied.len() == 1 && copied[0].starts_with("publish 1"),
        "{copied:?}"
    );
    let tag = script.tag;
    assert_eq!(script.confirmed(1), ["returned next"]);
    assert_eq!(script.waits(0.02), [format!("ack {tag}")]);
}

/// A worker whose consumer was cancelled, to make sure that nothing is left, and then tasks came at the last
/// moment. The first of them takes long.
fn late() -> Script {
    let mut settings = settings();
    settings.ending.exit_when_empty = true;
    let mut script = ahead(settings);
    let follows = [script.ends(0, 0), script.waits(0.1)].concat();
    assert!(follows.contains(&"count".to_owned()), "{follows:?}");
    assert_eq!(script.on(counts(1)), ["count"]);
    assert_eq!(script.on(counts(1)), ["cancel"]);
    assert_eq!(script.fresh(&task("late")), ["start late in 0"]);
    script
}

#[test]
fn what_came_at_the_last_moment_goes_to_others_too() {
    let mut script = late();
    script.fresh(&task("next"));
    assert_eq!(script.on(Input::ConsumerStopped), [""; 0]);
    assert_eq!(script.waits(1.1), ["count"]);
    let copied = script.on(counts(1));
    assert!(
        copied.len() == 1 && copied[0].starts_with("publish 1"),
        "{copied:?}"
    );
    script.confirmed(1);
    assert_eq!(script.ends(0, 0)[0], "done late");
}

#[test]
fn a_lone_worker_is_not_woken_without_pause() {
    let mut script = late();
    script.on(Input::ConsumerStopped);
    script.waits(1.1);
    for _ in 0..3 {
        script.on(counts(0));
        let (waited, _) = script.waits_until_due();
        assert_eq!(waited, Duration::from_millis(500));
    }
}

#[test]
fn a_lone_worker_keeps_tasks_for_a_minute() {
    let mut script = ahead(settings());
    script.fresh(&task("next"));
    script.waits(1.1);
    for _ in 0..58 {
        assert_eq!(script.on(counts(1)), [""; 0]);
        assert_eq!(script.waits(1.0), ["count"]);
    }
    assert_eq!(script.on(counts(1)), [""; 0]);
    assert!(script.waits(1.0).contains(&"cancel".to_owned()));
    let copied = script.on(Input::ConsumerStopped);
    assert!(copied[0].starts_with("publish 1"), "{copied:?}");
}

#[test]
fn an_urgent_task_does_not_wait_behind_a_long_one() {
    let mut script = ahead(settings());
    let urgent = Template::new(&TaskOptions {
        priority: Some(3),
        ..TaskOptions::default()
    });
    let urgent = urgent.task(b"urgent".to_vec());
    assert_eq!(script.fresh(&urgent), ["cancel"]);
    assert_eq!(script.on(Input::ConsumerStopped), [""; 0]);
    assert_eq!(script.waits(1.1), ["count"]);
    let follows = script.on(counts(1));
    assert!(follows[0].starts_with("publish 1"), "{follows:?}");
}

#[test]
fn a_user_who_may_not_publish_gives_back_once_and_takes_nothing_ahead() {
    let mut script = ahead(settings());
    script.fresh(&task("next"));
    assert_eq!(script.waits(1.1), ["count"]);
    assert_eq!(script.on(counts(2)), ["cancel"]);
    script.on(Input::ConsumerStopped);
    let tag = script.tag;
    let follows = script.refused(1, no_permission());
    assert!(follows.contains(&format!("return {tag}")), "{follows:?}");
    script.passes(0.001);
    let follows = script.ends(0, 0);
    assert!(follows.contains(&"consume".to_owned()), "{follows:?}");
    script.on(Input::Consuming);
    for number in 200..250 {
        script.fresh(&task(&number.to_string()));
        script.passes(0.001);
        let follows = script.ends(0, 0);
        assert!(!follows.contains(&"cancel".to_owned()), "{number}");
    }
}
