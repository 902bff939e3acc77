//! The command that is run for each task: found once, made ready for each.

use super::job::Job;
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::cli::CONCEALED;
use crate::task::TRACE_CONTEXT;
use crate::worker::core::headers;
use memchr::memmem;
use rustix::fs::Access;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// In arguments this stands for the task's body.
pub(super) const PLACEHOLDER: &[u8] = b"{}";

/// A command that was found and may be executed.
#[derive(Clone, Debug)]
pub struct TaskCommand {
    program: PathBuf,
    name: OsString,
    arguments: Vec<OsString>,
    wants_body: bool,
    queue: String,
}

impl TaskCommand {
    /// Finds the command, as a shell would along `PATH`.
    ///
    /// # Errors
    /// [`Kind::SetUp`] if there is none, or it may not be executed.
    pub fn find(words: &[OsString], queue: &str) -> Result<Option<Self>, Fault> {
        let Some((name, arguments)) = words.split_first() else {
            return Ok(None);
        };
        let wants_body = arguments
            .iter()
            .any(|argument| memmem::find(argument.as_bytes(), PLACEHOLDER).is_some());
        Ok(Some(Self {
            program: find_program(name)?,
            name: name.clone(),
            arguments: arguments.to_vec(),
            wants_body,
            queue: queue.to_owned(),
        }))
    }

    /// Whether the task's body stands in its arguments.
    pub(super) fn wants_body(&self) -> bool {
        self.wants_body
    }

    /// Whether the program's file is there.
    pub(super) fn is_there(&self) -> bool {
        self.program.exists()
    }

    /// The name as the user wrote it, made harmless.
    pub(super) fn name(&self) -> String {
        escape(self.name.as_bytes())
    }

    /// The command for one task, in a process group of its own, so that a terminal's Ctrl+C does
    /// not reach it and a time-out reaches its children.
    ///
    /// # Errors
    /// Why the task's body cannot stand in an argument.
    pub(super) fn prepare(&self, job: &Job) -> Result<Command, String> {
        let body = job.start.task.body.as_slice();
        if self.wants_body && body.contains(&0) {
            return Err(
                "the body contains a NUL byte, so it cannot replace {} in an argument".into(),
            );
        }
        let mut command = Command::new(&self.program);
        command.arg0(&self.name).process_group(0);
        for argument in &self.arguments {
            command.arg(substitute(argument, body));
        }
        self.set_environment(&mut command, job);
        Ok(command)
    }

    fn set_environment(&self, command: &mut Command, job: &Job) {
        let properties = &job.start.task.properties;
        // They may hold a password, and the command has no business with the broker.
        command
            .env_remove("AMQP_URL")
            .env_remove("AMQP_MANAGEMENT_URL")
            .env_remove(CONCEALED);
        // It would speak for the worker.
        command
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID");
        command
            .env("TASK_ID", without_nul(job.start.task.id()).as_ref())
            .env("TASK_QUEUE", &self.queue)
            .env(
                "TASK_ATTEMPT",
                headers::attempt(&job.start.task).to_string(),
            )
            .env(
                "TASK_REDELIVERED",
                if job.start.redelivered { "1" } else { "0" },
            )
            .env("WORKER_SLOT", (job.start.slot + 1).to_string());
        if let Some(priority) = properties.priority() {
            command.env("TASK_PRIORITY", priority.to_string());
        }
        if let Some(timestamp) = properties.timestamp() {
            command.env("TASK_TIMESTAMP", timestamp.to_string());
        }
        for (name, value) in properties.headers() {
            if !headers::is_ours(name) {
                command.env(variable(name), without_nul(&value).as_ref());
            }
        }
        for (header, variable) in TRACE_CONTEXT {
            // The worker's own trace is not the task's.
            command.env_remove(variable);
            let value = properties.header(header);
            command.envs(value.map(|value| (variable, without_nul(&value).into_owned())));
        }
    }
}

/// `TASK_HEADER_` and the header's name in upper case, with `_` for what is no letter or digit.
fn variable(header: &str) -> String {
    let upper = header.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    });
    format!("TASK_HEADER_{}", upper.collect::<String>())
}

/// An environment variable ends at a NUL, so it cannot hold one.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    }
}

fn substitute<'a>(argument: &'a OsStr, body: &[u8]) -> Cow<'a, OsStr> {
    let mut rest = argument.as_bytes();
    if memmem::find(rest, PLACEHOLDER).is_none() {
        return Cow::Borrowed(argument);
    }
    let mut whole = Vec::with_capacity(rest.len() + body.len());
    while let Some(at) = memmem::find(rest, PLACEHOLDER) {
        whole.extend_from_slice(&rest[..at]);
        whole.extend_from_slice(body);
        rest = &rest[at + PLACEHOLDER.len()..];
    }
    whole.extend_from_slice(rest);
    Cow::Owned(OsString::from_vec(whole))
}

fn find_program(name: &OsStr) -> Result<PathBuf, Fault> {
    let shown = escape(name.as_bytes());
    let unusable = |why: &str| Fault::new(Kind::SetUp, format!("cannot run `{shown}`: {why}"));
    if name.as_bytes().contains(&b'/') {
        let path = Path::new(name);
        return match check(path) {
            Ok(()) => Ok(path.to_owned()),
            Err(why) => Err(unusable(&why)),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    let mut found_but: Option<String> = None;
    for directory in std::env::split_paths(&path) {
        let candidate = directory.join(name);
        match check(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(why) if candidate.is_file() => {
                found_but.get_or_insert(format!("{}: {why}", candidate.display()));
            }
            Err(_) => {}
        }
    }
    let why = found_but.unwrap_or_else(|| {
        let hint = if name.as_bytes().contains(&b' ') {
            "; write the command and its arguments as separate words"
        } else {
            ""
        };
        format!("not found in PATH{hint}")
    });
    Err(unusable(&why))
}

fn check(path: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err("it is a directory".to_owned());
    }
    rustix::fs::access(path, Access::EXEC_OK).map_err(|_| "it is not executable".to_owned())
}

#[cfg(test)]
mod tests;
