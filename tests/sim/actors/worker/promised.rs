//! The tasks that slots begin by themselves, as the core has promised.

use std::collections::VecDeque;
use std::sync::Arc;
use work_queue::task::Task;
use work_queue::worker::core::{Action, Worker};

/// What holds while commands end and nothing else happens.
#[derive(Default)]
pub struct Promised(VecDeque<Arc<Task>>);

impl Promised {
    /// The task that a slot begins now that its command has ended, if one is promised.
    pub fn next(&mut self, core: &Worker) -> Option<Arc<Task>> {
        if self.0.is_empty() {
            let next = core.next_tasks();
            self.0 = next.map(|next| Arc::clone(&next.task)).collect();
        }
        self.0.pop_front()
    }

    /// Something else has happened.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

/// Whether this task begins in this slot.
pub fn begins(actions: &[Action], slot: usize, task: &Arc<Task>) -> bool {
    actions.iter().any(|action| {
        matches!(action, Action::Start(start) if start.slot == slot && Arc::ptr_eq(&start.task, task))
    })
}
