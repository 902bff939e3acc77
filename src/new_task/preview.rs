//! Looks at an input before anything of it is sent: whether a log is of this list, and how many tasks
//! it has.

use super::joblog::LoggedTasks;
use super::record::{Batch, Records};
use crate::base::fault::{Fault, Kind};
use crate::task;
use std::io::{self, Chain, Read, Seek as _, Write as _};
use tempfile::SpooledTempFile;

/// What is kept of a pipe in memory, in bytes; more goes to a temporary file.
const IN_MEMORY: usize = 8 << 20;

/// What is to be found out beforehand.
#[derive(Debug, Default)]
pub struct Preview {
    /// A log that must be of this list. Its tasks are left out.
    pub logged: Option<LoggedTasks>,
    /// Whether all tasks are counted.
    pub counts: bool,
}

impl Preview {
    /// Whether there is anything to find out.
    pub fn is_needed(&self) -> bool {
        self.counts || self.logged.is_some()
    }

    /// Looks at `input` as far as that is needed. How many tasks are to be sent, if they were counted.
    ///
    /// # Errors
    /// The input cannot be read, or the log is of another list ([`Kind::SetUp`]).
    pub fn look(
        &self,
        mut records: Records<impl Read>,
        unreadable: impl Fn(&io::Error) -> Fault,
    ) -> Result<Option<u64>, Fault> {
        let last = self.logged.as_ref().map_or(0, LoggedTasks::last);
        let (mut seen, mut total) = (0, 0);
        while self.counts || seen < last {
            let Some(mut batch) = records.next_batch().map_err(|e| unreadable(&e))? else {
                break;
            };
            let newest = batch.records.last().map(|record| record.number);
            seen = newest
                .into_iter()
                .chain(batch.too_large.last().copied())
                .fold(seen, u64::max);
            self.leave_out(&mut batch)?;
            total += batch.records.len() as u64;
        }
        if seen < last {
            let why = format!("it has a task {last}, and the list ends with {seen}");
            return Err(another_list(&why));
        }
        Ok(self.counts.then_some(total))
    }

    /// Leaves out what the log has.
    ///
    /// # Errors
    /// The log is of another list ([`Kind::SetUp`]).
    pub fn leave_out(&self, batch: &mut Batch) -> Result<(), Fault> {
        let Some(logged) = &self.logged else {
            return Ok(());
        };
        let other = batch
            .records
            .iter()
            .find(|record| !logged.fits(record.number, &record.body));
        if let Some(record) = other {
            let (number, body) = (record.number, task::line(&record.body));
            let why = format!("it has another task {number} than the list, where that is `{body}`");
            return Err(another_list(&why));
        }
        let before = batch.records.len();
        batch.records.retain(|record| !logged.skips(record.number));
        batch.skipped = (before - batch.records.len()) as u64;
        Ok(())
    }
}

/// An input that is kept as it is read, to be read again: a pipe cannot be rewound.
#[derive(Debug)]
pub struct Kept<R> {
    input: R,
    kept: SpooledTempFile,
}

impl<R: Read> Kept<R> {
    /// Nothing is read yet.
    pub fn new(input: R) -> Self {
        let kept = SpooledTempFile::new(IN_MEMORY);
        Self { input, kept }
    }

    /// The input from its beginning.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn rewind(mut self) -> io::Result<Chain<SpooledTempFile, R>> {
        self.kept.rewind().map_err(|error| unusable(&error))?;
        Ok(self.kept.chain(self.input))
    }
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        let kept = self.kept.write_all(&into[..count]);
        kept.map_err(|error| unusable(&error))?;
        Ok(count)
    }
}

fn unusable(error: &io::Error) -> io::Error {
    let directory = std::env::temp_dir();
    let text = format!(
        "no temporary file for it in {}: {error}",
        directory.display()
    );
    io::Error::other(text)
}

fn another_list(why: &str) -> Fault {
    let text = format!("the log is of another list of tasks: {why} (--joblog); nothing was sent");
    Fault::new(Kind::SetUp, text)
}

#[cfg(test)]
mod tests;
