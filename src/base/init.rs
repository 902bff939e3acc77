//! The first process of a container. Processes whose parents have ended become its children, and
//! stay in the process table until it waits for them. So a command that leaves such processes
//! behind is run by a second process; the first one only waits and hands signals on.

use super::signals::is_ignored;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpgrp, getpid, kill_process, wait};
use rustix::termios::tcgetpgrp;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Whether this is the first process of its container.
#[must_use]
pub fn is_first_process() -> bool {
    getpid().is_init()
}

/// Starts this program again with `arguments`, and without the variable `hidden`. Reaps and hands
/// on signals until it ends. Returns its exit code, or 128 plus the signal that ended it.
///
/// # Errors
/// If it cannot be started; then nothing has changed.
pub fn run(arguments: &[OsString], hidden: &str) -> io::Result<u8> {
    // A signal that came before there is a handler would be lost: the system protects this process.
    let mut numbers = vec![SIGCHLD, SIGINT, SIGQUIT, SIGTERM];
    if !is_ignored(SIGHUP) {
        numbers.push(SIGHUP);
    }
    let mut signals = Signals::new(numbers)?;
    let mut again = Command::new(env::current_exe()?);
    if let Some((name, rest)) = arguments.split_first() {
        again.arg0(name).args(rest);
    }
    let child = Pid::from_child(&again.env_remove(hidden).spawn()?);
    for number in signals.forever() {
        if number == SIGCHLD {
            if let Some(status) = reap(child)? {
                return Ok(code(status));
            }
        } else if let Some(signal) = Signal::from_named_raw(number).filter(|_| !is_told(number)) {
            // It fails only if the child has ended, which SIGCHLD will tell.
            let _ = kill_process(child, signal);
        }
    }
    Err(io::Error::other("no more signals come"))
}

/// Waits for all children that have ended. Returns the status of `child` if it is one of them.
fn reap(child: Pid) -> io::Result<Option<WaitStatus>> {
    while let Some((pid, status)) = wait(WaitOptions::NOHANG)? {
        if pid == child {
            return Ok(Some(status));
        }
    }
    Ok(None)
}

fn code(status: WaitStatus) -> u8 {
    let signal = || status.terminating_signal().map(|signal| 128 + signal);
    let code = status.exit_status().or_else(signal);
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Whether the child gets this signal from the terminal anyway, as all processes in front do. A
/// second one would mean something else to it.
fn is_told(number: i32) -> bool {
    let is_in_front = || tcgetpgrp(io::stdin()).is_ok_and(|front| front == getpgrp());
    matches!(number, SIGINT | SIGQUIT) && is_in_front()
}
