//! The way to the service manager: a datagram socket that the environment names.

use super::systemd::Announcements;
use crate::worker::state::State;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// A manager that does not read is not waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// How soon it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells the service manager where the worker stands.
pub(super) struct Notifier {
    socket: UnixDatagram,
    manager: SocketAddr,
    announcements: Announcements,
    /// What it could not be told, and when that is tried again.
    unsaid: Vec<String>,
    next_try: Option<Instant>,
    /// That it cannot be told was said.
    has_failed: bool,
}

impl Notifier {
    /// As the environment asks for it, if it does.
    ///
    /// # Errors
    /// Where the environment names a socket that cannot be.
    pub(super) fn from_environment(
        grace: Option<Duration>,
        kill_after: Duration,
    ) -> io::Result<Option<Self>> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let watchdog = watchdog(
            env::var_os("WATCHDOG_USEC").as_deref(),
            env::var_os("WATCHDOG_PID").as_deref(),
        );
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Some(Self {
            socket,
            manager: address(&name)?,
            announcements: Announcements::new(grace, kill_after, watchdog),
            unsaid: Vec::new(),
            next_try: None,
            has_failed: false,
        }))
    }

    /// The main loop has come round. The first time that the manager cannot be told is an error.
    pub(super) fn tick(&mut self, state: State, now: Instant) -> io::Result<()> {
        let lines = self.announcements.tick(state, now);
        self.send(lines, now)
    }

    /// The worker ends.
    pub(super) fn stop(&mut self, now: Instant) -> io::Result<()> {
        let line = self.announcements.stop(now);
        // The last chance.
        self.next_try = None;
        self.send(Vec::from_iter(line), now)
    }

    fn send(&mut self, lines: Vec<String>, now: Instant) -> io::Result<()> {
        for line in lines {
            // Of two lines about the same the later one counts.
            let name = line.split('=').next().unwrap_or_default();
            self.unsaid
                .retain(|old| old.split('=').next() != Some(name));
            self.unsaid.push(line);
        }
        // A manager that hangs must not hold up the loop each time it comes round.
        if self.unsaid.is_empty() || self.next_try.is_some_and(|at| now < at) {
            return Ok(());
        }
        let message = self.unsaid.join("\n");
        match self.send_once(message.as_bytes()) {
            Ok(_) => {
                self.unsaid.clear();
                self.next_try = None;
                Ok(())
            }
            Err(error) => {
                self.next_try = Some(now + AGAIN);
                let is_new = !std::mem::replace(&mut self.has_failed, true);
                if is_new { Err(error) } else { Ok(()) }
            }
        }
    }

    /// A signal does not count.
    fn send_once(&self, message: &[u8]) -> io::Result<usize> {
        loop {
            match self.socket.send_to_addr(message, &self.manager) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent,
            }
        }
    }

    /// When the main loop is to come round at the latest.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let due = [self.announcements.wakes_at(), self.next_try];
        due.into_iter().flatten().min()
    }
}

/// A path; or, behind an `@`, a name in Linux's abstract namespace.
fn address(name: &OsString) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt as _;
            SocketAddr::from_abstract_name(name)
        }
        _ => Err(io::Error::other("it is neither a path nor `@` and a name")),
    }
}

/// How long the manager waits for a sign of life, if it does and means this process.
fn watchdog(usec: Option<&OsStr>, pid: Option<&OsStr>) -> Option<Duration> {
    let usec: u64 = usec?.to_str()?.parse().ok()?;
    let own = std::process::id().to_string();
    let is_meant = pid.is_none_or(|pid| pid == own.as_str());
    (is_meant && usec > 0).then(|| Duration::from_micros(usec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::state::Phase;

    #[test]
    fn the_watchdog_of_another_process_is_not_ours() {
        let own = std::process::id().to_string();
        let second = Some(Duration::from_secs(1));
        let usec = Some(OsStr::new("1000000"));
        assert_eq!(watchdog(usec, None), second);
        assert_eq!(watchdog(usec, Some(OsStr::new(&own))), second);
        assert_eq!(watchdog(usec, Some(OsStr::new("1"))), None);
        assert_eq!(watchdog(Some(OsStr::new("0")), None), None);
        assert_eq!(watchdog(Some(OsStr::new("soon")), None), None);
        assert_eq!(watchdog(None, None), None);
    }

    #[test]
    fn only_what_can_be_a_socket_is_one() {
        assert!(address(&"/run/notify".into()).is_ok());
        assert!(address(&"run/notify".into()).is_err());
        let long = format!("/{}", "x".repeat(200));
        assert!(address(&long.into()).is_err());
        #[cfg(target_os = "linux")]
        assert!(address(&"@name".into()).is_ok());
    }

    #[test]
    fn what_a_manager_could_not_take_is_said_again_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        // As long as another sender could still send something.
        loop {
            let filler = UnixDatagram::unbound().unwrap();
            filler.set_nonblocking(true).unwrap();
            let sent = (0..).take_while(|_| filler.send_to(b"full", &path).is_ok());
            if sent.count() == 0 {
                break;
            }
        }
        let socket = UnixDatagram::unbound().unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut notifier = Notifier {
            socket,
            manager: SocketAddr::from_pathname(&path).unwrap(),
            announcements: Announcements::new(None, Duration::ZERO, None),
            unsaid: Vec::new(),
            next_try: None,
            has_failed: false,
        };
        let state = State {
            phase: Phase::Consuming,
            ..State::default()
        };
        let now = Instant::now();
        assert!(notifier.tick(state, now).is_err());
        let again = Some(now + AGAIN);
        assert_eq!(notifier.wakes_at(), again);
        // Not before: to try takes a second each time.
        notifier.tick(state, now + AGAIN / 2).unwrap();
        assert_eq!(notifier.wakes_at(), again);
        while manager.recv(&mut [0; 16]).is_ok() {}
        notifier.tick(state, now + AGAIN).unwrap();
        let mut message = [0; 256];
        let count = manager.recv(&mut message).unwrap();
        let message = String::from_utf8_lossy(&message[..count]);
        assert!(message.starts_with("READY=1\nSTATUS="), "{message}");
        assert_eq!(notifier.wakes_at(), None);
    }
}
