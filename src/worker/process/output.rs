//! Where a command's output goes.

use super::job::{Capture, Job, ResultWanted, StdoutTo};
use crate::worker::core::policy::{Ending, Outcome};
use std::io::{self, Seek as _, SeekFrom, Write};
use tempfile::SpooledTempFile;

/// Output beyond this waits in a temporary file until its task has ended, in bytes.
const IN_MEMORY: usize = 1024 * 1024;

/// How much of the end of stderr is kept for a dead letter, in bytes.
const TAIL: usize = 2 * 1024;

/// How much of stdout a result may hold, in bytes: RabbitMQ 4 takes messages of up to 16 MiB.
const RESULT_MAX: usize = 15 * 1024 * 1024;

/// What a command wrote, where it was kept until its end.
#[derive(Debug, Default)]
pub struct CommandOutput {
    stdout: Option<SpooledTempFile>,
    stderr: Option<SpooledTempFile>,
    /// The last line of stdout has no end.
    pub is_line_open: bool,
    /// Why some of stdout could not be passed on.
    failure: Option<io::Error>,
}

impl CommandOutput {
    /// Whether anything is still to be passed on.
    pub fn is_empty(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none() && self.failure.is_none()
    }

    /// Whether it takes an open file.
    pub(super) fn is_in_file(&self) -> bool {
        let mut spools = [&self.stdout, &self.stderr].into_iter().flatten();
        spools.any(SpooledTempFile::is_rolled)
    }

    /// Passes on what was kept.
    ///
    /// # Errors
    /// Why stdout, or what was to be passed on before, could not be written.
    pub fn write(&mut self, to: StdoutTo) -> io::Result<()> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        if let Some(spool) = self.stdout.take() {
            match to {
                StdoutTo::Stdout => copy(spool, io::stdout().lock())?,
                StdoutTo::Stderr => to_stderr(spool),
            }
        }
        if let Some(spool) = self.stderr.take() {
            to_stderr(spool);
        }
        Ok(())
    }
}

fn to_stderr(spool: SpooledTempFile) {
    // Nobody is left to tell if stderr is gone.
    let _ = copy(spool, io::stderr().lock());
}

fn copy(mut spool: SpooledTempFile, mut to: impl Write) -> io::Result<()> {
    spool.seek(SeekFrom::Start(0))?;
    io::copy(&mut spool, &mut to)?;
    to.flush()
}

/// The last bytes of stderr.
#[derive(Debug, Default)]
pub(super) struct StderrTail(Vec<u8>);

impl StderrTail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (self.0.len() + bytes.len()).saturating_sub(TAIL);
        self.0.drain(..excess.min(self.0.len()));
        self.0.extend_from_slice(bytes);
    }
}

/// Takes in the output of a running command.
pub(super) struct Streams<'a> {
    job: &'a Job,
    output: CommandOutput,
    result: Vec<u8>,
    is_truncated: bool,
    tail: StderrTail,
    /// What comes is kept until the end.
    is_kept: bool,
}

impl<'a> Streams<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        Self {
            job,
            output: CommandOutput::default(),
            result: Vec::new(),
            is_truncated: false,
            tail: StderrTail::default(),
            is_kept: job.capture == Capture::Buffer,
        }
    }

    /// The command has ended. Where the line that says that it has begun may not have been told, the owner
    /// passes on the rest of its output behind it.
    pub(super) fn keep_rest(&mut self) {
        self.is_kept |= self.job.told.is_some();
    }

    pub(super) fn stdout(&mut self, bytes: &[u8]) {
        self.output.is_line_open = bytes.last().is_some_and(|byte| *byte != b'\n');
        if self.job.result == ResultWanted::Yes {
            let room = RESULT_MAX - self.result.len();
            let kept = &bytes[..bytes.len().min(room)];
            self.result.extend_from_slice(kept);
            self.is_truncated |= kept.len() < bytes.len();
        }
        if self.is_kept {
            keep(&mut self.output.stdout, bytes);
            return;
        }
        self.job.told.as_ref().inspect(|told| told.wait());
        match self.job.stdout_to {
            StdoutTo::Stdout => {
                let passed = pass_on(io::stdout().lock(), bytes);
                self.output.failure = self.output.failure.take().or(passed.err());
            }
            // Nobody is left to tell if stderr is gone.
            StdoutTo::Stderr => {
                let _ = pass_on(io::stderr().lock(), bytes);
            }
        }
    }

    /// Whether nobody reads stdout any more. The command is to notice as if it had written there itself.
    pub(super) fn has_lost_reader(&self) -> bool {
        let failure = self.output.failure.as_ref();
        failure.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(super) fn stderr(&mut self, bytes: &[u8]) {
        self.tail.push(bytes);
        if self.is_kept {
            keep(&mut self.output.stderr, bytes);
        } else {
            self.job.told.as_ref().inspect(|told| told.wait());
            let _ = pass_on(io::stderr().lock(), bytes);
        }
    }

    /// What others are told of the command's end, and what is still to be passed on.
    pub(super) fn end(self, ending: Ending) -> (Outcome, CommandOutput) {
        let outcome = Outcome {
            ending,
            stderr: self.tail.0,
            result: self.result,
            is_truncated: self.is_truncated,
        };
        (outcome, self.output)
    }
}

fn pass_on(mut stream: impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

fn keep(spool: &mut Option<SpooledTempFile>, bytes: &[u8]) {
    let spool = spool.get_or_insert_with(|| SpooledTempFile::new(IN_MEMORY));
    // With a full disk the output is cut short; the task itself is not at fault.
    let _ = spool.write_all(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_bytes() {
        let mut tail = StderrTail::default();
        tail.push(b"begin");
        tail.push(&[b'x'; TAIL - 1]);
        assert_eq!(tail.0, format!("n{}", "x".repeat(TAIL - 1)).as_bytes());
        tail.push(&[b'y'; 3 * TAIL]);
        assert_eq!(tail.0, "y".repeat(TAIL).as_bytes());
        tail.push(b"\xff");
        assert!(tail.0.ends_with(b"y\xff"));
    }
}
