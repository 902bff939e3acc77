//! How the sending ended.

use super::pending::{Pending, PendingTask};
use crate::base::fault::{Fault, Kind};
use humantime::format_duration;
use std::time::Duration;

/// How the sending ended.
#[derive(Debug)]
pub struct Ended {
    /// Why it ended before all was done.
    pub fault: Option<Fault>,
    /// What was not confirmed, in order.
    pub unconfirmed: Vec<PendingTask>,
    /// What was not looked at.
    pub rest: Pending,
    /// Whether any of the unconfirmed may be in the queue all the same.
    pub perhaps: bool,
}

impl Ended {
    /// Before anything was sent.
    pub(super) fn without_sending(rest: Pending, fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            unconfirmed: Vec::new(),
            rest,
            perhaps: false,
        }
    }
}

/// The user has interrupted; `count` tasks are unconfirmed, and `perhaps` in the queue.
pub(super) fn interrupted(count: usize, perhaps: bool) -> Fault {
    let tasks = match count {
        1 => "the task".to_owned(),
        _ => format!("{count} tasks"),
    };
    let text = match (count, perhaps) {
        (1, false) => "interrupted; the task was not sent".to_owned(),
        (_, false) => format!("interrupted; {tasks} were not sent"),
        (_, true) => format!(
            "interrupted before the broker had confirmed; {tasks} may or may not be in the queue"
        ),
    };
    Fault::new(Kind::Interrupted, text)
}

/// No result came for `limit`.
pub(super) fn no_result(limit: Duration) -> Fault {
    let text = format!(
        "no result arrived for {} (--wait-timeout)",
        format_duration(limit)
    );
    Fault::new(Kind::NotTaken, text)
}
