//! Signals, the grace, and what is given back.

use super::super::testing::task;
use super::*;

#[test]
fn the_first_signal_lets_running_tasks_finish_and_gives_the_others_back() {
    let mut script = Script::new(Settings {
        prefetch: prefetch(3),
        ..settings()
    });
    for name in ["x", "y", "z"] {
        script.fresh(&task(name));
    }
    assert_eq!(script.on(Input::Signal), ["draining 1", "cancel"]);
    assert!(script.fresh(&task("late")).is_empty());
    let returned = [("y", 2), ("z", 3), ("late", 4)];
    let returned: Vec<String> = returned
        .iter()
        .flat_map(|(name, tag)| [format!("returned {name}"), format!("return {tag}")])
        .collect();
    assert_eq!(script.on(Input::ConsumerStopped), returned);
    assert_eq!(script.ends(0, 0), ["done x", "ack 1", "end signal"]);
    assert!(script.on(Input::Signal).is_empty());
}

#[test]
fn the_second_signal_ends_commands_and_the_third_kills_them() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.on(Input::Signal);
    script.on(Input::ConsumerStopped);
    assert_eq!(script.on(Input::Signal), ["term"]);
    assert_eq!(script.on(Input::Signal), ["kill"]);
    assert_eq!(
        script.ends(0, 0),
        ["returned x", "return 1", "end interrupted"],
        "it was we who ended it"
    );
}

#[test]
fn what_does_not_end_is_killed_and_then_left() {
    let mut settings = settings();
    settings.ending.grace = Some(Duration::from_secs(3));
    let mut script = Script::new(settings);
    script.fresh(&task("x"));
    script.on(Input::Signal);
    script.on(Input::ConsumerStopped);
    let steps: Vec<(u64, Vec<String>)> = (0..3)
        .map(|_| script.waits_until_due())
        .map(|(waited, follows)| (waited.as_secs(), follows))
        .collect();
    let follows = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(
        steps,
        [
            (3, follows(&["warning: the grace is over", "term"])),
            (5, follows(&["kill"])),
            (2, follows(&["returned x", "return 1", "end interrupted"])),
        ]
    );
}

#[test]
fn a_broker_that_takes_nothing_is_not_waited_for_for_ever() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.ends(0, 1);
    script.on(Input::Signal);
    assert!(script.on(Input::ConsumerStopped).is_empty());
    script.waits_until_due();
    let (_, follows) = script.waits_until_due();
    let warning = "warning: the broker does not accept retries and dead letters";
    assert_eq!(follows, [warning, "withdraw 1", "return 1", "end signal"]);
}

#[test]
fn a_retry_that_is_confirmed_while_it_stops_is_acknowledged() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.on(Input::Signal);
    script.on(Input::ConsumerStopped);
    script.ends(0, 1);
    assert_eq!(script.confirmed(1), ["retried x", "ack 1", "end signal"]);
}

#[test]
fn a_task_whose_command_could_not_be_started_goes_back() {
    let mut script = Script::new(slots(2));
    script.fresh(&task("x"));
    let why = || CannotRun::ForNow("no memory".to_owned());
    script.on(Input::NotStarted {
        slot: 0,
        why: why(),
    });
    let signalled = script.on(Input::Signal);
    assert_eq!(
        signalled,
        ["draining 1", "returned x", "return 1", "cancel"]
    );
    assert_eq!(script.on(Input::ConsumerStopped), ["end signal"]);
}

#[test]
fn a_command_that_is_gone_ends_the_worker_and_keeps_its_task() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    let why = CannotRun::Ever(Fault::new(Kind::SetUp, "gone"));
    let gone = script.on(Input::NotStarted { slot: 0, why });
    assert_eq!(gone, ["returned x", "return 1", "draining 0", "cancel"]);
    assert_eq!(script.on(Input::ConsumerStopped), ["end failed: gone"]);
}

fn output_lost() -> Input {
    Input::OutputLost(Fault::new(Kind::ReaderGone, "gone"))
}

#[test]
fn what_runs_is_ended_and_returned_once_nobody_hears_of_it() {
    let mut script = Script::new(slots(2));
    script.fresh(&task("x"));
    script.fresh(&task("y"));
    // At once, whether the broker answers or not.
    assert_eq!(script.on(output_lost()), ["term", "draining 2", "cancel"]);
    assert!(script.on(output_lost()).is_empty());
    script.on(Input::ConsumerStopped);
    assert_eq!(script.ends(1, 0), ["returned y", "return 2"]);
    assert_eq!(script.on(Input::Signal), ["kill"]);
    let ended = script.ends(0, 1);
    assert_eq!(ended, ["returned x", "return 1", "end failed: gone"]);

    let mut script = Script::new(settings());
    assert_eq!(script.on(output_lost()), ["draining 0", "cancel"]);
    assert_eq!(script.on(Input::ConsumerStopped), ["end failed: gone"]);

    // Nobody else would run it.
    let mut script = Script::new(Settings {
        ack: Ack::Auto,
        ..settings()
    });
    script.fresh(&task("x"));
    assert_eq!(script.on(output_lost()), ["draining 1", "cancel"]);
    script.on(Input::ConsumerStopped);
    assert_eq!(script.ends(0, 0), ["done x", "end failed: gone"]);
}

#[test]
fn a_task_that_may_not_have_been_heard_of_is_not_acknowledged() {
    let mut script = Script::new(Settings {
        prefetch: prefetch(10),
        ..settings()
    });
    for name in ["x", "y"] {
        script.fresh(&task(name));
    }
    assert_eq!(script.ends(0, 0), ["done x", "start y in 0"]);
    let warning = "warning: 1 finished task could not be acknowledged";
    let lost = script.on(output_lost());
    assert_eq!(lost, [warning, "term", "draining 1", "cancel"]);
    script.on(Input::ConsumerStopped);
    let ended = script.ends(0, 0);
    assert_eq!(ended, ["returned y", "return 2", "end failed: gone"]);
}

#[test]
fn a_retry_that_was_heard_of_is_acknowledged_when_it_is_confirmed() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.ends(0, 1);
    assert_eq!(script.on(output_lost()), ["draining 0", "cancel"]);
    assert!(script.on(Input::ConsumerStopped).is_empty());
    let confirmed = script.confirmed(1);
    assert_eq!(confirmed, ["retried x", "ack 1", "end failed: gone"]);
}

#[test]
fn a_worker_that_has_no_connection_stops_when_its_tasks_are_done() {
    let mut script = Script::new(settings());
    script.fresh(&task("x"));
    script.on(Input::Signal);
    script.on(Input::ConsumerStopped);
    assert!(script.loses_the_connection().is_empty());
    let end = script.ends(0, 0).pop().unwrap();
    assert!(end.starts_with("end failed: cut; 1 finished"), "{end}");

    let mut script = Script::new(settings());
    script.loses_the_connection();
    assert_eq!(script.on(Input::Signal), ["end signal"]);

    let mut script = Script::new(settings());
    script.loses_the_connection();
    let fault = Fault::new(Kind::Unreachable, "away");
    assert_eq!(script.on(Input::Failed(fault)), ["end failed: away"]);
}

#[test]
fn a_task_that_cannot_be_moved_is_not_counted_as_done() {
    let mut settings = settings();
    settings.policy.on_failure = OnFailure::DeadLetter;
    settings.ending.exit_when_empty = true;
    let mut script = Script::new(settings);
    let stuck = task("x");
    script.fresh(&stuck);
    // The answer to what was asked before.
    script.on(ready(0));
    script.ends(0, 1);
    script.refused(1, body_too_large());
    script.again(&stuck);
    script.on(Input::ConsumerStopped);
    let mut follows = script.on(Input::Consuming);
    while follows.is_empty() || follows == ["count"] || follows == ["cancel"] {
        follows = match follows.first().map(String::as_str) {
            None => script.waits_until_due().1,
            Some("count") => script.on(ready(0)),
            Some(_) => script.on(Input::ConsumerStopped),
        };
    }
    let end = follows.pop().unwrap();
    assert!(
        end.starts_with("end failed: 1 failed task could not be moved"),
        "{end}"
    );
    assert_eq!(follows, ["returned x", "return 2"]);
}

#[test]
fn a_worker_that_stops_does_not_wake_for_what_it_would_begin() {
    let mut settings = settings();
    settings.policy.on_failure = OnFailure::DeadLetter;
    let mut script = Script::new(settings);
    let stuck = task("x");
    script.fresh(&stuck);
    script.ends(0, 1);
    script.refused(1, body_too_large());
    assert_eq!(script.again(&stuck), ["cancel"]);
    assert!(script.worker.wakes_at().is_some());
    // The broker does not answer, and the task stays until it does.
    assert!(script.on(Input::Signal).is_empty());
    while script.worker.wakes_at().is_some() {
        let (due, follows) = script.waits_until_due();
        assert!(follows.is_empty() && !due.is_zero(), "{due:?} {follows:?}");
    }
    let end = ["returned x", "return 2", "end signal"];
    assert_eq!(script.on(Input::ConsumerStopped), end);
}
