//! When a task ran, as its result tells.

use crate::amqp::Properties;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When a task ran, the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunTime {
    /// When it began, by the clock of its worker.
    pub started: Option<SystemTime>,
    /// How long it took.
    pub took: Option<Duration>,
}

impl RunTime {
    /// As the headers of a result say.
    pub(super) fn of(properties: &Properties) -> Self {
        let time = |name: &str| {
            let milliseconds = properties.header(name)?.parse().ok()?;
            Some(Duration::from_millis(milliseconds))
        };
        let since_1970 = time("task-started-at");
        Self {
            started: since_1970.and_then(|since| UNIX_EPOCH.checked_add(since)),
            took: time("task-duration-ms"),
        }
    }

    /// The same with a beginning. Older workers do not tell it: the task has ended a moment before its
    /// result came.
    pub(super) fn received_at(self, now: SystemTime) -> Self {
        let at = now.checked_sub(self.took.unwrap_or_default());
        Self {
            started: self.started.or(at),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_worker_does_not_tell_is_reckoned() {
        let second = Duration::from_secs(1);
        let result = Properties::persistent().with_header("task-duration-ms", "2000".into());
        let older = RunTime::of(&result);
        assert_eq!(older.started, None);
        let received = older.received_at(UNIX_EPOCH + 9 * second);
        assert_eq!(received.started, Some(UNIX_EPOCH + 7 * second));
        let newer = RunTime::of(&result.with_header("task-started-at", "5250".into()));
        let received = newer.received_at(UNIX_EPOCH + 9 * second);
        let started = UNIX_EPOCH + Duration::from_millis(5250);
        assert_eq!(received.started, Some(started));
        assert_eq!(received.took, Some(2 * second));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "yesterday", "1970-01-01", "-1"] {
            let result = Properties::persistent()
                .with_header("task-duration-ms", text.into())
                .with_header("task-started-at", text.into());
            assert_eq!(RunTime::of(&result), RunTime::default());
        }
        // As far as numbers go: nothing is reckoned that cannot be.
        let longest = Duration::from_millis(u64::MAX);
        let time = RunTime {
            started: None,
            took: Some(longest),
        };
        assert!(time.received_at(UNIX_EPOCH).took.is_some());
    }
}
