//! A command for each task: each slot runs one at a time, and may take its next one by itself.

use super::core::{Delivery, Start, Urgency};
use super::process::{Capture, Ended, Job, Pool, ResultWanted, StdoutTo, Telling, Told};
use crate::output::Report;
use crate::queues::ReplyPolicy;
use crate::task::Task;
use rustix::process::Signal;
use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;

/// How many tasks slots may begin by themselves before the loop has come round.
const OFFERED_MAX: usize = 64;

/// Runs a command for each task.
pub(super) struct Commands {
    pool: Pool,
    output: OutputOptions,
    /// Which tasks' results are sent.
    replies: ReplyPolicy,
    /// What the next slots that are done with their commands run, without being told to.
    offered: VecDeque<Offered>,
    /// What slots have taken, and will be told to run.
    taken: VecDeque<(usize, Offered)>,
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
    /// Dropped when it was told that those that were taken begin.
    _telling: Arc<Telling>,
}

impl Commands {
    pub(super) fn new(pool: Pool, output: OutputOptions, replies: ReplyPolicy) -> Self {
        Self {
            pool,
            output,
            replies,
            offered: VecDeque::new(),
            taken: VecDeque::new(),
        }
    }

    /// Whether a slot has begun its next task by itself.
    pub(super) fn has_begun(&self, slot: usize) -> bool {
        self.taken.iter().any(|(taken, _)| *taken == slot)
    }

    /// Begins a task, unless its slot has begun it already. That a task begins must have been told.
    pub(super) fn start(&mut self, start: Start) {
        let mut taken = self.taken.iter();
        let Some(first) = taken.position(|(slot, _)| *slot == start.slot) else {
            let job = self.job(start, None);
            return self.pool.begin(job);
        };
        let begun = self.taken.remove(first);
        // A slot with another task than the core knows of: no acknowledgement would be right.
        assert!(
            begun.is_some_and(|(_, offered)| Arc::ptr_eq(&offered.task, &start.task)),
            "an unknown task runs"
        );
    }

    /// Lets slots that are done with their commands go on with these tasks. The loop is to hear of `enough`
    /// ends at the latest.
    pub(super) fn offer<'a>(&mut self, next: impl Iterator<Item = &'a Delivery>, enough: usize) {
        if self.output.is_shared {
            return;
        }
        let mut next = next.take(OFFERED_MAX).peekable();
        if next.peek().is_none() {
            return;
        }
        let (telling, told) = Told::later();
        let telling = Arc::new(telling);
        // Elsewhere there are no lines to stand behind, or the loop passes all output on.
        let told = (self.output.capture[0] == Capture::Stream).then_some(told);
        let mut jobs = VecDeque::new();
        for Delivery {
            task, redelivered, ..
        } in next
        {
            let start = Start {
                slot: 0,
                task: Arc::clone(task),
                redelivered: *redelivered,
            };
            jobs.push_back(self.job(start, told.clone()));
            self.offered.push_back(Offered {
                task: Arc::clone(task),
                _telling: Arc::clone(&telling),
            });
        }
        self.pool.offer(jobs, enough);
    }

    /// Whether a slot may go on by itself.
    pub(super) fn has_offered(&self) -> bool {
        !self.offered.is_empty()
    }

    /// Takes back what was offered. Returns how the commands ended whose slots have taken some of it.
    pub(super) fn take_back(&mut self) -> Vec<Ended> {
        if self.offered.is_empty() {
            return Vec::new();
        }
        let ended = self.pool.take_back();
        let taken = ended.iter().map(|ended| ended.slot);
        self.taken.extend(taken.zip(self.offered.drain(..)));
        ended
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
