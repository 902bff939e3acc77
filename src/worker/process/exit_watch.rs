//! Tells when a child has ended, without waiting for it.

use rustix::process::Pid;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Tells when the child has ended.
pub(super) struct ExitWatch {
    #[cfg(target_os = "linux")]
    pidfd: Option<std::os::fd::OwnedFd>,
    pid: Pid,
}

/// How often a system without process descriptors is asked whether the child has ended.
const ASK: Duration = Duration::from_millis(5);

impl ExitWatch {
    pub(super) fn new(pid: Pid) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            pidfd: rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok(),
            pid,
        }
    }

    /// Readable once the child has ended, where the system has such a thing.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        #[cfg(target_os = "linux")]
        return self.pidfd.as_ref().map(std::os::fd::AsFd::as_fd);
        #[cfg(not(target_os = "linux"))]
        return None;
    }

    /// How long to wait at most: `None` for ever.
    pub(super) fn limit(&self, deadline: Option<Instant>) -> Option<Duration> {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        match (self.fd(), left) {
            (Some(_), left) => left,
            (None, Some(left)) => Some(left.min(ASK)),
            (None, None) => Some(ASK),
        }
    }

    /// Whether the child has ended; it stays to be waited for.
    pub(super) fn has_exited(&self, is_ready: bool) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        if self.fd().is_some() {
            return is_ready;
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }
}
