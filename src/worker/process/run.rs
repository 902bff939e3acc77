//! One run of the command, from its start to its end.

use super::command::TaskCommand;
use super::group::Group;
use super::job::{Job, TimeLimits};
use super::output::CommandOutput;
use super::pipe::Scratch;
use super::pipes::Pipes;
use crate::base::fault::{Fault, Kind};
use crate::worker::core::CannotRun;
use crate::worker::core::policy::{Ending, Outcome};
use rustix::io::Errno;
use std::io;

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

/// A run of the command.
pub(super) struct Run<'a> {
    pub(super) command: &'a TaskCommand,
    pub(super) job: &'a Job,
    pub(super) limits: TimeLimits,
    pub(super) group: &'a Group,
    /// Called once if it takes longer than most short commands, before its output is looked at.
    pub(super) takes_longer: &'a dyn Fn(),
}

impl Run<'_> {
    /// Runs the command for the job to its end. Its output is read with `scratch`.
    ///
    /// # Errors
    /// Where the command cannot be run, for now or at all, whatever the task.
    pub(super) fn to_end(&self, scratch: &mut Scratch) -> Result<Ran, CannotRun> {
        let Self {
            command,
            job,
            limits,
            group,
            ..
        } = *self;
        let prepared = match command.prepare(job) {
            Ok(prepared) => prepared,
            Err(why) => return Ok(Ending::Impossible(why).into()),
        };
        let mut pipes = match Pipes::prepare(command.empty_stdin(), job, scratch) {
            Ok(pipes) => pipes,
            Err(error) => return not_started(&error),
        };
        let leader = match prepared.spawn(pipes.of_command()) {
            Ok(leader) => leader,
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
        group.enter(leader);
        pipes.begin();
        let timed_out = pipes.attend(leader, limits, group, self.takes_longer);
        let status = group.reap(leader);
        let ending = match (timed_out, limits.timeout, status) {
            (true, Some(limit), _) => Ending::TimedOut(limit),
            (_, _, Err(error)) => {
                Ending::NotStarted(format!("it could not be waited for: {error}"))
            }
            (_, _, Ok(status)) => match (status.exit_status(), status.terminating_signal()) {
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
