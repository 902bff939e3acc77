use super::super::testing::moment;
use super::*;

const NOTHING: Counts = Counts {
    ready: 0,
    delayed: 0,
    consumers: 1,
    cancelled_count: false,
};

fn settings(exit_when_empty: bool, idle_timeout: Option<Duration>) -> EndSettings {
    EndSettings {
        exit_when_empty,
        idle_timeout,
        max_tasks: None,
        grace: None,
        kill_after: None,
    }
}

fn ends_when_empty() -> (Emptiness, Instant) {
    let now = moment().instant;
    (Emptiness::new(now, &settings(true, None)), now)
}

fn ask() -> Next {
    Next::Ask(Vec::new())
}

#[test]
fn it_asks_twice_cancels_and_asks_again() {
    let (mut emptiness, now) = ends_when_empty();
    assert_eq!(emptiness.nothing_to_do(now), ask());
    assert_eq!(emptiness.nothing_to_do(now), Next::Wait);
    assert_eq!(emptiness.counted(now, NOTHING, true), ask());
    assert_eq!(emptiness.counted(now, NOTHING, true), Next::Cancel);
    assert_eq!(emptiness.cancelled_and_nothing_to_do(now), ask());
    assert_eq!(emptiness.counted(now, NOTHING, true), Next::Empty);
}

#[test]
fn a_task_at_the_last_moment_is_done_first() {
    let (mut emptiness, now) = ends_when_empty();
    emptiness.nothing_to_do(now);
    emptiness.counted(now, NOTHING, true);
    emptiness.counted(now, NOTHING, true);
    emptiness.cancelled_and_nothing_to_do(now);
    let more = Counts {
        ready: 1,
        ..NOTHING
    };
    assert_eq!(emptiness.counted(now, more, true), Next::Resume);
    assert_eq!(emptiness.nothing_to_do(now), Next::Wait);
    assert_eq!(emptiness.wakes_at(), Some(now + POLL));
    assert_eq!(emptiness.nothing_to_do(now + POLL), ask());
    assert_eq!(emptiness.counted(now, NOTHING, false), Next::Wait);
}

#[test]
fn what_was_put_off_is_waited_for() {
    let (mut emptiness, now) = ends_when_empty();
    let until = now + Duration::from_secs(1);
    emptiness.put_off("q.delay.1000".to_owned(), Some(until));
    assert_eq!(emptiness.nothing_to_do(now), Next::Wait);
    let mut later = until + ON_ITS_WAY;
    let ask_for_it = Next::Ask(vec!["q.delay.1000".to_owned()]);
    assert_eq!(emptiness.nothing_to_do(later), ask_for_it);
    let delayed = Counts {
        delayed: 1,
        ..NOTHING
    };
    assert_eq!(emptiness.counted(later, delayed, true), Next::Wait);
    later += POLL;
    assert_eq!(emptiness.nothing_to_do(later), ask_for_it);
    assert_eq!(emptiness.counted(later, NOTHING, true), ask());
    emptiness.put_off("q.delay.1000".to_owned(), Some(until));
    later = until + OVERDUE;
    emptiness.disconnected();
    assert_eq!(emptiness.nothing_to_do(later), ask());
}

#[test]
fn idle_time_begins_anew_with_each_task() {
    let now = moment().instant;
    let second = Duration::from_secs(1);
    let mut emptiness = Emptiness::new(now, &settings(false, Some(second)));
    emptiness.touch(now + second);
    assert!(!emptiness.is_idle_for_long(now + second));
    assert_eq!(emptiness.wakes_at(), Some(now + 2 * second));
    assert!(emptiness.is_idle_for_long(now + 2 * second));
    assert_eq!(emptiness.nothing_to_do(now + second), Next::Wait);
}
