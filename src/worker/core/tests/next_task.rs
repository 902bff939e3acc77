//! Which task a slot may begin by itself.

use super::super::testing::task;
use super::*;
use std::num::NonZeroU64;

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
    fn known(&self) -> Option<String> {
        self.worker.next_task().map(|next| body(&next.task))
    }
}

#[test]
fn it_is_the_one_that_begins_whatever_came_of_the_last() {
    for code in [0, 1] {
        let mut script = busy(many());
        assert_eq!(script.known().as_deref(), Some("b"));
        let follows = script.ends(0, code);
        assert!(follows.contains(&"start b in 0".to_owned()), "{follows:?}");
        assert_eq!(script.known(), None);
    }
}

#[test]
fn it_is_not_known_where_another_may_come_first_or_none() {
    // A task that came back comes first.
    let mut script = busy(many());
    script.again(&task("c"));
    assert_eq!(script.known(), None);
    // A failed one that could not be moved does when its time has come.
    let mut script = busy(many());
    script.fresh(&task("c"));
    script.ends(0, 1);
    assert_eq!(script.known().as_deref(), Some("c"));
    script.refused(1, no_permission());
    script.refused(2, no_permission());
    assert_eq!(script.known(), None);
    // The worker stops, or takes no more for now, or has a number of tasks to do.
    let mut script = busy(many());
    script.on(Input::Signal);
    assert_eq!(script.known(), None);
    let mut script = busy(many());
    script.on(Input::Pause("busy".to_owned()));
    assert_eq!(script.known(), None);
    for (most, known) in [(1, None), (2, Some("b"))] {
        let mut limited = many();
        limited.ending.max_tasks = NonZeroU64::new(most);
        assert_eq!(busy(limited).known().as_deref(), known);
    }
    // The broker has it again.
    let mut script = busy(many());
    script.loses_the_connection();
    assert_eq!(script.known(), None);
}

#[test]
fn there_is_none_while_a_slot_is_free() {
    let mut script = Script::new(Settings {
        prefetch: Prefetch::Unlimited,
        ..slots(2)
    });
    script.fresh(&task("a"));
    assert_eq!(script.known(), None);
    script.fresh(&task("b"));
    assert_eq!(script.known(), None, "nothing waits");
    script.fresh(&task("c"));
    assert_eq!(script.known().as_deref(), Some("c"));
}
