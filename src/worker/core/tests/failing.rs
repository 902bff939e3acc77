//! Tasks fail, come back, and cannot be moved.

use super::super::headers;
use super::super::testing::{by_another_program, task};
use super::*;

#[test]
fn a_retry_is_safe_before_the_original_is_acknowledged() {
    let mut script = Script::new(settings());
    let task = task("x");
    script.fresh(&task);
    let failed = script.ends(0, 1);
    assert_eq!(failed, ["failed x", "publish 1 x to delay 1s"]);
    assert_eq!(script.confirmed(1), ["retried x", "ack 1"]);
    // The second failure is the last one.
    script.fresh(&messages::failed_once_more(&task));
    assert_eq!(script.ends(0, 1).pop().unwrap(), "publish 2 x to dead");
    assert_eq!(script.confirmed(2), ["dead x", "ack 2"]);
}

#[test]
fn a_message_that_may_be_there_or_not_gives_the_original_back() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.ends(0, 1);
    let fault = Fault::new(Kind::Lost, "cut");
    let follows = script.verdict(1, Verdict::Undecided(fault));
    assert_eq!(follows, ["warning: cut", "returned x", "return 1"]);
}

#[test]
fn a_retry_that_is_refused_is_a_dead_letter_that_tells_as_much_as_fits() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.ends(0, 1);
    let warning = "warning: a failed task could not be retried (no)";
    let refused = script.refused(1, frame_too_large());
    assert_eq!(refused, [warning, "publish 2 x to dead"]);
    for number in 2..=4 {
        let expected = format!("publish {} x to dead", number + 1);
        assert_eq!(script.refused(number, frame_too_large()), [expected]);
    }
    assert_eq!(script.confirmed(5), ["dead x", "ack 1"]);
}

#[test]
fn a_task_that_cannot_be_moved_waits_longer_and_longer_and_holds_up_nothing() {
    let mut script = Script::new(settings());
    let (stuck, sound) = (task("stuck"), task("sound"));
    script.fresh(&stuck);
    script.ends(0, 1);
    let warning = "warning: a failed task could not be retried (no)";
    assert_eq!(
        script.refused(1, body_too_large()),
        [warning, "publish 2 stuck to dead"]
    );
    let returned = script.refused(2, body_too_large());
    let warning = "warning: a failed task cannot be moved and stays in the queue";
    assert_eq!(returned, [warning, "returned stuck", "return 1"]);
    let mut pauses = Vec::new();
    let mut number = 2;
    for _ in 0..4 {
        // It comes again at once, and takes the only place: another consumer takes the others.
        assert_eq!(script.again(&stuck), ["cancel"]);
        assert_eq!(script.on(Input::ConsumerStopped), ["consume"]);
        script.on(Input::Consuming);
        assert_eq!(script.fresh(&sound), ["start sound in 0"]);
        assert_eq!(script.ends(0, 0)[0], "done sound");
        let (waited, follows) = script.waits_until_due();
        pauses.push(waited.as_secs());
        // Its return is counted, or not; it does not matter here.
        number += 1;
        assert_eq!(follows, [format!("publish {number} stuck to work")]);
        let follows = script.refused(number, body_too_large());
        assert_eq!(follows.last().unwrap(), "start stuck in 0");
        number += 1;
        assert_eq!(
            script.ends(0, 1),
            [
                "failed stuck".to_owned(),
                format!("publish {number} stuck to delay 1s")
            ]
        );
        script.refused(number, body_too_large());
        number += 1;
        let follows = script.refused(number, body_too_large());
        assert_eq!(follows[..2], [warning, "returned stuck"]);
    }
    assert_eq!(pauses, [1, 2, 4, 8]);
}

/// The broker has taken the delivery away that is held back, and delivers the task again.
#[test]
fn a_task_that_is_held_back_and_comes_again_runs_once_at_a_time() {
    let mut script = Script::new(Settings {
        prefetch: prefetch(4),
        ..slots(2)
    });
    let stuck = task("stuck");
    script.fresh(&stuck);
    script.ends(0, 1);
    script.refused(1, body_too_large());
    script.refused(2, body_too_large());
    assert!(script.again(&stuck).is_empty());
    assert!(script.again(&stuck).is_empty());
    assert_eq!(
        script.waits_until_due().1,
        ["publish 3 stuck to work"],
        "the other one waits for it"
    );
    let mut follows = script.refused(3, body_too_large());
    follows.extend(script.refused(4, body_too_large()));
    let begins = |action: &&String| action.starts_with("start stuck");
    assert_eq!(follows.iter().filter(begins).count(), 1, "{follows:?}");
    let follows = script.ends(0, 0);
    assert_eq!(follows, ["done stuck", "skipped stuck", "ack 2 3"]);
}

#[test]
fn a_worker_whose_failed_tasks_cannot_go_anywhere_ends() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.ends(0, 1);
    assert_eq!(
        script.refused(1, no_permission()),
        ["returned x", "return 1", "draining 0", "cancel"]
    );
    let end = script.on(Input::ConsumerStopped).pop().unwrap();
    assert!(
        end.starts_with("end failed: a failed task cannot be moved"),
        "{end}"
    );
}

#[test]
fn a_return_is_counted_by_a_copy_which_waits_for_the_original() {
    let mut script = Script::new(slots(2));
    let task = task("x");
    assert_eq!(script.again(&task), ["publish 1 x to work"]);
    let copy = messages::returned_so_often(&task, 1);
    assert!(script.fresh(&copy).is_empty());
    assert_eq!(script.confirmed(1), ["ack 1", "start x in 0"]);
    assert_eq!(script.ends(0, 0), ["done x", "ack 2"]);
}

/// If one killed its worker while others are being counted, each of these would be there twice.
#[test]
fn tasks_that_came_back_wait_until_all_that_came_with_them_are_counted() {
    let mut script = Script::new(slots(3));
    let (first, second) = (task("x"), task("y"));
    assert_eq!(script.again(&first), ["publish 1 x to work"]);
    assert_eq!(script.again(&second), ["publish 2 y to work"]);
    assert!(
        script
            .fresh(&messages::returned_so_often(&second, 1))
            .is_empty()
    );
    assert_eq!(script.confirmed(2), ["ack 2"]);
    assert_eq!(script.fresh(&task("fresh")), ["start fresh in 0"]);
    assert_eq!(script.confirmed(1), ["ack 1", "start y in 1"]);
}

/// Several messages of a task that kills its workers. If one killed this worker before all are
/// counted, there would be more of them each time.
#[test]
fn messages_of_one_task_that_came_back_are_counted_one_after_the_other() {
    let mut script = Script::new(slots(3));
    let task = task("x");
    assert_eq!(script.again(&task), ["publish 1 x to work"]);
    assert!(script.again(&task).is_empty());
    let copy = messages::returned_so_often(&task, 1);
    assert!(script.fresh(&copy).is_empty());
    assert_eq!(script.confirmed(1), ["publish 2 x to work", "ack 1"]);
    assert_eq!(script.confirmed(2), ["ack 2", "start x in 0"]);
}

/// Over a slow line. If it were begun, it would be there twice each time that it comes back.
#[test]
fn a_copy_that_is_on_its_way_is_waited_for() {
    let mut script = Script::new(slots(2));
    script.again(&task("x"));
    for _ in 0..10 {
        assert_eq!(script.waits_until_due().1, ["withdraw 1"]);
    }
    // It does not keep its place from others.
    let follows = script.fresh(&task("fresh"));
    assert_eq!(follows, ["start fresh in 0", "cancel"]);
    assert_eq!(script.confirmed(1), ["ack 1"]);
}

/// A quorum queue discards what comes back too often.
#[test]
fn a_return_near_the_queues_limit_is_counted_however_long_that_takes() {
    let mut script = Script::new(settings());
    let mut near = task("x");
    near.properties = near
        .properties
        .with_header(headers::DELIVERY_COUNT, "10".to_owned());
    let mut settings = super::settings();
    settings.max_redeliveries = 100;
    script.worker = Script::new(settings).worker;
    assert_eq!(script.again(&near), ["publish 1 x to work"]);
    let (waited, follows) = script.waits_until_due();
    assert_eq!((waited.as_secs(), follows), (2, vec!["cancel".to_owned()]));
    script.on(Input::ConsumerStopped);
    script.on(Input::Consuming);
    // Others that came back do not wait for it.
    script.again(&task("y"));
    assert_eq!(script.confirmed(2), ["ack 2"]);
    assert!(script.waits(60.0).is_empty());
    assert_eq!(script.confirmed(1), ["ack 1"]);
}

#[test]
fn counting_is_best_effort() {
    let mut script = Script::new(settings());
    assert_eq!(script.again(&task("x")), ["publish 1 x to work"]);
    let (waited, follows) = script.waits_until_due();
    assert_eq!(waited.as_secs(), 2);
    let warning = "warning: the broker does not accept the copies that count returned tasks";
    assert_eq!(follows, ["withdraw 1", "cancel"]);
    script.on(Input::ConsumerStopped);
    script.on(Input::Consuming);
    let withdrawn = script.verdict(1, Verdict::Withdrawn);
    assert_eq!(withdrawn, [warning, "start x in 0"]);
    assert_eq!(script.ends(0, 0), ["done x", "ack 1"]);
    // The next ones do not wait for it.
    assert_eq!(script.again(&task("y")), ["start y in 0"]);
    script.ends(0, 0);
    script.passes(31.0);
    assert_eq!(script.again(&task("z")), ["publish 2 z to work"]);
    script.confirmed(2);
    assert_eq!(script.again(&task("a")), ["publish 3 a to work"]);
    let refused = script.refused(3, no_permission());
    assert_eq!(refused.last().unwrap(), "start a in 0");
    script.ends(0, 0);
    script.passes(3600.0);
    assert_eq!(script.again(&task("b")), ["start b in 0"]);
}

#[test]
fn a_copy_that_was_sent_all_the_same_is_not_done_again() {
    let mut script = Script::new(slots(2));
    let task = task("x");
    let copy = messages::returned_so_often(&task, 1);
    script.again(&task);
    assert_eq!(script.waits_until_due().1, ["withdraw 1"]);
    let undecided = || Verdict::Undecided(Fault::new(Kind::Lost, "blocked"));
    let follows = script.verdict(1, undecided());
    assert_eq!(follows.last().unwrap(), "start x in 0");
    // The original runs; its copy was on its way.
    assert!(script.fresh(&copy).is_empty());
    let done = script.ends(0, 0);
    assert_eq!(done, ["done x", "skipped x", "ack 1 2"]);
    // The same, where it comes later.
    script.passes(60.0);
    let task = super::super::testing::task("y");
    let copy = messages::returned_so_often(&task, 1);
    script.again(&task);
    script.verdict(2, undecided());
    script.ends(0, 0);
    assert_eq!(script.fresh(&copy), ["skipped y", "ack 4"]);
}

#[test]
fn a_task_that_came_back_too_often_is_a_dead_letter() {
    let mut script = Script::new(settings());
    let mut task = by_another_program("x");
    task.properties = task
        .properties
        .with_header(headers::REDELIVERIES, "2".to_owned());
    assert_eq!(script.again(&task), ["publish 1 x to dead"]);
    assert_eq!(script.confirmed(1), ["dead x", "ack 1"]);
}

#[test]
fn settlements_that_take_long_leave_their_places_to_others() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.ends(0, 1);
    let (waited, follows) = script.waits_until_due();
    assert_eq!((waited.as_secs(), follows), (5, vec!["cancel".to_owned()]));
    assert_eq!(script.on(Input::ConsumerStopped), ["consume"]);
    script.on(Input::Consuming);
    assert_eq!(script.fresh(&task("y")), ["start y in 0"]);
    assert_eq!(script.ends(0, 0), ["done y", "ack 2"]);
    assert_eq!(script.confirmed(1), ["retried x", "ack 1"]);
}
