//! How a command is started.
//!
//! Not by the standard library, which makes a map of the whole environment for each command.

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use rustix::process::Pid;
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// The program, its arguments from the name on, and its environment.
pub(super) struct Program<'a> {
    pub(super) path: &'a CStr,
    pub(super) arguments: Vec<&'a CStr>,
    pub(super) environment: Vec<&'a CStr>,
}

/// Starts a program with these as stdin, stdout and stderr; `None`: the worker's own. It leads a process
/// group of its own, so that a terminal's Ctrl+C does not reach it and a time-out reaches its children.
///
/// # Errors
/// Those of `posix_spawn`.
pub(super) fn spawn(
    program: &Program<'_>,
    streams: [Option<BorrowedFd<'_>>; 3],
) -> io::Result<Pid> {
    let mut actions = PosixSpawnFileActions::init()?;
    for (stream, number) in streams.into_iter().zip(0..) {
        if let Some(stream) = stream {
            actions.add_dup2(stream.as_raw_fd(), number)?;
        }
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETPGROUP | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF,
    )?;
    attributes.set_pgroup(nix::unistd::Pid::from_raw(0))?;
    // Rust's runtime ignores it, which commands would inherit.
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    let Program {
        path,
        arguments,
        environment,
    } = program;
    let pid = posix_spawn(*path, &actions, &attributes, arguments, environment)?;
    Pid::from_raw(pid.as_raw()).ok_or_else(|| io::Error::other("it has no process id"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{WaitOptions, WaitStatus, getpid, waitpid};
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::AsFd as _;

    fn wait(pid: Pid) -> WaitStatus {
        let waited = waitpid(Some(pid), WaitOptions::empty()).unwrap();
        waited.unwrap().1
    }

    fn shell(script: &CStr, streams: [Option<BorrowedFd<'_>>; 3]) -> io::Result<Pid> {
        let program = Program {
            path: c"/bin/sh",
            arguments: vec![c"name", c"-c", script],
            environment: vec![c"A=1"],
        };
        spawn(&program, streams)
    }

    #[test]
    fn it_has_the_streams_arguments_environment_and_signals_that_it_should() {
        let (reader, writer) = super::super::pipe::close_on_exec_pipe().unwrap();
        let script = c"echo $0 $A $HOME; ps -o pgid= -p $$ >&2; echo $$; kill -PIPE $$; echo no";
        let streams = [None, Some(writer.as_fd()), Some(writer.as_fd())];
        let pid = shell(script, streams).unwrap();
        let status = wait(pid);
        drop(writer);
        let mut said = String::new();
        File::from(reader).read_to_string(&mut said).unwrap();
        let lines: Vec<&str> = said.lines().map(str::trim).collect();
        let id = pid.as_raw_nonzero().to_string();
        assert_eq!(lines, ["name 1", &id, &id]);
        assert_eq!(status.terminating_signal(), Some(13));
        assert_ne!(pid, getpid());
    }

    #[test]
    fn what_cannot_be_started_is_told() {
        let program = Program {
            path: c"/no/such",
            arguments: vec![c"x"],
            environment: Vec::new(),
        };
        let error = spawn(&program, [None; 3]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
