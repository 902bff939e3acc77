//! The output of commands that was kept until their end, for its place between the worker's own lines.

use super::process::{CommandOutput, StdoutTo};
use std::collections::VecDeque;

/// What is still to be passed on.
pub(super) struct Outputs {
    /// Where the stdout of commands goes.
    to: StdoutTo,
    /// By slot.
    kept: VecDeque<(usize, CommandOutput)>,
}

impl Outputs {
    pub(super) fn new(to: StdoutTo) -> Self {
        Self {
            to,
            kept: VecDeque::new(),
        }
    }

    /// Keeps the output of the command that has ended in a slot, until that is told.
    pub(super) fn keep(&mut self, slot: usize, output: CommandOutput) {
        self.kept.push_back((slot, output));
    }

    /// Where the stdout of commands goes.
    pub(super) fn to(&self) -> StdoutTo {
        self.to
    }

    /// Takes out the next output of a slot.
    pub(super) fn take(&mut self, slot: usize) -> Option<CommandOutput> {
        let first = self.kept.iter().position(|(of, _)| *of == slot)?;
        self.kept.remove(first).map(|(_, output)| output)
    }

    /// Takes out the next output of any slot, and its slot.
    pub(super) fn take_any(&mut self) -> Option<(usize, CommandOutput)> {
        self.kept.pop_front()
    }
}
