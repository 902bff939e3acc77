//! The pipes to a running command: fed, read and waited on without polling.

use super::exit_watch::ExitWatch;
use super::group::Group;
use super::job::{Capture, Job, StdoutTo, TimeLimits};
use super::output::{CommandOutput, Streams};
use super::pipe::{Scratch, close_on_exec_pipe, pipe, set_nonblocking};
use crate::worker::core::policy::{Ending, Outcome};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

/// How many bytes an empty pipe takes without waiting, on every system.
const FITS: usize = 4096;

/// The pipes to a running command: our ends, and the command's.
pub(super) struct Pipes<'a> {
    stdin: Option<File>,
    stdout: Option<File>,
    stderr: Option<File>,
    of_command: OfCommand<'a>,
    body: &'a [u8],
    streams: Streams<'a>,
    scratch: &'a mut Scratch,
}

/// The command's ends. While they are open here there is no end of file to be read, and so nothing to wake
/// up for before the command itself has ended.
struct OfCommand<'a> {
    stdin: Input<'a>,
    stdout: Output,
    stderr: OwnedFd,
}

enum Input<'a> {
    /// There is nothing to be read.
    Empty(BorrowedFd<'a>),
    /// A body that the pipe holds. Kept to see whether it was read.
    Short(OwnedFd),
    /// A longer one must not be waited for once nobody reads it, so this is closed when the command has it.
    Long(Option<OwnedFd>),
}

enum Output {
    /// The worker's own stdout.
    Inherited,
    /// The worker's own stderr.
    ToStderr(io::Stderr),
    Piped(OwnedFd),
}

impl<'a> Pipes<'a> {
    /// The pipes for `job`. `empty` is read where there is nothing to read.
    ///
    /// # Errors
    /// Those of the system, as for want of descriptors.
    pub(super) fn prepare(
        empty: BorrowedFd<'a>,
        job: &'a Job,
        scratch: &'a mut Scratch,
    ) -> io::Result<Self> {
        let (stdout, stdout_of_command) = match (job.capture, job.stdout_to) {
            (Capture::Inherit, StdoutTo::Stdout) => (None, Output::Inherited),
            (Capture::Inherit, StdoutTo::Stderr) => (None, Output::ToStderr(io::stderr())),
            (Capture::Stream | Capture::Buffer, _) => {
                let (reader, writer) = pipe()?;
                (Some(reader), Output::Piped(writer))
            }
        };
        let (stderr, stderr_of_command) = pipe()?;
        let body = job.start.task.body.as_slice();
        let (stdin, stdin_of_command) = match body.len() {
            0 => (None, Input::Empty(empty)),
            length => {
                let (reader, writer) = close_on_exec_pipe()?;
                let reader = if length <= FITS {
                    Input::Short(reader)
                } else {
                    set_nonblocking(writer.as_fd());
                    Input::Long(Some(reader))
                };
                (Some(File::from(writer)), reader)
            }
        };
        Ok(Self {
            stdin,
            stdout,
            stderr: Some(stderr),
            of_command: OfCommand {
                stdin: stdin_of_command,
                stdout: stdout_of_command,
                stderr: stderr_of_command,
            },
            body,
            streams: Streams::new(job),
            scratch,
        })
    }

    /// What the command gets as stdin, stdout and stderr; `None`: the worker's own.
    pub(super) fn of_command(&self) -> [Option<BorrowedFd<'_>>; 3] {
        let OfCommand {
            stdin,
            stdout,
            stderr,
        } = &self.of_command;
        let stdin = match stdin {
            Input::Empty(empty) => Some(*empty),
            Input::Short(reader) => Some(reader.as_fd()),
            Input::Long(reader) => reader.as_ref().map(AsFd::as_fd),
        };
        let stdout = match stdout {
            Output::Inherited => None,
            Output::ToStderr(stderr) => Some(stderr.as_fd()),
            Output::Piped(writer) => Some(writer.as_fd()),
        };
        [stdin, stdout, Some(stderr.as_fd())]
    }

    /// The command has begun to run.
    pub(super) fn begin(&mut self) {
        if let Input::Long(reader) = &mut self.of_command.stdin {
            *reader = None;
        }
        // A short body fits into the pipe, and is gone before there is anything to wait for.
        self.feed();
    }

    /// Feeds and reads until the child has ended. Whether it was ended for taking too long.
    pub(super) fn attend(
        &mut self,
        leader: Pid,
        limits: TimeLimits,
        group: &Group,
        takes_longer: &dyn Fn(),
    ) -> bool {
        let exit = ExitWatch::new(leader);
        let begun = Instant::now();
        let mut deadline = limits.timeout.and_then(|limit| begun.checked_add(limit));
        let mut looks_at = Some(begun + self.scratch.begin());
        let mut timed_out = false;
        loop {
            let now = Instant::now();
            if looks_at.take_if(|at| *at <= now).is_some() {
                takes_longer();
            }
            if deadline.is_some_and(|at| at <= now) {
                if timed_out {
                    group.signal(Signal::KILL);
                    deadline = None;
                } else {
                    timed_out = true;
                    group.signal(Signal::TERM);
                    deadline = now.checked_add(limits.kill_after);
                }
            }
            let ready = self.wait(&exit, deadline, looks_at);
            if ready.stdout {
                self.read_stdout();
            }
            if ready.stderr {
                self.read_stderr();
            }
            if ready.stdin {
                self.feed();
            }
            if ready.exited {
                break;
            }
        }
        // What it wrote before it ended is in the pipes. Its children may hold them open for long.
        self.streams.keep_rest();
        self.read_stdout();
        self.read_stderr();
        timed_out
    }

    /// Waits until something can be done, or until it is time to look at the output.
    fn wait(
        &self,
        exit: &ExitWatch,
        deadline: Option<Instant>,
        looks_at: Option<Instant>,
    ) -> Ready {
        let limit = exit.limit(deadline.into_iter().chain(looks_at).min());
        let timeout = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let stdin = self.stdin.as_ref().map(AsFd::as_fd);
        let looks = looks_at.is_none();
        let stdout = self.stdout.as_ref().map(AsFd::as_fd).filter(|_| looks);
        let stderr = self.stderr.as_ref().map(AsFd::as_fd).filter(|_| looks);
        let sources = [
            (stdin, PollFlags::OUT),
            (stdout, PollFlags::IN),
            (stderr, PollFlags::IN),
            (exit.fd(), PollFlags::IN),
        ];
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(sources.len());
        let mut places = [None; 4];
        for (place, (fd, flags)) in places.iter_mut().zip(&sources) {
            if let Some(fd) = fd {
                *place = Some(fds.len());
                fds.push(PollFd::from_borrowed_fd(*fd, *flags));
            }
        }
        // An interruption is the same as nothing being ready yet.
        let _ = poll(&mut fds, timeout.as_ref());
        let is_ready = |place: Option<usize>| place.is_some_and(|i| !fds[i].revents().is_empty());
        Ready {
            stdin: is_ready(places[0]),
            stdout: is_ready(places[1]),
            stderr: is_ready(places[2]),
            exited: exit.has_exited(is_ready(places[3])),
        }
    }

    /// Writes as much of the body as goes, and closes stdin behind it. A command that does not
    /// read it, or closes it early, is within its rights.
    fn feed(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        loop {
            if self.body.is_empty() {
                break;
            }
            match stdin.write(self.body) {
                Ok(count) => self.body = &self.body[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.stdin = None;
    }

    /// Whether the command has read nothing of its stdin, as far as is known.
    pub(super) fn has_left_body(&self, job: &Job) -> bool {
        let Input::Short(reader) = &self.of_command.stdin else {
            return false;
        };
        let left = rustix::io::ioctl_fionread(reader);
        left.is_ok_and(|left| left == job.start.task.body.len() as u64)
    }

    fn read_stdout(&mut self) {
        let streams = &mut self.streams;
        self.scratch
            .read_all(&mut self.stdout, |bytes| streams.stdout(bytes));
        if self.streams.has_lost_reader() {
            self.stdout = None;
        }
    }

    fn read_stderr(&mut self) {
        let streams = &mut self.streams;
        self.scratch
            .read_all(&mut self.stderr, |bytes| streams.stderr(bytes));
    }

    /// What others are told of the command's end, and what is still to be passed on.
    pub(super) fn end(self, ending: Ending) -> (Outcome, CommandOutput) {
        self.streams.end(ending)
    }
}

#[allow(
    clippy::struct_excessive_bools,
    reason = "four file descriptors, each ready or not"
)]
struct Ready {
    stdin: bool,
    stdout: bool,
    stderr: bool,
    exited: bool,
}
