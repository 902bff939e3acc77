//! Where a command's output goes.

use super::slots::Job;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use tempfile::SpooledTempFile;

/// Output beyond this waits in a temporary file until its task has ended, in bytes.
const IN_MEMORY: usize = 1024 * 1024;

/// How much of the end of stderr is kept for a dead letter, in bytes.
const TAIL: usize = 2 * 1024;

/// How much of stdout a result may bear, in bytes: RabbitMQ 4 takes messages of up to 16 MiB.
const RESULT_MAX: usize = 15 * 1024 * 1024;

/// What is done with stdout while the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    /// It is the worker's own: one slot, nothing in between.
    Inherit,
    /// It is passed on as it comes: one slot.
    Stream,
    /// It is kept until the end: several slots must not mix.
    Buffer,
}

/// Whether the end of the task is to be answered with its stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Wanted,
    NotWanted,
}

/// Which of the worker's own streams bears the stdout of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StdoutTo {
    Stdout,
    /// With JSON events on stdout.
    Stderr,
}

/// What a command left.
#[derive(Debug, Default)]
pub(super) struct Output {
    stdout: Option<SpooledTempFile>,
    stderr: Option<SpooledTempFile>,
    /// The last 2 KiB of stderr.
    pub(super) tail: StderrTail,
    /// stdout, where an answer is wanted.
    pub(super) result: Vec<u8>,
    /// Whether `result` is not all of it.
    pub(super) is_truncated: bool,
}

impl Output {
    /// Whether anything is still to be passed on.
    pub(super) fn is_empty(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Passes on what was kept.
    pub(super) fn write(&mut self, to: StdoutTo) -> io::Result<()> {
        if let Some(spool) = self.stdout.take() {
            match to {
                StdoutTo::Stdout => copy(spool, io::stdout().lock())?,
                StdoutTo::Stderr => copy(spool, io::stderr().lock())?,
            }
        }
        if let Some(spool) = self.stderr.take() {
            // Nobody is left to tell if stderr is gone.
            let _ = copy(spool, io::stderr().lock());
        }
        Ok(())
    }
}

fn copy(mut spool: SpooledTempFile, mut to: impl Write) -> io::Result<()> {
    spool.seek(SeekFrom::Start(0))?;
    let mut piece = [0; 16 * 1024];
    loop {
        match spool.read(&mut piece)? {
            0 => return to.flush(),
            count => to.write_all(&piece[..count])?,
        }
    }
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

    /// As text: what is not UTF-8 is replaced, since a header must be.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// Takes in the output of a running command.
pub(super) struct Streams<'a> {
    job: &'a Job,
    output: Output,
}

impl<'a> Streams<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        let output = Output::default();
        Self { job, output }
    }

    pub(super) fn stdout(&mut self, bytes: &[u8]) {
        if self.job.answer == Answer::Wanted {
            let room = RESULT_MAX - self.output.result.len();
            let kept = &bytes[..bytes.len().min(room)];
            self.output.result.extend_from_slice(kept);
            self.output.is_truncated |= kept.len() < bytes.len();
        }
        if self.job.capture == Capture::Buffer {
            keep(&mut self.output.stdout, bytes);
            return;
        }
        // Whether the worker's own stdout is gone shows with its next line.
        let _ = match self.job.stdout_to {
            StdoutTo::Stdout => pass_on(io::stdout().lock(), bytes),
            StdoutTo::Stderr => pass_on(io::stderr().lock(), bytes),
        };
    }

    pub(super) fn stderr(&mut self, bytes: &[u8]) {
        if self.job.capture == Capture::Buffer {
            keep(&mut self.output.stderr, bytes);
        } else {
            let _ = pass_on(io::stderr().lock(), bytes);
        }
    }

    pub(super) fn into_output(self, tail: StderrTail) -> Output {
        Output {
            tail,
            ..self.output
        }
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
        assert_eq!(tail.text(), format!("n{}", "x".repeat(TAIL - 1)));
        tail.push(&[b'y'; 3 * TAIL]);
        assert_eq!(tail.text(), "y".repeat(TAIL));
        tail.push(b"\xff");
        assert!(tail.text().ends_with("y\u{fffd}"));
    }
}
