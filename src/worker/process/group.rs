//! The process group of a running command.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::{Child, ExitStatus};
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
    pub(super) fn enter(&self, child: &Child) {
        let leader = Pid::from_child(child);
        let mut led = self.lock();
        led.leader = Some(leader);
        if let Some(signal) = led.told {
            let _ = kill_process_group(leader, signal);
        }
    }

    /// Waits for the leader, which has ended.
    pub(super) fn reap(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let mut led = self.lock();
        if let (Some(leader), Some(_)) = (led.leader, led.told.take()) {
            let _ = kill_process_group(leader, Signal::KILL);
        }
        led.leader = None;
        child.wait()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;

    #[test]
    fn a_signal_reaches_a_command_that_is_being_started_and_not_the_next_one() {
        let group = Group::default();
        let run = |seconds: &str| {
            let mut command = Command::new("sleep");
            let mut child = command.arg(seconds).process_group(0).spawn().unwrap();
            group.enter(&child);
            group.reap(&mut child).unwrap()
        };
        group.signal(Signal::TERM);
        assert!(run("5").signal().is_some());
        assert!(run("0").success());
    }
}
