//! The output of commands that was kept until their end, for its place between the worker's own lines.

use super::events::Teller;
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

    fn take(&mut self, slot: usize) -> Option<CommandOutput> {
        let first = self.kept.iter().position(|(of, _)| *of == slot)?;
        self.kept.remove(first).map(|(_, output)| output)
    }
}

impl Teller<'_> {
    /// Passes on what the command in this slot wrote, of whose end is told next.
    pub(super) fn pass_on_of(&mut self, slot: Option<usize>) {
        let output = slot.and_then(|slot| Some((slot, self.outputs.take(slot)?)));
        if let Some((slot, output)) = output {
            self.pass_on(slot, output);
        }
    }

    /// Passes on what is left: of commands whose end is not told.
    pub(super) fn pass_on_rest(&mut self) {
        while let Some((slot, output)) = self.outputs.kept.pop_front() {
            self.pass_on(slot, output);
        }
    }

    fn pass_on(&mut self, slot: usize, mut output: CommandOutput) {
        self.bars.ended(slot);
        let to = self.outputs.to;
        if !output.is_empty() {
            self.flush();
            if let Err(error) = self.bars.suspend(|| output.write(to)) {
                self.report.output_failed(&error);
            }
        }
        if to == StdoutTo::Stdout {
            self.report.others_wrote(output.is_line_open);
        }
    }
}
