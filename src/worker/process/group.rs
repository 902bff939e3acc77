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
    /// It was told to end; what outlives its leader is ended, too.
    is_doomed: bool,
}

impl Group {
    /// Sends `signal`, which is to end them, to all processes of the group.
    pub(super) fn signal(&self, signal: Signal) {
        let mut led = self.lock();
        if let Some(leader) = led.leader {
            led.is_doomed = true;
            // It fails only if all of them have ended by now.
            let _ = kill_process_group(leader, signal);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Led> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The child leads the group from now on.
    pub(super) fn enter(&self, child: &Child) {
        *self.lock() = Led {
            leader: Some(Pid::from_child(child)),
            is_doomed: false,
        };
    }

    /// Waits for the leader, which has ended.
    pub(super) fn reap(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let mut led = self.lock();
        if let (Some(leader), true) = (led.leader, led.is_doomed) {
            let _ = kill_process_group(leader, Signal::KILL);
        }
        led.leader = None;
        child.wait()
    }
}
