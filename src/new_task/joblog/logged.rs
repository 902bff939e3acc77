//! The tasks that a log has.

use super::line::{Line, command};
use crate::task::TaskBody;
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher as _;

/// Which of the logged tasks are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// None (`--resume`).
    Nothing,
    /// Those that failed (`--resume-failed`).
    Failed,
}

/// The tasks that a log has, by their numbers.
#[derive(Debug)]
pub struct LoggedTasks {
    tasks: HashMap<u64, LoggedTask>,
    /// The highest number.
    last: u64,
    again: Again,
    /// Bodies are kept as hashes, as there may be millions.
    hasher: RandomState,
}

#[derive(Debug)]
struct LoggedTask {
    command: u64,
    has_failed: bool,
}

impl LoggedTasks {
    /// None yet.
    pub(super) fn new(again: Again) -> Self {
        Self {
            tasks: HashMap::new(),
            last: 0,
            again,
            hasher: RandomState::new(),
        }
    }

    /// Adds a line. Of two with the same number the last counts; false: they are different tasks.
    pub(super) fn add(&mut self, line: &Line<'_>) -> bool {
        let task = LoggedTask {
            command: self.hasher.hash_one(line.command),
            has_failed: line.has_failed,
        };
        self.last = self.last.max(line.number);
        match self.tasks.entry(line.number) {
            Entry::Occupied(mut before) => before.insert(task).command == before.get().command,
            Entry::Vacant(place) => {
                place.insert(task);
                true
            }
        }
    }

    /// The highest number, 0 where there is no task.
    pub(in super::super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether the log may be of a list that has this task: false where it has another one in its
    /// place.
    pub(in super::super) fn fits(&self, number: u64, body: &[u8]) -> bool {
        let Some(task) = self.tasks.get(&number) else {
            return true;
        };
        let is = |body| task.command == self.hasher.hash_one(command(&body).as_bytes());
        // Where results were collected, the log has but the beginning of a long body.
        is(TaskBody::whole(body.to_vec())) || is(TaskBody::repeated(body))
    }

    /// Whether the task of this number is not to be sent.
    pub(in super::super) fn skips(&self, number: u64) -> bool {
        let is_over = |task: &LoggedTask| !task.has_failed || self.again == Again::Nothing;
        self.tasks.get(&number).is_some_and(is_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u64, has_failed: bool, command: &[u8]) -> Line<'_> {
        Line {
            number,
            has_failed,
            command,
        }
    }

    #[test]
    fn the_last_line_of_a_task_counts() {
        for (again, skips) in [
            (Again::Nothing, [true, true]),
            (Again::Failed, [true, false]),
        ] {
            let mut logged = LoggedTasks::new(again);
            assert_eq!(logged.last(), 0);
            assert!(logged.add(&line(1, true, b"one")));
            assert!(logged.add(&line(2, false, b"two")));
            assert!(logged.add(&line(1, false, b"one")));
            assert!(logged.add(&line(2, true, b"two")));
            assert_eq!([logged.skips(1), logged.skips(2)], skips);
            assert!(!logged.skips(3));
            assert_eq!(logged.last(), 2);
        }
    }

    #[test]
    fn another_task_in_the_same_place_is_noticed() {
        let mut logged = LoggedTasks::new(Again::Nothing);
        assert!(logged.add(&line(2, false, br"a\tb")));
        assert!(logged.fits(1, b"anything") && logged.fits(2, b"a\tb"));
        assert!(!logged.fits(2, br"a\tb"));
        assert!(!logged.add(&line(2, false, b"other")));
    }

    #[test]
    fn of_a_long_body_its_beginning_and_length_count() {
        let body = vec![b'x'; 100_000];
        for logged_as in [TaskBody::whole(body.clone()), TaskBody::repeated(&body)] {
            let mut logged = LoggedTasks::new(Again::Nothing);
            assert!(logged.add(&line(1, false, command(&logged_as).as_bytes())));
            assert!(logged.fits(1, &body));
            assert!(!logged.fits(1, &body[1..]));
        }
    }
}
