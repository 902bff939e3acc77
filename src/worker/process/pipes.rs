//! The pipes to a running command: fed, read and waited on without polling.

use super::exit_watch::ExitWatch;
use super::group::Group;
use super::job::{Capture, Job, StdoutTo, TimeLimits};
use super::output::{CommandOutput, Streams};
use super::pipe::{close_on_exec_pipe, pipe, read_all, set_nonblocking};
use crate::worker::core::policy::{Ending, Outcome};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many bytes an empty pipe takes without waiting, on every system.
const FITS: usize = 4096;

/// How long a command's output may lie in the pipe before it is read. A look takes the CPU from the
/// command: some 40 µs of the 1 ms that `cat` takes. Most commands that end sooner write less than a
/// pipe holds. One that writes more blocks until the first look.
const OUTPUT_WAITS: Duration = Duration::from_millis(2);

/// The ends of the pipes to a running command.
pub(super) struct Pipes<'a> {
    stdin: Option<File>,
    /// The command's end of stdin, for a short body, to see whether it was read.
    unread: Option<OwnedFd>,
    body: &'a [u8],
    stdout: Option<File>,
    stderr: Option<File>,
    streams: Streams<'a>,
    piece: &'a mut Vec<u8>,
}

impl<'a> Pipes<'a> {
    /// Gives `command` the pipes for `job`. `piece` is room to read into, kept from one command to
    /// the next.
    ///
    /// The command's ends of the pipes live as long as `command`. While it lives there is no end of
    /// file to be read, and so nothing to wake up for before the command itself has ended.
    pub(super) fn prepare(
        command: &mut Command,
        job: &'a Job,
        piece: &'a mut Vec<u8>,
    ) -> io::Result<Self> {
        let stdout = match (job.capture, job.stdout_to) {
            (Capture::Inherit, StdoutTo::Stdout) => None,
            (Capture::Inherit, StdoutTo::Stderr) => {
                command.stdout(Stdio::from(io::stderr()));
                None
            }
            (Capture::Stream | Capture::Buffer, _) => {
                let (reader, writer) = pipe()?;
                command.stdout(Stdio::from(writer));
                Some(reader)
            }
        };
        let (stderr, writer) = pipe()?;
        command.stderr(Stdio::from(writer));
        let body = job.start.task.body.as_slice();
        let (mut stdin, mut unread) = (None, None);
        command.stdin(match body.len() {
            0 => Stdio::null(),
            1..=FITS => {
                let (reader, writer) = close_on_exec_pipe()?;
                unread = Some(reader.try_clone()?);
                stdin = Some(File::from(writer));
                Stdio::from(reader)
            }
            // A longer one must not be waited for once nobody reads it.
            _ => Stdio::piped(),
        });
        Ok(Self {
            stdin,
            unread,
            body,
            stdout,
            stderr: Some(stderr),
            streams: Streams::new(job),
            piece,
        })
    }

    /// The command has begun to run.
    pub(super) fn begin(&mut self, child: &mut Child) {
        if let Some(stdin) = child.stdin.take() {
            set_nonblocking(stdin.as_fd());
            self.stdin = Some(File::from(OwnedFd::from(stdin)));
        }
        // A short body fits into the pipe, and is gone before there is anything to wait for.
        self.feed();
    }

    /// Feeds and reads until the child has ended. Whether it was ended for taking too long.
    pub(super) fn attend(&mut self, child: &Child, limits: TimeLimits, group: &Group) -> bool {
        let exit = ExitWatch::new(child);
        let begun = Instant::now();
        let mut deadline = limits.timeout.and_then(|limit| begun.checked_add(limit));
        let mut looks_at = Some(begun + OUTPUT_WAITS);
        let mut timed_out = false;
        loop {
            let now = Instant::now();
            looks_at = looks_at.filter(|at| *at > now);
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
        let left = self.unread.as_ref().map(rustix::io::ioctl_fionread);
        matches!(left, Some(Ok(left)) if left == job.start.task.body.len() as u64)
    }

    fn read_stdout(&mut self) {
        let streams = &mut self.streams;
        read_all(&mut self.stdout, self.piece, |bytes| streams.stdout(bytes));
        if self.streams.has_lost_reader() {
            self.stdout = None;
        }
    }

    fn read_stderr(&mut self) {
        let streams = &mut self.streams;
        read_all(&mut self.stderr, self.piece, |bytes| streams.stderr(bytes));
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
