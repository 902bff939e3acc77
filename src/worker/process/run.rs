//! One run of the command, from its start to its end.

use super::command::TaskCommand;
use super::group::Group;
use super::job::{Job, TimeLimits};
use super::output::CommandOutput;
use super::pipes::Pipes;
use crate::base::fault::{Fault, Kind};
use crate::worker::core::CannotRun;
use crate::worker::core::policy::{Ending, Outcome};
use rustix::io::Errno;
use std::io;
use std::os::unix::process::ExitStatusExt as _;

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub outcome: Outcome,
    /// What was kept until the end, to be passed on.
    pub output: CommandOutput,
    /// It succeeded without having looked at the task.
    pub has_ignored_task: bool,
}

impl From<Ending> for Ran {
    fn from(ending: Ending) -> Self {
        Self {
            outcome: Outcome::from(ending),
            output: CommandOutput::default(),
            has_ignored_task: false,
        }
    }
}

/// Runs the command for `job` to its end. `piece` is room to read its output into.
///
/// # Errors
/// Where the command cannot be run, for now or at all, whatever the task.
pub(super) fn run(
    command: &TaskCommand,
    job: &Job,
    limits: TimeLimits,
    group: &Group,
    piece: &mut Vec<u8>,
) -> Result<Ran, CannotRun> {
    let mut prepared = match command.prepare(job) {
        Ok(prepared) => prepared,
        Err(why) => return Ok(Ending::Impossible(why).into()),
    };
    let mut pipes = match Pipes::prepare(&mut prepared, job, piece) {
        Ok(pipes) => pipes,
        Err(error) => return not_started(&error),
    };
    let mut child = match prepared.spawn() {
        Ok(child) => child,
        Err(error) => {
            return match errno(&error) {
                Some(Errno::TOOBIG) => Ok(Ending::Impossible(too_long(job)).into()),
                Some(Errno::NOENT | Errno::ACCESS | Errno::NOEXEC) => {
                    Err(CannotRun::Ever(gone(command, &error)))
                }
                _ => not_started(&error),
            };
        }
    };
    group.enter(&child);
    pipes.begin(&mut child);
    let timed_out = pipes.attend(&child, limits, group);
    let status = group.reap(&mut child);
    let ending = match (timed_out, limits.timeout, status) {
        (true, Some(limit), _) => Ending::TimedOut(limit),
        (_, _, Err(error)) => Ending::NotStarted(format!("it could not be waited for: {error}")),
        (_, _, Ok(status)) => match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exit(code),
            (None, signal) => Ending::Signal(signal.unwrap_or_default()),
        },
    };
    let has_ignored_task =
        ending == Ending::Exit(0) && !command.wants_body() && pipes.has_left_body(job);
    let (outcome, output) = pipes.end(ending);
    Ok(Ran {
        outcome,
        output,
        has_ignored_task,
    })
}

/// Want of descriptors, processes or memory is not the task's fault, and passes.
fn not_started(error: &io::Error) -> Result<Ran, CannotRun> {
    match errno(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM) => {
            Err(CannotRun::ForNow(error.to_string()))
        }
        _ => Ok(Ending::NotStarted(error.to_string()).into()),
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

fn too_long(job: &Job) -> String {
    format!(
        "the argument list is too long for the system: the body has {} bytes; read it from stdin \
         instead of {{}}",
        job.start.task.body.len()
    )
}

fn gone(command: &TaskCommand, error: &io::Error) -> Fault {
    let why = match errno(error) {
        Some(Errno::NOEXEC) => "; a script needs a first line such as #!/bin/sh",
        Some(Errno::NOENT) if command.is_there() => {
            "; the interpreter in its first line is missing"
        }
        _ => "; it was there when the worker started",
    };
    let text = format!("cannot run `{}`: {error}{why}", command.name());
    Fault::new(Kind::SetUp, text)
}
