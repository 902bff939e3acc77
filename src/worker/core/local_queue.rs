//! Tasks that were delivered and have not begun.

use super::delivery::{Delivery, Fingerprint};
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// The tasks that have not begun.
#[derive(Debug, Default)]
pub(super) struct LocalQueue {
    /// To be begun, in order.
    ready: VecDeque<Delivery>,
    /// The same for those that came back, one of which may have killed its worker.
    returned: VecDeque<Delivery>,
    /// Not to be begun before a time, since they could not be moved when they had failed.
    held: Vec<(Instant, Delivery)>,
    /// Not to be begun while the same task is under way: its copies, for each such task.
    copies: BTreeMap<Fingerprint, Vec<Delivery>>,
}

impl LocalQueue {
    /// Whether nothing may be begun now, nor soon. What is held back does not count.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_ready() && self.copies.values().all(Vec::is_empty)
    }

    /// How many tasks are here, whenever they may be begun.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.returned.len() + self.held() + self.copies()
    }

    /// Whether a task may be begun.
    pub(super) fn has_ready(&self) -> bool {
        !(self.ready.is_empty() && self.returned.is_empty())
    }

    /// Adds a task.
    pub(super) fn push(&mut self, delivery: Delivery) {
        self.ready.push_back(delivery);
    }

    /// Adds a task that came back.
    pub(super) fn push_returned(&mut self, delivery: Delivery) {
        self.returned.push_back(delivery);
    }

    /// The next task to begin among those that did not come back.
    pub(super) fn pop(&mut self) -> Option<Delivery> {
        self.ready.pop_front()
    }

    /// The next task to begin among those that came back.
    pub(super) fn pop_returned(&mut self) -> Option<Delivery> {
        self.returned.pop_front()
    }

    /// The tasks to begin among those that did not come back, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.ready.iter()
    }

    /// Whether there are none but those that begin one after the other.
    pub(super) fn is_in_order(&self) -> bool {
        self.returned.is_empty() && self.held.is_empty() && self.copies.is_empty()
    }

    /// Holds a task back.
    pub(super) fn hold(&mut self, until: Instant, delivery: Delivery) {
        self.held.push((until, delivery));
    }

    /// How many are held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// How many wait for the same task to be over.
    pub(super) fn copies(&self) -> usize {
        self.copies.values().map(Vec::len).sum()
    }

    /// A task that is not held back any longer.
    pub(super) fn release(&mut self, now: Instant) -> Option<Delivery> {
        let at = self.held.iter().position(|(until, _)| *until <= now)?;
        Some(self.held.remove(at).1)
    }

    /// When the next one is not held back any longer.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.held.iter().map(|(until, _)| *until).min()
    }

    /// From now on copies of this task wait until [`LocalQueue::over`].
    pub(super) fn under_way(&mut self, task: &Delivery) {
        self.copies.entry(task.fingerprint()).or_default();
    }

    /// Keeps a task that waits for the same one to be over, or returns it.
    pub(super) fn wait_behind(&mut self, delivery: Delivery) -> Option<Delivery> {
        if self.copies.is_empty() {
            return Some(delivery);
        }
        match self.copies.get_mut(&delivery.fingerprint()) {
            Some(waiting) => {
                waiting.push(delivery);
                None
            }
            None => Some(delivery),
        }
    }

    /// This task is not under way any more. `Some`: there may be copies of it, and these have come.
    pub(super) fn over(&mut self, task: &Delivery) -> Option<Vec<Delivery>> {
        if self.copies.is_empty() {
            return None;
        }
        self.copies.remove(&task.fingerprint())
    }

    /// Takes out all, in the order in which they would be begun.
    pub(super) fn drain(&mut self) -> Vec<Delivery> {
        let mut all = Vec::from(std::mem::take(&mut self.returned));
        all.extend(std::mem::take(&mut self.ready));
        let waiting = self.copies.values_mut().flat_map(std::mem::take);
        let copies: Vec<Delivery> = waiting.collect();
        for delivery in &all {
            // It is not under way any more, and nothing else would tell.
            self.over(delivery);
        }
        all.extend(copies);
        let held = std::mem::take(&mut self.held);
        all.extend(held.into_iter().map(|(_, delivery)| delivery));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{delivery, moment, task};
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_held_back_does_not_hold_up_the_others() {
        let now = moment().instant;
        let later = now + Duration::from_secs(1);
        let mut queue = LocalQueue::default();
        queue.hold(later, delivery(task("held")));
        queue.push(delivery(task("ready")));
        assert_eq!(queue.pop().unwrap().task.body, b"ready");
        assert!(queue.is_empty() && queue.held() == 1);
        assert!(queue.release(now).is_none());
        assert_eq!(queue.wakes_at(), Some(later));
        assert_eq!(queue.release(later).unwrap().task.body, b"held");
        assert_eq!(queue.held(), 0);
    }

    #[test]
    fn copies_wait_until_the_same_task_is_over() {
        let mut queue = LocalQueue::default();
        let original = delivery(task("x"));
        assert!(queue.over(&original).is_none());
        queue.under_way(&original);
        assert!(queue.wait_behind(delivery(task("x"))).is_some());
        assert!(queue.wait_behind(original.clone()).is_none());
        assert!(!queue.is_empty());
        assert_eq!(queue.over(&original).unwrap().len(), 1);
        assert!(queue.is_empty());
        assert!(queue.wait_behind(original).is_some());
    }

    #[test]
    fn what_is_taken_out_is_not_waited_for() {
        let mut queue = LocalQueue::default();
        let (uncounted, running) = (delivery(task("x")), delivery(task("y")));
        for under_way in [&uncounted, &running] {
            queue.under_way(under_way);
            assert!(queue.wait_behind(under_way.clone()).is_none());
        }
        queue.push(uncounted.clone());
        assert_eq!(queue.drain().len(), 3);
        assert!(queue.wait_behind(uncounted).is_some());
        assert!(queue.wait_behind(running).is_none());
    }
}
