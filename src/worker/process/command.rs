//! The command that is run for each task: found once, made ready for each.

use super::environment::{Environment, TaskVariables};
use super::job::Job;
use super::spawn::{Program, spawn};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use memchr::memmem;
use rustix::fs::Access;
use rustix::process::Pid;
use std::borrow::Cow;
use std::ffi::{CStr, CString, NulError, OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{io, iter};

/// In arguments this stands for the task's body.
pub(super) const PLACEHOLDER: &[u8] = b"{}";

/// A command that was found and may be executed.
#[derive(Clone, Debug)]
pub struct TaskCommand {
    path: CString,
    name: CString,
    arguments: Vec<CString>,
    wants_body: bool,
    environment: Arc<Environment>,
    empty_stdin: Arc<File>,
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
        let arguments = arguments.iter().map(|argument| c_string(argument));
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        let wants_body = arguments
            .iter()
            .any(|argument| memmem::find(argument.to_bytes(), PLACEHOLDER).is_some());
        let empty_stdin = File::open("/dev/null")
            .map_err(|error| Fault::new(Kind::SetUp, format!("cannot open /dev/null: {error}")))?;
        Ok(Some(Self {
            path: c_string(find_program(name)?.as_os_str())?,
            name: c_string(name)?,
            arguments,
            wants_body,
            environment: Arc::new(Environment::new(std::env::vars_os(), queue)),
            empty_stdin: Arc::new(empty_stdin),
        }))
    }

    /// Whether the task's body stands in its arguments.
    pub(super) fn wants_body(&self) -> bool {
        self.wants_body
    }

    /// Whether the program's file is there.
    pub(super) fn is_there(&self) -> bool {
        Path::new(OsStr::from_bytes(self.path.to_bytes())).exists()
    }

    /// The name as the user wrote it, made harmless.
    pub(super) fn name(&self) -> String {
        escape(self.name.to_bytes())
    }

    /// The command for one task.
    ///
    /// # Errors
    /// Why the task's body cannot stand in an argument.
    pub(super) fn prepare(&self, job: &Job) -> Result<Prepared<'_>, String> {
        let body = job.start.task.body.as_slice();
        let arguments = self.arguments.iter();
        let arguments = arguments.map(|argument| substitute(argument, body));
        Ok(Prepared {
            command: self,
            arguments: arguments.collect::<Result<_, _>>().map_err(
                |_| "the body contains a NUL byte, so it cannot replace {} in an argument",
            )?,
            variables: TaskVariables::of(job),
        })
    }

    /// What a command reads that has nothing to read.
    pub(super) fn empty_stdin(&self) -> BorrowedFd<'_> {
        self.empty_stdin.as_fd()
    }
}

/// The command for one task.
pub(super) struct Prepared<'a> {
    command: &'a TaskCommand,
    arguments: Vec<Cow<'a, CStr>>,
    variables: TaskVariables,
}

impl Prepared<'_> {
    /// Starts it with these as stdin, stdout and stderr; `None`: the worker's own.
    ///
    /// # Errors
    /// Why the system does not.
    pub(super) fn spawn(&self, streams: [Option<BorrowedFd<'_>>; 3]) -> io::Result<Pid> {
        let name = self.command.name.as_c_str();
        let arguments = self.arguments.iter().map(AsRef::as_ref);
        let program = Program {
            path: &self.command.path,
            arguments: iter::once(name).chain(arguments).collect(),
            environment: self.command.environment.with(&self.variables),
        };
        spawn(&program, streams)
    }
}

fn substitute<'a>(argument: &'a CStr, body: &[u8]) -> Result<Cow<'a, CStr>, NulError> {
    let mut rest = argument.to_bytes();
    if memmem::find(rest, PLACEHOLDER).is_none() {
        return Ok(Cow::Borrowed(argument));
    }
    let mut whole = Vec::with_capacity(rest.len() + body.len());
    while let Some(at) = memmem::find(rest, PLACEHOLDER) {
        whole.extend_from_slice(&rest[..at]);
        whole.extend_from_slice(body);
        rest = &rest[at + PLACEHOLDER.len()..];
    }
    whole.extend_from_slice(rest);
    CString::new(whole).map(Cow::Owned)
}

/// Words of a command line hold no NUL.
fn c_string(word: &OsStr) -> Result<CString, Fault> {
    CString::new(word.as_bytes()).map_err(|_| {
        let shown = escape(word.as_bytes());
        Fault::new(Kind::SetUp, format!("`{shown}` contains a NUL byte"))
    })
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
