//! The process group of a running command.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, waitpid};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The process group of the command that runs in a slot, if one does.
///
/// A process id is reused once its process was waited for. So the id is here only while it
/// belongs to our child: it is taken out under the same lock under which the child is waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct Group(Arc<Mutex<Led>>);

#[derive(Debug, Default)]
struct Led {
    leader: Option<Pid>,
    /// The signal that is to end it, which may come while its leader is being started. What outlives the
    /// leader is ended, too.
    told: Option<Signal>,
}

impl Group {
    /// Sends `signal`, which is to end them, to all processes of the group, and to those of the command
    /// that is being started in it.
    pub(super) fn signal(&self, signal: Signal) {
        let mut led = self.lock();
        led.told = Some(signal);
        if let Some(leader) = led.leader {
            // It fails only if all of them have ended by now.
            let _ = kill_process_group(leader, signal);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Led> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The child leads the group from now on.
    pub(super) fn enter(&self, leader: Pid) {
        let mut led = self.lock();
        led.leader = Some(leader);
        if let Some(signal) = led.told {
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Waits for the leader, which has ended.
    ///
    /// # Errors
    /// Those of the system: somebody else has waited for it.
    pub(super) fn reap(&self, leader: Pid) -> io::Result<WaitStatus> {
        let mut led = self.lock();
        if led.told.take().is_some() {
            let _ = kill_process_group(leader, Signal::KILL);
        }
        led.leader = None;
        loop {
            match waitpid(Some(leader), WaitOptions::empty()) {
                Ok(Some((_, status))) => return Ok(status),
                Ok(None) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::process::spawn::{Program, spawn};
    use std::ffi::CStr;

    #[test]
    fn a_signal_reaches_a_command_that_is_being_started_and_not_the_next_one() {
        let group = Group::default();
        let run = |seconds: &CStr| {
            let sleep = Program {
                path: c"/bin/sleep",
                arguments: vec![c"sleep", seconds],
                environment: Vec::new(),
            };
            let leader = spawn(&sleep, [None; 3]).unwrap();
            group.enter(leader);
            group.reap(leader).unwrap()
        };
        group.signal(Signal::TERM);
        assert!(run(c"5").terminating_signal().is_some());
        assert_eq!(run(c"0").exit_status(), Some(0));
    }
}
