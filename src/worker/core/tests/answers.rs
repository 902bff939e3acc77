//! Results for the clients that wait for them.

use super::super::testing::asking;
use super::*;

fn ends_with_result(script: &mut Script) -> Vec<String> {
    let mut outcome = Outcome::from(Ending::Exit(0));
    outcome.result = b"out".to_vec();
    script.on(Input::Ended { slot: 0, outcome })
}

#[test]
fn a_result_is_delivered_before_the_task_is_acknowledged() {
    let mut script = Script::new(settings());
    script.fresh(&asking("x"));
    assert_eq!(
        ends_with_result(&mut script),
        ["done x", "publish 1 out to reply"]
    );
    assert_eq!(script.confirmed(1), ["ack 1"]);
}

#[test]
fn a_result_that_nobody_can_be_told_does_not_hold_up_the_task() {
    let mut script = Script::new(settings());
    script.fresh(&asking("x"));
    ends_with_result(&mut script);
    // Perhaps it is too long.
    assert_eq!(script.refused(1, body_too_large()), ["publish 2  to reply"]);
    let warning = "warning: a result could not be delivered";
    assert_eq!(script.refused(2, body_too_large()), [warning, "ack 1"]);
    script.fresh(&asking("y"));
    ends_with_result(&mut script);
    assert_eq!(script.refused(3, no_permission()), ["ack 2"], "said once");
    script.fresh(&asking("z"));
    ends_with_result(&mut script);
    let fault = Fault::new(Kind::Lost, "cut");
    let undecided = script.verdict(4, Verdict::Undecided(fault));
    assert_eq!(undecided, ["ack 3"]);
}

#[test]
fn the_result_of_a_failed_task_follows_its_dead_letter() {
    let mut settings = settings();
    settings.policy.on_failure = OnFailure::DeadLetter;
    let mut script = Script::new(settings);
    script.fresh(&asking("x"));
    assert_eq!(script.ends(0, 1), ["failed x", "publish 1 x to dead"]);
    assert_eq!(script.confirmed(1), ["publish 2  to reply"]);
    assert_eq!(script.confirmed(2), ["dead x", "ack 1"]);
}

/// A task whose result goes to this queue.
fn asking_for(queue: &str, body: &str) -> Task {
    let mut task = asking(body);
    task.properties = task.properties.with_reply_to(queue.to_owned());
    task
}

#[test]
fn a_result_that_a_queue_keeps_is_never_lost() {
    let mut script = Script::new(settings());
    script.fresh(&asking_for("q.results.r", "x"));
    assert_eq!(
        ends_with_result(&mut script),
        ["done x", "publish 1 out to q.results.r"]
    );
    // It may not be there, so the task is done again.
    let fault = Fault::new(Kind::Lost, "cut");
    let undecided = script.verdict(1, Verdict::Undecided(fault));
    assert!(undecided.contains(&"return 1".to_owned()), "{undecided:?}");
}

#[test]
fn an_address_that_is_not_allowed_is_told_once() {
    let mut script = Script::new(settings());
    script.fresh(&asking_for("elsewhere", "x"));
    let said = ends_with_result(&mut script);
    assert!(said[1].starts_with("warning: a task asks for its result in queue `elsewhere`"));
    assert_eq!(said.last().map(String::as_str), Some("ack 1"));
    script.fresh(&asking_for("elsewhere", "y"));
    assert_eq!(ends_with_result(&mut script), ["done y", "ack 2"]);
}
