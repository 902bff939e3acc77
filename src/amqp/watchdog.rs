//! Ends calls into amiquip that would otherwise hang for ever.
//!
//! amiquip's calls know no time-outs: an RPC to a broker that is frozen, or `close` while the
//! broker blocks the connection, waits until somebody shuts the socket down. The watchdog is that
//! somebody. It shuts the socket down when a guarded call takes too long, or when the user has
//! asked to stop at once.

use crossbeam_channel::{Receiver, Sender, bounded, never, select, unbounded};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Asks all blocked calls to end, by being dropped.
///
/// The signal handler owns one and drops it when the user wants to stop at once.
pub type Cut = Sender<()>;

/// Disconnected once the [`Cut`] was dropped; never receives anything.
pub type WhenCut = Receiver<()>;

/// A pair of [`Cut`] and [`WhenCut`].
#[must_use]
pub fn cut() -> (Cut, WhenCut) {
    bounded(0)
}

/// Ends a connection from any thread: every call that is blocked in it returns an error.
#[derive(Clone, Debug)]
pub(super) struct KillSwitch {
    socket: Arc<TcpStream>,
    thrown: Arc<AtomicBool>,
}

impl KillSwitch {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket: Arc::new(socket),
            thrown: Arc::default(),
        }
    }

    /// Shuts the socket down. An error means that it is down already.
    pub(super) fn throw(&self) {
        self.thrown.store(true, Ordering::SeqCst);
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Whether it was we who ended the connection.
    pub(super) fn is_thrown(&self) -> bool {
        self.thrown.load(Ordering::SeqCst)
    }
}

enum Command {
    Arm(Instant),
    Disarm,
}

/// Watches over the calls on one connection. Its thread starts with the first guarded call and
/// ends when the watchdog is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    switch: KillSwitch,
    when_cut: WhenCut,
    commands: OnceLock<Sender<Command>>,
}

impl Watchdog {
    pub(super) fn new(switch: KillSwitch, when_cut: WhenCut) -> Self {
        Self {
            switch,
            when_cut,
            commands: OnceLock::new(),
        }
    }

    /// Ends the connection at once.
    pub(super) fn give_up(&self) {
        self.switch.throw();
    }

    /// Watches until the returned guard is dropped. Guards do not nest.
    pub(super) fn guard(&self, limit: Duration) -> Guard<'_> {
        self.arm(limit);
        Guard(self)
    }

    fn arm(&self, limit: Duration) {
        let commands = self.commands.get_or_init(|| {
            let (sender, receiver) = unbounded();
            let switch = self.switch.clone();
            let when_cut = self.when_cut.clone();
            let started = thread::Builder::new()
                .name("watchdog".to_owned())
                .spawn(move || watch(&receiver, when_cut, &switch));
            if started.is_err() {
                // Without threads nothing here can work; fail the call instead of hanging in it.
                self.switch.throw();
            }
            sender
        });
        let _ = commands.send(Command::Arm(Instant::now() + limit));
    }

    fn disarm(&self) {
        if let Some(commands) = self.commands.get() {
            let _ = commands.send(Command::Disarm);
        }
    }
}

/// Ends the watch when dropped.
pub(super) struct Guard<'a>(&'a Watchdog);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.disarm();
    }
}

/// Begins the watch when dropped: stands before a field whose drop may hang.
pub(super) struct ArmWhenDropped(pub(super) Arc<Watchdog>, pub(super) Duration);

impl Drop for ArmWhenDropped {
    fn drop(&mut self) {
        self.0.arm(self.1);
    }
}

/// Ends the watch when dropped: stands behind a field whose drop may hang.
pub(super) struct DisarmWhenDropped(pub(super) Arc<Watchdog>);

impl Drop for DisarmWhenDropped {
    fn drop(&mut self) {
        self.0.disarm();
    }
}

fn watch(commands: &Receiver<Command>, mut when_cut: WhenCut, switch: &KillSwitch) {
    let mut deadline: Option<Instant> = None;
    let mut is_cut = false;
    loop {
        if deadline.is_some_and(|at| is_cut || at <= Instant::now()) {
            switch.throw();
            deadline = None;
        }
        let limit = deadline.map_or(Duration::MAX, |at| {
            at.saturating_duration_since(Instant::now())
        });
        select! {
            recv(commands) -> command => match command {
                Ok(Command::Arm(at)) => deadline = Some(at),
                Ok(Command::Disarm) => deadline = None,
                Err(_) => return,
            },
            recv(when_cut) -> _ => {
                is_cut = true;
                when_cut = never();
            }
            default(limit) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    #[test]
    fn a_call_that_takes_too_long_is_ended() {
        let (mut near, _far) = connected();
        let switch = KillSwitch::new(near.try_clone().unwrap());
        let (_cut, when_cut) = cut();
        let watchdog = Watchdog::new(switch.clone(), when_cut);
        let _guard = watchdog.guard(Duration::from_millis(20));
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
        assert!(switch.is_thrown());
    }

    #[test]
    fn a_cut_ends_guarded_calls_alone() {
        let (mut near, mut far) = connected();
        let switch = KillSwitch::new(near.try_clone().unwrap());
        let (cut, when_cut) = cut();
        let watchdog = Watchdog::new(switch.clone(), when_cut);
        drop(watchdog.guard(Duration::from_secs(60)));
        drop(cut);
        std::io::Write::write_all(&mut far, b"x").unwrap();
        assert_eq!(near.read(&mut [0]).unwrap(), 1);
        let _guard = watchdog.guard(Duration::from_secs(60));
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
        assert!(switch.is_thrown());
    }
}
