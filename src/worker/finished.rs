//! Tasks that were done here but whose acknowledgement did not reach the broker.
//!
//! When a connection breaks the broker hands out again what was not acknowledged. What this
//! worker has already done must then be acknowledged without being done again, and nothing else
//! may be: a task that is wrongly taken for a finished one is lost. So:
//!
//! - a task is recognised by body and all properties and headers (those that brokers count up
//!   aside), so that a retry or a replay of the same task is another one;
//! - each finished task stands for one redelivery and is then forgotten, so that of two equal
//!   tasks one that was done leaves one to do;
//! - an acknowledgement that was sent shortly before the connection broke may have arrived. Such
//!   tasks are remembered only if they have an id and a timestamp: equal tasks without are not told apart.

use super::redelivery;
use crate::task::Task;
use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many finished tasks are remembered over a lost connection. Eight bytes each, in two places.
const REMEMBERED_MAX: usize = 10_000;

/// How many of the last acknowledgements are kept in case they did not arrive.
const RECENT_MAX: usize = 1_000;

/// Bodies above this are not kept in [`Finished::recent`] but hashed at once, in bytes.
const BODY_KEPT: usize = 4 * 1024;

/// What identifies a task for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    pub(super) fn of(task: &Task) -> Self {
        let mut hasher = DefaultHasher::new();
        identity(task).hash(&mut hasher);
        task.body.hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[allow(clippy::large_enum_variant, reason = "nearly all are whole")]
enum Acked {
    /// Hashed when it is needed, which is hardly ever.
    Whole(Arc<Task>),
    Hashed(Fingerprint),
}

/// The memory of one worker.
#[derive(Default)]
pub(super) struct Finished {
    counts: HashMap<Fingerprint, u32>,
    order: VecDeque<Fingerprint>,
    recent: VecDeque<(Instant, Acked)>,
}

impl Finished {
    /// `task` was done and its acknowledgement was sent just now, or perhaps was.
    pub(super) fn acked(&mut self, task: Arc<Task>) {
        if task.id().is_empty() || task.properties.timestamp().is_none() {
            return;
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        let acked = if task.body.len() <= BODY_KEPT {
            Acked::Whole(task)
        } else {
            Acked::Hashed(Fingerprint::of(&task))
        };
        self.recent.push_back((Instant::now(), acked));
    }

    /// `task` was done and could not be acknowledged.
    pub(super) fn not_acked(&mut self, task: &Task) {
        self.remember(Fingerprint::of(task));
    }

    /// The connection broke: acknowledgements sent less than `window` ago may not have arrived.
    pub(super) fn connection_lost(&mut self, window: Duration) {
        for (at, acked) in std::mem::take(&mut self.recent) {
            if at.elapsed() < window {
                self.remember(match acked {
                    Acked::Whole(task) => Fingerprint::of(&task),
                    Acked::Hashed(fingerprint) => fingerprint,
                });
            }
        }
    }

    /// Whether a redelivered `task` was done here; if so that is forgotten.
    pub(super) fn take(&mut self, task: &Task) -> bool {
        if self.counts.is_empty() {
            return false;
        }
        self.forget(Fingerprint::of(task))
    }

    fn remember(&mut self, fingerprint: Fingerprint) {
        if self.order.len() == REMEMBERED_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.count_down(oldest);
            }
        }
        self.order.push_back(fingerprint);
        *self.counts.entry(fingerprint).or_default() += 1;
    }

    fn forget(&mut self, fingerprint: Fingerprint) -> bool {
        let Some(index) = self.order.iter().position(|other| *other == fingerprint) else {
            return false;
        };
        self.order.remove(index);
        self.count_down(fingerprint);
        true
    }

    fn count_down(&mut self, fingerprint: Fingerprint) {
        if let Some(count) = self.counts.get_mut(&fingerprint) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&fingerprint);
            }
        }
    }
}

/// Whether two deliveries are of the same task.
pub(super) fn is_same(one: &Task, other: &Task) -> bool {
    one.body == other.body && identity(one) == identity(other)
}

/// All of a task's properties but the count of its returns: the copy that bears a higher count is
/// the same task (see [`redelivery`]).
fn identity(task: &Task) -> String {
    let properties = task.properties.clone();
    properties
        .without_header(redelivery::REDELIVERIES)
        .identity()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{TaskOptions, Template};

    fn task(body: &str) -> Task {
        Template::new(&TaskOptions::default()).task(body.as_bytes().to_vec())
    }

    fn without_id(body: &str) -> Task {
        Task {
            body: body.as_bytes().to_vec(),
            properties: crate::amqp::Properties::persistent(),
        }
    }

    const WINDOW: Duration = Duration::from_secs(60);

    #[test]
    fn each_finished_task_stands_for_one_redelivery() {
        let mut finished = Finished::default();
        let done = without_id("x");
        finished.not_acked(&done);
        assert!(!finished.take(&without_id("y")));
        assert!(finished.take(&done));
        assert!(!finished.take(&done));
    }

    #[test]
    fn a_retry_or_replay_is_another_task() {
        let mut finished = Finished::default();
        let done = task("x");
        finished.not_acked(&done);
        let mut retry = done.clone();
        retry.properties = retry.properties.with_header("task-attempts", "1".into());
        assert!(!finished.take(&retry));
        let mut again = done.clone();
        again.properties = again.properties.with_header("x-delivery-count", "3".into());
        assert!(finished.take(&again));
    }

    #[test]
    fn late_acknowledgements_count_only_with_an_id_and_only_for_a_while() {
        let mut finished = Finished::default();
        let (named, large) = (task("x"), task(&"x".repeat(BODY_KEPT + 1)));
        finished.acked(Arc::new(named.clone()));
        finished.acked(Arc::new(large.clone()));
        finished.acked(Arc::new(without_id("x")));
        assert!(!finished.take(&named), "the connection stands");
        finished.connection_lost(WINDOW);
        assert!(finished.take(&named));
        assert!(finished.take(&large));
        assert!(!finished.take(&without_id("x")));

        finished.acked(Arc::new(named.clone()));
        finished.connection_lost(Duration::ZERO);
        assert!(!finished.take(&named));
    }

    #[test]
    fn memory_is_bounded() {
        let mut finished = Finished::default();
        for number in 0..=REMEMBERED_MAX {
            finished.not_acked(&without_id(&number.to_string()));
        }
        assert_eq!(finished.order.len(), REMEMBERED_MAX);
        assert_eq!(finished.counts.len(), REMEMBERED_MAX);
        assert!(!finished.take(&without_id("0")));
        assert!(finished.take(&without_id("1")));
    }
}
