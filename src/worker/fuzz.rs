//! Property tests of what becomes of a message: task, copy, dead letter, and task again.

use super::dead::begun_anew;
use super::{letters, redelivery};
use crate::amqp::fuzz::properties;
use crate::fuzz;
use crate::task::Task;
use crate::topology::QueueName;
use proptest::collection::vec;
use proptest::prelude::*;

fn task() -> impl Strategy<Value = Task> {
    (vec(any::<u8>(), 0..2000), properties())
        .prop_map(|(body, properties)| Task { body, properties })
}

/// The headers that are the task's own: not ours, and not the broker's.
fn own_headers(task: &Task) -> Vec<(String, String)> {
    let headers = task.properties.headers();
    let own = headers.filter(|(name, _)| !redelivery::is_ours(name));
    own.filter(|(name, _)| !["cc", "bcc"].contains(&name.to_ascii_lowercase().as_str()))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[test]
fn fuzz_tasks_through_failure_and_replay() {
    let queue: QueueName = "q".parse().unwrap();
    fuzz::check(
        &(task(), ".{0,200}", any::<bool>()),
        |(task, reason, redelivered)| {
            let returns = redelivery::redeliveries(&task, redelivered);
            let copies = [
                letters::failed_once_more(&task),
                letters::returned_so_often(&task, returns),
                letters::dead_letter(&task, &reason, "stderr", "host", &queue),
                begun_anew(&letters::dead_letter(
                    &task, &reason, "stderr", "host", &queue,
                )),
            ];
            for copy in &copies {
                prop_assert_eq!(&copy.body, &task.body);
                prop_assert_eq!(copy.id(), task.id());
                prop_assert_eq!(copy.properties.priority(), task.properties.priority());
                prop_assert_eq!(copy.properties.timestamp(), task.properties.timestamp());
                prop_assert_eq!(own_headers(copy), own_headers(&task));
                prop_assert!(!copy.line().chars().any(char::is_control));
            }
            let [failed, returned, dead, anew] = &copies;
            let attempts = redelivery::count(&task, redelivery::ATTEMPTS);
            prop_assert_eq!(
                redelivery::count(failed, redelivery::ATTEMPTS),
                attempts.saturating_add(1)
            );
            prop_assert_eq!(redelivery::redeliveries(returned, false), returns);
            prop_assert_eq!(dead.properties.header(redelivery::ERROR), Some(reason));
            prop_assert_eq!(anew.properties.header(redelivery::ERROR), None);
            prop_assert_eq!(redelivery::count(anew, redelivery::ATTEMPTS), 0);
            Ok(())
        },
    );
}
