//! One run of the command: fed, read and waited for without polling.

use super::command::TaskCommand;
use super::exit_watch::ExitWatch;
use super::group::Group;
use super::outcome::Ending;
use super::output::{Capture, Output, StderrTail, StdoutTo, Streams};
use super::slots::Job;
use crate::fault::{Fault, Kind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::Signal;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// The largest piece that is read at once: what a pipe of Linux holds.
const PIECE: usize = 64 * 1024;

/// How long a running command may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) timeout: Option<Duration>,
    pub(super) kill_after: Duration,
}

/// What a run came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ending: Ending,
    pub(super) output: Output,
}

/// Runs the command for `job` to its end.
///
/// # Errors
/// Where the command itself cannot be run any more, whatever the task: [`Kind::SetUp`].
pub(super) fn run(
    command: &TaskCommand,
    job: &Job,
    limits: Limits,
    group: &Group,
) -> Result<Ran, Fault> {
    let ended = |ending| {
        let output = Output::default();
        Ok(Ran { ending, output })
    };
    let mut prepared = match command.prepare(job) {
        Ok(prepared) => prepared,
        Err(why) => return ended(Ending::Impossible(why)),
    };
    let stdout = match job.capture {
        Capture::Inherit => match job.stdout_to {
            StdoutTo::Stdout => Stdio::inherit(),
            StdoutTo::Stderr => Stdio::from(io::stderr()),
        },
        Capture::Stream | Capture::Buffer => Stdio::piped(),
    };
    prepared
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped());
    let mut child = match prepared.spawn() {
        Ok(child) => child,
        Err(error) => {
            return match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::TOOBIG) => ended(Ending::Impossible(too_long(job))),
                Some(Errno::NOENT | Errno::ACCESS | Errno::NOEXEC) => Err(gone(command, &error)),
                _ => ended(Ending::NotStarted(error.to_string())),
            };
        }
    };
    group.enter(&child);
    let mut watched = Watched::new(&mut child, job);
    let timed_out = watched.attend(&child, limits, group);
    let output = watched.output();
    let status = group.reap(&mut child);
    let ending = match (timed_out, limits.timeout, status) {
        (true, Some(limit), _) => Ending::TimedOut(limit),
        (_, _, Err(error)) => Ending::NotStarted(format!("it could not be waited for: {error}")),
        (_, _, Ok(status)) => match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exit(code),
            (None, signal) => Ending::Signal(signal.unwrap_or_default()),
        },
    };
    Ok(Ran { ending, output })
}

fn too_long(job: &Job) -> String {
    format!(
        "the argument list is too long for the system: the body has {} bytes; read it from stdin \
         instead of {{}}",
        job.task.body.len()
    )
}

fn gone(command: &TaskCommand, error: &io::Error) -> Fault {
    let why = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOEXEC) => "; a script needs a first line such as #!/bin/sh",
        Some(Errno::NOENT) if command.is_there() => {
            "; the interpreter in its first line is missing"
        }
        _ => "; it was there when the worker started",
    };
    let text = format!("cannot run `{}`: {error}{why}", command.name());
    Fault::new(Kind::SetUp, text)
}

/// The ends of the pipes to a running command.
struct Watched<'a> {
    stdin: Option<ChildStdin>,
    body: &'a [u8],
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    streams: Streams<'a>,
    tail: StderrTail,
    piece: Vec<u8>,
}

impl<'a> Watched<'a> {
    fn new(child: &mut Child, job: &'a Job) -> Self {
        let mut watched = Self {
            stdin: child.stdin.take(),
            body: &job.task.body,
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            streams: Streams::new(job),
            tail: StderrTail::default(),
            piece: Vec::new(),
        };
        if let Some(stdin) = &watched.stdin {
            set_nonblocking(stdin.as_fd());
        }
        if let Some(stdout) = &watched.stdout {
            set_nonblocking(stdout.as_fd());
        }
        if let Some(stderr) = &watched.stderr {
            set_nonblocking(stderr.as_fd());
        }
        // A short body fits into the pipe, and is gone before there is anything to wait for.
        watched.feed();
        watched
    }

    /// Feeds and reads until the child has ended. Whether it was ended for taking too long.
    fn attend(&mut self, child: &Child, limits: Limits, group: &Group) -> bool {
        let exit = ExitWatch::new(child);
        let mut deadline = limits
            .timeout
            .and_then(|limit| Instant::now().checked_add(limit));
        let mut timed_out = false;
        loop {
            if deadline.is_some_and(|at| at <= Instant::now()) {
                if timed_out {
                    group.signal(Signal::KILL);
                    deadline = None;
                } else {
                    timed_out = true;
                    group.signal(Signal::TERM);
                    deadline = Instant::now().checked_add(limits.kill_after);
                }
            }
            let ready = self.wait(&exit, deadline);
            self.read_stdout(ready.stdout);
            self.read_stderr(ready.stderr);
            if ready.stdin {
                self.feed();
            }
            if ready.exited {
                break;
            }
        }
        // What it wrote before it ended is in the pipes. Its children may hold them open for long.
        self.read_stdout(true);
        self.read_stderr(true);
        timed_out
    }

    /// Waits until something can be done.
    fn wait(&self, exit: &ExitWatch, deadline: Option<Instant>) -> Ready {
        let limit = exit.limit(deadline);
        let timeout = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let stdin = self.stdin.as_ref().map(AsFd::as_fd);
        let stdout = self.stdout.as_ref().map(AsFd::as_fd);
        let stderr = self.stderr.as_ref().map(AsFd::as_fd);
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

    fn read_stdout(&mut self, is_ready: bool) {
        if !is_ready {
            return;
        }
        let Some(stdout) = &mut self.stdout else {
            return;
        };
        let streams = &mut self.streams;
        if read_all(stdout, &mut self.piece, |bytes| streams.stdout(bytes)) == Stream::Ended {
            self.stdout = None;
        }
    }

    fn read_stderr(&mut self, is_ready: bool) {
        if !is_ready {
            return;
        }
        let Some(stderr) = &mut self.stderr else {
            return;
        };
        let (streams, tail) = (&mut self.streams, &mut self.tail);
        let read = read_all(stderr, &mut self.piece, |bytes| {
            tail.push(bytes);
            streams.stderr(bytes);
        });
        if read == Stream::Ended {
            self.stderr = None;
        }
    }

    fn output(self) -> Output {
        self.streams.into_output(self.tail)
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

#[derive(PartialEq, Eq)]
enum Stream {
    Open,
    Ended,
}

/// Reads what is there. A stream that fails is over.
fn read_all(stream: &mut impl Read, piece: &mut Vec<u8>, mut sink: impl FnMut(&[u8])) -> Stream {
    piece.resize(PIECE, 0);
    // Bounded, so that an endless stream cannot keep a time-out from being noticed.
    for _ in 0..64 {
        match stream.read(piece) {
            Ok(0) => return Stream::Ended,
            Ok(count) => sink(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Stream::Open,
            Err(_) => return Stream::Ended,
        }
    }
    Stream::Open
}

fn set_nonblocking(fd: BorrowedFd<'_>) {
    if let Ok(flags) = fcntl_getfl(fd) {
        let _ = fcntl_setfl(fd, flags | OFlags::NONBLOCK);
    }
}
