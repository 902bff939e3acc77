//! A command for each task: each slot runs one at a time, and may know its next one.

use super::core::{Delivery, Start, Urgency};
use super::process::{Capture, Job, Pool, ResultWanted, StdoutTo, Telling, Told};
use crate::output::Report;
use crate::queues::ReplyPolicy;
use crate::task::Task;
use rustix::process::Signal;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;

/// Runs a command for each task.
pub(super) struct Commands {
    pool: Pool,
    output: OutputOptions,
    /// Which tasks' results are sent.
    replies: ReplyPolicy,
    /// What the next slot that is done with its command runs, without being told to.
    offered: Option<Offered>,
    /// A slot has taken it, and will be told to run it.
    taken: Option<(usize, Offered)>,
}

/// What becomes of the output of commands.
#[derive(Clone, Copy)]
pub(super) struct OutputOptions {
    /// What is done with stdout where nobody waits for the result, and where somebody does.
    pub(super) capture: [Capture; 2],
    pub(super) stdout_to: StdoutTo,
    /// Commands write where lines of ours stand, and not through us.
    pub(super) is_shared: bool,
}

impl OutputOptions {
    /// With `slots` slots. A single command has a terminal for itself. Elsewhere its last line must be known to have an end, if lines of
    /// ours follow.
    pub(super) fn new(slots: usize, report: &Report) -> Self {
        let tells_lines = !report.is_quiet() && !report.is_json();
        let is_terminal = io::stdout().is_terminal();
        Self {
            capture: match slots {
                1 if is_terminal || !tells_lines => [Capture::Inherit, Capture::Stream],
                1 => [Capture::Stream; 2],
                _ => [Capture::Buffer; 2],
            },
            stdout_to: stdout_to(report),
            is_shared: slots == 1 && is_terminal && tells_lines,
        }
    }
}

/// Where the stdout of commands goes: events as JSON have the worker's own for themselves.
pub(super) fn stdout_to(report: &Report) -> StdoutTo {
    if report.is_json() {
        StdoutTo::Stderr
    } else {
        StdoutTo::Stdout
    }
}

/// A job that a slot may take.
struct Offered {
    task: Arc<Task>,
    /// Dropped when it was told that it begins.
    _telling: Telling,
}

impl Commands {
    pub(super) fn new(pool: Pool, output: OutputOptions, replies: ReplyPolicy) -> Self {
        Self {
            pool,
            output,
            replies,
            offered: None,
            taken: None,
        }
    }

    /// Whether a slot has taken what was offered, and has not been told to run it.
    pub(super) fn has_begun(&self, slot: usize) -> bool {
        matches!(self.taken, Some((taken, _)) if taken == slot)
    }

    /// Begins a task, unless its slot has begun it already. That a task begins must have been told.
    pub(super) fn start(&mut self, start: Start) {
        match self.taken.take() {
            Some((slot, offered)) if slot == start.slot => {
                // A slot with another task than the core knows of: no acknowledgement would be right.
                assert!(
                    Arc::ptr_eq(&offered.task, &start.task),
                    "an unknown task runs"
                );
            }
            other => {
                self.taken = other;
                let job = self.job(start, None);
                self.pool.begin(job);
            }
        }
    }

    /// Lets the next slot that is done with its command go on with this task.
    pub(super) fn offer(&mut self, next: &Delivery) {
        if self.output.is_shared {
            return;
        }
        let (telling, told) = Told::later();
        let task = Arc::clone(&next.task);
        let start = Start {
            slot: 0,
            task: Arc::clone(&task),
            redelivered: next.redelivered,
        };
        let job = self.job(start, Some(told));
        self.offered = Some(Offered {
            task,
            _telling: telling,
        });
        self.pool.offer(job);
    }

    /// Takes back what was offered. Whether a slot has taken it: it tells that at once.
    pub(super) fn take_back(&mut self) -> bool {
        if self.offered.is_none() {
            return false;
        }
        if self.pool.take_back() {
            self.offered = None;
        }
        self.offered.is_some()
    }

    /// The slot has told that it has taken what was offered.
    pub(super) fn has_taken(&mut self, slot: usize) {
        self.taken = self.offered.take().map(|offered| (slot, offered));
    }

    fn job(&self, start: Start, told: Option<Told>) -> Job {
        let reply_to = start.task.properties.reply_to();
        let (capture, result) = match reply_to.and_then(|to| self.replies.destination(to)) {
            None => (self.output.capture[0], ResultWanted::No),
            Some(_) => (self.output.capture[1], ResultWanted::Yes),
        };
        Job {
            start,
            capture,
            result,
            stdout_to: self.output.stdout_to,
            told,
        }
    }

    /// Signals all that run.
    pub(super) fn signal(&self, urgency: Urgency) {
        self.pool.signal(match urgency {
            Urgency::Term => Signal::TERM,
            Urgency::Kill => Signal::KILL,
        });
    }
}
