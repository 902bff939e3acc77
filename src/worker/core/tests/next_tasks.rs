//! Which tasks slots may begin by themselves.

use super::super::testing::task;
use super::*;
use std::num::{NonZeroU16, NonZeroU64};

/// A worker with one slot that runs `a` and has `b` here.
fn busy(settings: Settings) -> Script {
    let mut script = Script::new(settings);
    script.fresh(&task("a"));
    script.fresh(&task("b"));
    script
}

fn many() -> Settings {
    Settings {
        prefetch: Prefetch::Unlimited,
        ..settings()
    }
}

impl Script {
    fn known(&self) -> String {
        let next = self.worker.next_tasks().map(|next| body(&next.task));
        next.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn it_is_the_one_that_begins_whatever_came_of_the_last() {
    for code in [0, 1] {
        let mut script = busy(many());
        script.fresh(&task("c"));
        assert_eq!(script.known(), "b c");
        for next in ["b", "c"] {
            let follows = script.ends(0, code);
            let start = format!("start {next} in 0");
            assert!(follows.contains(&start), "{follows:?}");
        }
        assert_eq!(script.known(), "");
    }
}

#[test]
fn behind_one_that_came_back_none_is_known() {
    let mut script = busy(many());
    script.loses_the_connection();
    script.on(Input::Connected);
    script.on(Input::Consuming);
    script.fresh(&task("c"));
    script.again(&task("d"));
    assert_eq!(script.known(), "");
}

#[test]
fn it_is_told_after_how_many_ends_they_are_to_be_acknowledged() {
    let mut script = busy(Settings {
        prefetch: Prefetch::AtMost(NonZeroU16::new(21).unwrap()),
        ..settings()
    });
    assert_eq!(script.worker.ends_until_due(), 10);
    script.ends(0, 0);
    assert_eq!(script.worker.ends_until_due(), 9, "one waits");
    let script = busy(settings());
    assert_eq!(script.worker.ends_until_due(), 1);
}

#[test]
fn it_is_not_known_where_another_may_come_first_or_none() {
    // A task that came back comes first.
    let mut script = busy(many());
    script.again(&task("c"));
    assert_eq!(script.known(), "");
    // A failed one that could not be moved does when its time has come.
    let mut script = busy(many());
    script.fresh(&task("c"));
    script.ends(0, 1);
    assert_eq!(script.known(), "c");
    script.refused(1, no_permission());
    script.refused(2, no_permission());
    assert_eq!(script.known(), "");
    // The worker stops, or takes no more for now, or has a number of tasks to do.
    let mut script = busy(many());
    script.on(Input::Signal);
    assert_eq!(script.known(), "");
    let mut script = busy(many());
    script.on(Input::Pause("busy".to_owned()));
    assert_eq!(script.known(), "");
    for (most, known) in [(1, ""), (2, "b"), (3, "b c")] {
        let mut limited = many();
        limited.ending.max_tasks = NonZeroU64::new(most);
        let mut script = busy(limited);
        script.fresh(&task("c"));
        assert_eq!(script.known(), known);
    }
    // The broker has it again.
    let mut script = busy(many());
    script.loses_the_connection();
    assert_eq!(script.known(), "");
}

#[test]
fn there_is_none_while_a_slot_is_free() {
    let mut script = Script::new(Settings {
        prefetch: Prefetch::Unlimited,
        ..slots(2)
    });
    script.fresh(&task("a"));
    assert_eq!(script.known(), "");
    script.fresh(&task("b"));
    assert_eq!(script.known(), "", "nothing waits");
    script.fresh(&task("c"));
    assert_eq!(script.known(), "c");
}
