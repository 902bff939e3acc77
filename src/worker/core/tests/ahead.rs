//! Short tasks that are taken ahead, and a long one.

use super::super::testing::task;
use super::*;

fn counts(consumers: u32) -> Input {
    Input::Counts(Counts {
        ready: 0,
        delayed: 0,
        consumers,
    })
}

/// A worker that has measured enough to take tasks ahead.
fn ahead(settings: Settings) -> Script {
    let mut script = Script::new(Settings {
        prefetching: Prefetching::Auto,
        ..settings
    });
    for number in 0.. {
        script.passes(0.001);
        let task = task(&number.to_string());
        if script.fresh(&task).contains(&"cancel".to_owned()) {
            break;
        }
        script.passes(0.001);
        if script.ends(0, 0).contains(&"count".to_owned()) {
            let ready = Counts {
                ready: 1,
                delayed: 0,
                consumers: 1,
            };
            script.on(Input::Counts(ready));
        }
    }
    assert_eq!(script.on(Input::ConsumerStopped), ["consume"]);
    script.on(Input::Consuming);
    // So many that one long task does not change what is measured.
    for number in 100..200 {
        script.fresh(&task(&number.to_string()));
        script.passes(0.001);
        script.ends(0, 0);
    }
    // What is done is acknowledged. One task runs.
    script.waits(0.005);
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
    assert_eq!(script.waits(0.005), [format!("ack {tag}")]);
}

/// Its consumer is cancelled, to make sure that nothing is left, and a task comes at the last moment. It takes
/// long, and what is known of other workers is old.
#[test]
fn an_old_answer_wakes_nobody() {
    let mut settings = settings();
    settings.ending.exit_when_empty = true;
    let mut script = ahead(settings);
    script.fresh(&task("next"));
    assert_eq!(script.waits(1.1), ["count"]);
    script.on(counts(1));
    script.ends(0, 0);
    assert!(script.ends(0, 0).contains(&"count".to_owned()));
    assert_eq!(script.on(counts(1)), ["count"]);
    assert_eq!(script.on(counts(1)), ["cancel"]);
    assert_eq!(script.fresh(&task("late")), ["start late in 0"]);
    script.on(Input::ConsumerStopped);
    script.waits(2.0);
    assert_eq!(script.worker.wakes_at(), None);
}
