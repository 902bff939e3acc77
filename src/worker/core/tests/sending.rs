//! Results wait for others, to be published together.

use super::super::testing::asking;
use super::*;

const RESULTS: [&str; 3] = [
    "publish 1  to reply",
    "publish 2  to reply",
    "publish 3  to reply",
];

/// Two slots run `a` and `b`, and there are more tasks. Three results are enough: half of the
/// six tasks that may be here and do not run.
fn busy() -> Script {
    let mut script = with_tasks(&["a", "b", "c", "d", "e"]);
    assert_eq!(script.ends(0, 0), ["done a", "start c in 0"]);
    script
}

fn with_tasks(bodies: &[&str]) -> Script {
    let mut script = Script::new(Settings {
        prefetch: prefetch(8),
        ..slots(2)
    });
    for body in bodies {
        script.fresh(&asking(body));
    }
    script
}

#[test]
fn a_result_does_not_wait_for_long() {
    let mut script = busy();
    let (waited, follows) = script.waits_until_due();
    assert_eq!((waited.as_millis(), follows), (80, vec![RESULTS[0].into()]));
    assert!(script.confirmed(1).is_empty());
    let (waited, follows) = script.waits_until_due();
    assert_eq!((waited.as_millis(), follows), (20, vec!["ack 1".into()]));
}

#[test]
fn enough_of_them_wait_no_longer() {
    let mut script = busy();
    assert_eq!(script.ends(0, 0), ["done c", "start d in 0"]);
    let mut follows = script.ends(1, 0);
    let results = follows.split_off(2);
    assert_eq!(follows, ["done b", "start e in 1"]);
    assert_eq!(results, RESULTS);
}

/// Else the result of each short task would wait as long as a long one runs in another slot.
#[test]
fn where_a_slot_is_free_they_go_at_once() {
    let mut script = with_tasks(&["a", "b", "c"]);
    assert_eq!(script.ends(0, 0), ["done a", "start c in 0"]);
    assert_eq!(script.ends(0, 0), ["done c", RESULTS[0], RESULTS[1]]);
    script.fresh(&asking("d"));
    assert_eq!(script.ends(0, 0), ["done d", RESULTS[2]]);
}

#[test]
fn a_worker_that_stops_waits_for_no_company() {
    let mut script = busy();
    assert_eq!(
        script.on(Input::Signal),
        ["draining 2", RESULTS[0], "cancel"],
        "the broker's answer is not waited for"
    );
    assert_eq!(script.ends(0, 0), ["done c", RESULTS[1]]);
}

/// The publisher has a connection of its own.
#[test]
fn they_go_while_the_connection_is_lost() {
    let mut script = busy();
    script.loses_the_connection();
    let (_, follows) = script.waits_until_due();
    assert_eq!(follows, [RESULTS[0]]);
}
