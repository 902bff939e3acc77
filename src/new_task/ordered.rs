//! Outcomes in the order of the tasks, however they come (`--keep-order`).

use super::task_result::TaskResult;
use crate::amqp::AckToken;
use crate::base::fault::{Fault, Kind};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;

/// Output that is kept in memory until its turn comes, in bytes; more goes to a temporary file, but
/// for some hundred bytes of each outcome.
const IN_MEMORY: usize = 8 << 20;

/// Puts outcomes into the order of their tasks.
pub struct Ordered {
    /// The number whose turn it is.
    next: u64,
    waiting: BTreeMap<u64, HeldResult>,
    /// How many of these are outcomes.
    held: usize,
    /// Numbers that no task has, as ranges.
    gaps: BTreeMap<u64, u64>,
    /// The bytes of output that are kept in memory.
    kept: usize,
    spool: Option<Spool>,
}

enum HeldResult {
    /// No outcome will come.
    Nothing,
    Here(TaskResult),
    /// All but its output, which lies in the spool: from where, and how much of stdout.
    Spooled(Box<TaskResult>, u64, Sizes),
}

#[derive(Clone, Copy)]
struct Sizes {
    stdout: usize,
    stderr: usize,
    /// Of the task's body.
    body: usize,
}

impl Sizes {
    fn of(answer: &TaskResult) -> Self {
        Self {
            stdout: answer.stdout.len(),
            stderr: answer.stderr.len(),
            body: answer.task.as_ref().map_or(0, |task| task.body.bytes.len()),
        }
    }

    fn sum(self) -> usize {
        self.stdout + self.stderr + self.body
    }
}

struct Spool {
    file: File,
    end: u64,
    /// How many outcomes have their stdout here.
    used: usize,
}

impl Default for Ordered {
    fn default() -> Self {
        Self {
            next: 1,
            waiting: BTreeMap::new(),
            held: 0,
            gaps: BTreeMap::new(),
            kept: 0,
            spool: None,
        }
    }
}

impl Ordered {
    /// Takes an outcome; `None`: none will come. Those whose turn has come are given to `print`.
    ///
    /// # Errors
    /// The temporary file cannot be used ([`Kind::InputOutput`]), or what `print` says.
    pub fn take(
        &mut self,
        number: u64,
        answer: Option<TaskResult>,
        mut print: impl FnMut(u64, &TaskResult) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let waiting = match answer {
            // Its turn has passed, if others began to send later and were known earlier.
            Some(answer) if number < self.next => return print(number, &answer),
            Some(answer) if number == self.next => {
                print(number, &answer)?;
                HeldResult::Nothing
            }
            None if number < self.next => return Ok(()),
            Some(answer) => {
                let kept = self.keep(answer).map_err(|error| unusable(&error))?;
                self.held += 1;
                kept
            }
            None => HeldResult::Nothing,
        };
        self.waiting.insert(number, waiting);
        self.print_due(&mut print)
    }

    fn print_due(
        &mut self,
        print: &mut impl FnMut(u64, &TaskResult) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while let Some(waiting) = self.waiting.remove(&self.next) {
            let number = self.next;
            self.next += 1;
            self.pass_gaps();
            self.print(number, waiting, print)?;
        }
        Ok(())
    }

    /// The next one is `number`: what is before it will not come. Those whose turn it is are given to
    /// `print`.
    ///
    /// # Errors
    /// As [`Ordered::take`].
    pub fn advance(
        &mut self,
        number: u64,
        mut print: impl FnMut(u64, &TaskResult) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while let Some(first) = self
            .waiting
            .first_entry()
            .filter(|first| *first.key() < number)
        {
            let (number, waiting) = first.remove_entry();
            self.print(number, waiting, &mut print)?;
        }
        self.next = self.next.max(number);
        self.pass_gaps();
        self.print_due(&mut print)
    }

    /// There are no tasks with these numbers. To be said before one behind them is taken.
    pub fn leave_out(&mut self, numbers: Range<u64>) {
        if !numbers.is_empty() {
            self.gaps.insert(numbers.start, numbers.end);
            self.pass_gaps();
        }
    }

    fn pass_gaps(&mut self) {
        while let Some(end) = self.gaps.remove(&self.next) {
            self.next = end;
        }
    }

    /// Gives the rest to `print`, as no more will come.
    pub fn finish(
        &mut self,
        mut print: impl FnMut(u64, &TaskResult) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for (number, waiting) in std::mem::take(&mut self.waiting) {
            self.print(number, waiting, &mut print)?;
        }
        Ok(())
    }

    /// How many wait for their turn.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Leaves those that wait for their turn where they came from: their numbers.
    pub fn leave(&mut self) -> Vec<u64> {
        self.held = 0;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let held = waiting.filter(|(_, what)| !matches!(what, HeldResult::Nothing));
        held.map(|(number, _)| number).collect()
    }

    /// An outcome that waits here came again. The token that it had is given back: one of the two
    /// messages is enough. `None`: it does not wait here.
    pub fn renew(&mut self, number: u64, token: AckToken) -> Option<AckToken> {
        let answer = match self.waiting.get_mut(&number) {
            Some(HeldResult::Here(answer)) => answer,
            Some(HeldResult::Spooled(answer, ..)) => &mut **answer,
            Some(HeldResult::Nothing) | None => return None,
        };
        answer.token.replace(token)
    }

    fn keep(&mut self, mut answer: TaskResult) -> io::Result<HeldResult> {
        let sizes = Sizes::of(&answer);
        let size = sizes.sum();
        if self.kept + size <= IN_MEMORY {
            self.kept += size;
            return Ok(HeldResult::Here(answer));
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            spool => spool.insert(Spool {
                file: tempfile::tempfile()?,
                end: 0,
                used: 0,
            }),
        };
        let at = spool.end;
        spool.file.seek(SeekFrom::Start(at))?;
        spool.file.write_all(&std::mem::take(&mut answer.stdout))?;
        spool
            .file
            .write_all(std::mem::take(&mut answer.stderr).as_bytes())?;
        if let Some(task) = &mut answer.task {
            spool
                .file
                .write_all(&std::mem::take(&mut task.body.bytes))?;
        }
        spool.end += size as u64;
        spool.used += 1;
        Ok(HeldResult::Spooled(Box::new(answer), at, sizes))
    }

    fn print(
        &mut self,
        number: u64,
        waiting: HeldResult,
        print: &mut impl FnMut(u64, &TaskResult) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match waiting {
            HeldResult::Nothing => Ok(()),
            HeldResult::Here(answer) => {
                self.held -= 1;
                self.kept -= Sizes::of(&answer).sum();
                print(number, &answer)
            }
            HeldResult::Spooled(mut answer, at, sizes) => {
                self.held -= 1;
                if let Some(spool) = &mut self.spool {
                    let read = spool.read(at, sizes, &mut answer);
                    read.map_err(|error| unusable(&error))?;
                }
                print(number, &answer)
            }
        }
    }
}

impl Spool {
    fn read(&mut self, at: u64, sizes: Sizes, into: &mut TaskResult) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        let mut next = |size| {
            let mut bytes = vec![0; size];
            self.file.read_exact(&mut bytes).map(|()| bytes)
        };
        into.stdout = next(sizes.stdout)?;
        into.stderr = String::from_utf8_lossy(&next(sizes.stderr)?).into_owned();
        let body = next(sizes.body)?;
        if let Some(task) = &mut into.task {
            task.body.bytes = body;
        }
        self.used -= 1;
        if self.used == 0 {
            self.file.set_len(0)?;
            self.end = 0;
        }
        Ok(())
    }
}

fn unusable(error: &io::Error) -> Fault {
    let directory = std::env::temp_dir();
    let text = format!(
        "cannot keep outcomes in a temporary file in {} until their turn comes: {error}",
        directory.display()
    );
    Fault::new(Kind::InputOutput, text)
}

#[cfg(test)]
mod tests;
