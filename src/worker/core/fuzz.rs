//! Property tests of what becomes of a message: task, copy, dead letter, and task again.

use super::account::{Account, Detail};
use super::headers;
use super::messages::{Author, failed_once_more, returned_so_often};
use super::policy::{Ending, Outcome};
use super::replay::begun_anew;
use super::testing::moment;
use crate::amqp::fuzz::properties;
use crate::base::fuzz;
use crate::queues::{QueueName, ReplyPolicy};
use crate::task::Task;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

fn task() -> impl Strategy<Value = Task> {
    (vec(any::<u8>(), 0..2000), properties())
        .prop_map(|(body, properties)| Task { body, properties })
}

/// The headers that are the task's own: not ours, and not the broker's.
fn own_headers(task: &Task) -> Vec<(String, String)> {
    let headers = task.properties.headers();
    let own = headers.filter(|(name, _)| !headers::is_ours(name));
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
            let returns = headers::redeliveries(&task, redelivered);
            let account = Account {
                reason: reason.clone(),
                ..Account::of(
                    Outcome::from(Ending::Exit(1)),
                    Duration::ZERO,
                    moment().wall,
                )
            };
            let author = Author {
                host: "host",
                queue: &queue,
                replies: &ReplyPolicy::new(&queue, Vec::new()),
            };
            let dead = author.dead_letter(&task, &account, Detail::Full, moment());
            let copies = [
                failed_once_more(&task),
                returned_so_often(&task, returns),
                begun_anew(&dead),
                dead,
            ];
            for copy in &copies {
                prop_assert_eq!(&copy.body, &task.body);
                prop_assert_eq!(copy.id(), task.id());
                prop_assert_eq!(copy.properties.priority(), task.properties.priority());
                prop_assert_eq!(copy.properties.timestamp(), task.properties.timestamp());
                prop_assert_eq!(own_headers(copy), own_headers(&task));
                prop_assert!(!copy.line().chars().any(char::is_control));
            }
            let [failed, returned, anew, dead] = &copies;
            let attempts = headers::count(&task, headers::ATTEMPTS);
            prop_assert_eq!(
                headers::count(failed, headers::ATTEMPTS),
                attempts.saturating_add(1)
            );
            prop_assert_eq!(headers::redeliveries(returned, false), returns);
            prop_assert_eq!(dead.properties.header(headers::ERROR), Some(reason));
            prop_assert_eq!(anew.properties.header(headers::ERROR), None);
            prop_assert_eq!(headers::count(anew, headers::ATTEMPTS), 0);
            Ok(())
        },
    );
}
