//! Tasks come, are done and are acknowledged.

use super::super::testing::{by_another_program, task};
use super::*;

#[test]
fn a_task_is_begun_done_and_acknowledged() {
    let mut script = Script::new(settings());
    assert_eq!(script.fresh(&task("x")), ["start x in 0"]);
    assert_eq!(script.ends(0, 0), ["done x", "ack 1"]);
}

#[test]
fn the_next_task_begins_when_a_slot_is_free() {
    let mut script = Script::new(Settings {
        prefetch: Prefetch::Unlimited,
        ..slots(2)
    });
    assert_eq!(script.fresh(&task("a")), ["start a in 0"]);
    assert_eq!(script.fresh(&task("b")), ["start b in 1"]);
    assert!(script.fresh(&task("c")).is_empty());
    assert_eq!(script.ends(1, 0), ["done b", "start c in 1"]);
    // They wait for company, and not for long.
    let (waited, follows) = script.waits_until_due();
    assert_eq!(
        (waited.as_millis(), follows),
        (20, vec!["ack 2".to_owned()])
    );
    script.ends(0, 0);
    let mut last = script.ends(1, 0);
    assert_eq!(last.pop().unwrap(), "ack 1 3");
}

#[test]
fn a_command_that_cannot_be_started_for_now_is_tried_again_and_has_not_failed() {
    let mut script = Script::new(slots(2));
    let not_started = || Input::NotStarted {
        slot: 0,
        why: CannotRun::ForNow("too many open files".to_owned()),
    };
    script.fresh(&task("x"));
    let warned = script.on(not_started());
    assert_eq!(warned, ["warning: cannot start a command for now"]);
    for _ in 0..20 {
        let (_, follows) = script.waits_until_due();
        assert_eq!(follows, ["start x in 0"]);
        assert!(script.on(not_started()).is_empty(), "it is said once");
    }
    // Nothing else is held up.
    assert_eq!(script.fresh(&task("y")), ["start y in 1"]);
    assert_eq!(script.ends(1, 0), ["done y", "ack 2"]);
    script.waits_until_due();
    assert_eq!(script.ends(0, 0), ["done x", "ack 1"]);
}

#[test]
fn a_worker_ends_when_nothing_is_left() {
    let mut settings = settings();
    settings.ending.exit_when_empty = true;
    let mut script = Script::new(settings);
    let counts = |ready, delayed| {
        Input::Counts(Counts {
            ready,
            delayed,
            consumers: 1,
            cancelled_count: false,
        })
    };
    // The worker has asked at once. A task was on its way.
    assert_eq!(script.fresh(&task("x")), ["start x in 0"]);
    assert!(script.on(counts(0, 0)).is_empty());
    // It fails, and is waited for.
    script.ends(0, 1);
    script.confirmed(1);
    assert_eq!(script.follows(), [""; 0]);
    assert!(script.waits(0.5).is_empty());
    assert_eq!(script.waits(0.7), ["count somewhere"]);
    assert!(script.on(counts(0, 1)).is_empty());
    assert_eq!(script.waits(0.1), ["count somewhere"]);
    assert_eq!(script.on(counts(0, 0)), ["count"]);
    assert_eq!(script.on(counts(0, 0)), ["cancel"]);
    assert_eq!(script.on(Input::ConsumerStopped), ["count"]);
    assert_eq!(script.on(counts(0, 0)), ["end empty"]);
}

#[test]
fn a_task_at_the_last_moment_is_done_before_anything_else_is_taken() {
    let mut settings = settings();
    settings.ending.exit_when_empty = true;
    let mut script = Script::new(settings);
    script.on(ready(0));
    assert_eq!(script.on(ready(0)), ["cancel"]);
    assert_eq!(script.fresh(&task("x")), ["start x in 0"]);
    assert!(script.on(Input::ConsumerStopped).is_empty());
    assert_eq!(script.ends(0, 0), ["done x", "ack 1", "count"]);
    assert_eq!(script.on(ready(1)), ["consume"]);
    script.on(Input::Consuming);
    script.fresh(&task("y"));
    assert_eq!(script.ends(0, 0), ["done y", "ack 2"]);
}

#[test]
fn a_task_at_the_last_moment_leaves_the_other_slots_to_others() {
    let mut settings = slots(2);
    settings.ending.exit_when_empty = true;
    let mut script = Script::new(settings);
    script.on(ready(0));
    assert_eq!(script.on(ready(0)), ["cancel"]);
    assert_eq!(script.fresh(&task("x")), ["start x in 0"]);
    assert_eq!(script.on(Input::ConsumerStopped), ["consume"]);
    script.on(Input::Consuming);
    assert_eq!(script.fresh(&task("y")), ["start y in 1"]);
}

#[test]
fn a_task_at_the_last_moment_whose_dead_letter_is_refused_holds_up_nothing() {
    let mut settings = settings();
    settings.ending.exit_when_empty = true;
    settings.policy.retries = 0;
    let mut script = Script::new(settings);
    script.on(ready(0));
    assert_eq!(script.on(ready(0)), ["cancel"]);
    assert_eq!(script.fresh(&task("x")), ["start x in 0"]);
    assert!(script.on(Input::ConsumerStopped).is_empty());
    // Its dead letter waits for room.
    assert_eq!(
        script.ends(0, 1),
        ["failed x", "publish 1 x to dead", "consume"]
    );
    script.on(Input::Consuming);
    assert_eq!(script.fresh(&task("y")), ["start y in 0"]);
}

#[test]
fn a_worker_ends_after_so_many_tasks_or_so_long_without_one() {
    let mut settings = slots(2);
    settings.ending.max_tasks = std::num::NonZeroU64::new(1);
    let mut script = Script::new(settings);
    script.fresh(&task("x"));
    assert!(script.fresh(&task("y")).is_empty(), "no second one begins");
    assert_eq!(
        script.ends(0, 0),
        ["done x", "draining 0", "ack 1", "cancel"]
    );
    let stopped = script.on(Input::ConsumerStopped);
    assert_eq!(stopped, ["returned y", "return 2", "end max-tasks"]);

    let mut settings = super::settings();
    settings.ending.idle_timeout = Some(Duration::from_secs(9));
    let mut script = Script::new(settings);
    script.passes(8.0);
    script.fresh(&task("x"));
    script.passes(60.0);
    script.ends(0, 0);
    let (waited, follows) = script.waits_until_due();
    assert_eq!(waited.as_secs(), 9);
    assert_eq!(follows, ["draining 0", "cancel"]);
    assert_eq!(script.on(Input::ConsumerStopped), ["end idle"]);
}

#[test]
fn lessons_in_not_acknowledging() {
    for ack in [Ack::Auto, Ack::Never] {
        let mut script = Script::new(Settings {
            ack,
            prefetch: Prefetch::Unlimited,
            ..settings()
        });
        script.fresh(&by_another_program("a"));
        script.again(&by_another_program("b"));
        assert_eq!(script.ends(0, 1), ["failed a", "start b in 0"]);
        script.fresh(&task("c"));
        script.on(Input::Signal);
        let stopped = script.on(Input::ConsumerStopped);
        match ack {
            Ack::Auto => assert_eq!(stopped, ["warning: 1 prefetched task lost (--ack auto)"]),
            _ => assert_eq!(stopped, ["returned c", "return 3"]),
        }
        assert_eq!(script.ends(0, 0), ["done b", "end signal"]);
    }
}
