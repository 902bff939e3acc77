//! One run of the command, from its start to its end.

use super::command::TaskCommand;
use super::group::Group;
use super::outcome::Ending;
use super::output::Output;
use super::slots::Job;
use super::watched::Watched;
use crate::fault::{Fault, Kind};
use rustix::io::Errno;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

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

/// Runs the command for `job` to its end. `piece` is room to read its output into.
///
/// # Errors
/// Where the command itself cannot be run any more, whatever the task: [`Kind::SetUp`].
pub(super) fn run(
    command: &TaskCommand,
    job: &Job,
    limits: Limits,
    group: &Group,
    piece: &mut Vec<u8>,
) -> Result<Ran, Fault> {
    let ended = |ending| {
        let output = Output::default();
        Ok(Ran { ending, output })
    };
    let mut prepared = match command.prepare(job) {
        Ok(prepared) => prepared,
        Err(why) => return ended(Ending::Impossible(why)),
    };
    let mut watched = match Watched::prepare(&mut prepared, job, piece) {
        Ok(watched) => watched,
        Err(error) => return ended(Ending::NotStarted(error.to_string())),
    };
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
    watched.begin(&mut child);
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
