//! Ends calls into amiquip that would otherwise hang for ever.
//!
//! amiquip's calls know no time-outs: an RPC to a broker that is frozen, or `close` while the
//! broker blocks the connection, waits until somebody shuts the socket down. The watchdog is that
//! somebody. It shuts the socket down when a guarded call takes too long, or when the user has
//! asked to stop at once.

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// Knows which call on one connection is watched, and until when.
///
/// Watching must cost next to nothing: there is a call for every acknowledgement. So the thread that
/// watches is not woken when a call begins or ends, unless it would sleep too long.
#[derive(Debug)]
pub(super) struct Watchdog {
    switch: KillSwitch,
    /// How many bytes have left over the connection.
    written: Arc<AtomicU64>,
    watched: Arc<Mutex<Watched>>,
    /// Wakes the thread; it ends when this is dropped.
    doorbell: Sender<()>,
}

#[derive(Debug, Default)]
struct Watched {
    /// When the current call has taken too long.
    deadline: Option<Instant>,
    /// When the thread wakes up by itself.
    wakes_at: Option<Instant>,
    /// What kind of call it is, how long it may take, and how many bytes had left when that began.
    call: Call,
    limit: Duration,
    left: u64,
    is_cut: bool,
}

/// What kind of call is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Call {
    /// It waits for an answer, behind what was handed over before it, and is ended when the user
    /// wants to stop at once.
    #[default]
    Request,
    /// It only hands over what is sent, and is given a moment then.
    Sending,
    /// It waits until what it sends has left.
    Leaving,
}

impl Call {
    /// While so many bytes leave in the time that the call may take, it is given as much time again.
    fn extended_by(self) -> Option<u64> {
        match self {
            Self::Request => Some(MORE_THAN_HEARTBEATS),
            Self::Sending => None,
            Self::Leaving => Some(1),
        }
    }
}

/// What leaves besides heartbeats: 8 bytes each, at most one a second.
const MORE_THAN_HEARTBEATS: u64 = 1024;

/// That moment.
const AFTER_CUT: Duration = Duration::from_secs(2);

/// What the thread that watches needs.
pub(super) struct Watch {
    switch: KillSwitch,
    written: Arc<AtomicU64>,
    when_cut: WhenCut,
    watched: Arc<Mutex<Watched>>,
    doorbell: Receiver<()>,
}

impl Watchdog {
    /// A watchdog, and what a thread must run for it to work.
    pub(super) fn new(
        switch: KillSwitch,
        written: Arc<AtomicU64>,
        when_cut: WhenCut,
    ) -> (Self, Watch) {
        let watched = Arc::default();
        // One ring is enough, however often it is pressed.
        let (doorbell, rings) = bounded(1);
        let watch = Watch {
            switch: switch.clone(),
            written: Arc::clone(&written),
            when_cut,
            watched: Arc::clone(&watched),
            doorbell: rings,
        };
        let watchdog = Self {
            switch,
            written,
            watched,
            doorbell,
        };
        (watchdog, watch)
    }

    /// Ends the connection at once.
    pub(super) fn give_up(&self) {
        self.switch.throw();
    }

    /// Watches until the returned guard is dropped. Guards do not nest.
    pub(super) fn guard(&self, limit: Duration) -> Guard<'_> {
        self.arm(limit, Call::Request);
        Guard(self)
    }

    /// The same for a call that waits for no answer: a cut leaves it a moment.
    pub(super) fn guard_sending(&self, limit: Duration) -> Guard<'_> {
        self.arm(limit, Call::Sending);
        Guard(self)
    }

    /// The same for a call that waits until what it sends has left: it is ended once nothing has
    /// left for so long.
    pub(super) fn guard_leaving(&self, limit: Duration) -> Guard<'_> {
        self.arm(limit, Call::Leaving);
        Guard(self)
    }

    fn arm(&self, limit: Duration, call: Call) {
        let now = Instant::now();
        let mut watched = lock(&self.watched);
        let limit = match call {
            Call::Sending if watched.is_cut => limit.min(AFTER_CUT),
            Call::Sending | Call::Request | Call::Leaving => limit,
        };
        let deadline = now + limit;
        watched.deadline = Some(deadline);
        watched.call = call;
        watched.limit = limit;
        watched.left = self.written.load(Ordering::Relaxed);
        if watched.is_cut || watched.wakes_at.is_none_or(|at| at > deadline) {
            let _ = self.doorbell.try_send(());
        }
    }

    fn disarm(&self) {
        lock(&self.watched).deadline = None;
    }
}

impl Watch {
    /// Watches until the watchdog is dropped.
    pub(super) fn run(mut self) {
        loop {
            let limit = self.next(Instant::now());
            select! {
                recv(self.doorbell) -> ring => if ring.is_err() {
                    return;
                },
                recv(self.when_cut) -> _ => {
                    let mut watched = lock(&self.watched);
                    watched.is_cut = true;
                    let soon = Instant::now() + AFTER_CUT;
                    watched.deadline = watched.deadline.map(|at| at.min(soon));
                    drop(watched);
                    self.when_cut = never();
                }
                default(limit) => {}
            }
        }
    }

    /// Ends the connection if it is time to, and says how long there is nothing to do.
    fn next(&self, now: Instant) -> Duration {
        let mut watched = lock(&self.watched);
        let ends = match watched.call {
            Call::Request | Call::Leaving => watched.is_cut,
            Call::Sending => false,
        };
        let written = self.written.load(Ordering::Relaxed);
        let more = written.saturating_sub(watched.left);
        let is_extended = watched.call.extended_by().is_some_and(|by| by <= more);
        if is_extended && watched.deadline.is_some() {
            watched.left = written;
            watched.deadline = Some(now + watched.limit);
        }
        if watched.deadline.is_some_and(|at| ends || at <= now) {
            self.switch.throw();
            watched.deadline = None;
        }
        watched.wakes_at = watched.deadline;
        watched
            .deadline
            .map_or(Duration::MAX, |at| at.saturating_duration_since(now))
    }
}

/// Nothing that holds the lock can panic.
fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.0.arm(self.1, Call::Request);
    }
}

/// Ends the watch when dropped: stands behind a field whose drop may hang.
pub(super) struct DisarmWhenDropped(pub(super) Arc<Watchdog>);

impl Drop for DisarmWhenDropped {
    fn drop(&mut self) {
        self.0.disarm();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;
    use std::thread;

    fn connected() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn watchdog(switch: &KillSwitch, when_cut: WhenCut) -> Watchdog {
        let (watchdog, watch) = Watchdog::new(switch.clone(), Arc::default(), when_cut);
        thread::spawn(move || watch.run());
        watchdog
    }

    #[test]
    fn a_call_that_takes_too_long_is_ended() {
        let (mut near, _far) = connected();
        let switch = KillSwitch::new(near.try_clone().unwrap());
        let (_cut, when_cut) = cut();
        let watchdog = watchdog(&switch, when_cut);
        let _guard = watchdog.guard(Duration::from_millis(20));
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
        assert!(switch.is_thrown());
    }

    #[test]
    fn a_short_limit_counts_also_while_a_long_one_is_slept_out() {
        let (mut near, _far) = connected();
        let switch = KillSwitch::new(near.try_clone().unwrap());
        let (_cut, when_cut) = cut();
        let watchdog = watchdog(&switch, when_cut);
        drop(watchdog.guard(Duration::from_secs(60)));
        while lock(&watchdog.watched).wakes_at.is_none() {
            // It may have been quicker to end than the thread to begin.
            drop(watchdog.guard(Duration::from_secs(60)));
            thread::yield_now();
        }
        assert!(!switch.is_thrown());
        let _guard = watchdog.guard(Duration::from_millis(20));
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
        assert!(switch.is_thrown());
    }

    #[test]
    fn it_sleeps_on_when_calls_begin_and_end() {
        let (near, _far) = connected();
        let (_cut, when_cut) = cut();
        let (watchdog, watch) = Watchdog::new(KillSwitch::new(near), Arc::default(), when_cut);
        let now = Instant::now();
        let limit = Duration::from_secs(30);
        let guard = watchdog.guard(limit);
        assert!(watchdog.doorbell.is_full(), "it must hear of the first");
        watch.doorbell.recv().unwrap();
        assert!(watch.next(now) > limit);
        drop(guard);
        drop(watchdog.guard(limit));
        let _guard = watchdog.guard(limit);
        assert!(watchdog.doorbell.is_empty());
        // It wakes at the end of the first, and sleeps on to that of the last.
        assert!(watch.next(now + limit) > Duration::ZERO);
        assert!(!watch.switch.is_thrown());
    }

    #[test]
    fn a_cut_ends_guarded_calls_alone() {
        let (mut near, mut far) = connected();
        let switch = KillSwitch::new(near.try_clone().unwrap());
        let (cut, when_cut) = cut();
        let watchdog = watchdog(&switch, when_cut);
        drop(watchdog.guard(Duration::from_secs(60)));
        drop(cut);
        while !lock(&watchdog.watched).is_cut {
            thread::yield_now();
        }
        std::io::Write::write_all(&mut far, b"x").unwrap();
        assert_eq!(near.read(&mut [0]).unwrap(), 1);
        let sending = watchdog.guard_sending(Duration::from_secs(60));
        std::io::Write::write_all(&mut far, b"x").unwrap();
        assert_eq!(near.read(&mut [0]).unwrap(), 1, "it is given a moment");
        drop(sending);
        let _guard = watchdog.guard(Duration::from_secs(60));
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
        assert!(switch.is_thrown());
    }

    #[test]
    fn what_is_sent_after_a_cut_has_a_moment_and_no_more() {
        let (near, _far) = connected();
        let (cut, when_cut) = cut();
        let (watchdog, watch) = Watchdog::new(KillSwitch::new(near), Arc::default(), when_cut);
        lock(&watchdog.watched).is_cut = true;
        drop(cut);
        let now = Instant::now();
        let _guard = watchdog.guard_sending(Duration::from_secs(60));
        assert!(watch.next(now) <= AFTER_CUT + now.elapsed());
        assert!(!watch.switch.is_thrown());
        watch.next(now + 2 * AFTER_CUT);
        assert!(watch.switch.is_thrown());
    }

    #[test]
    fn what_still_leaves_is_given_time() {
        let (near, _far) = connected();
        let (_cut, when_cut) = cut();
        let written = Arc::new(AtomicU64::new(0));
        let switch = KillSwitch::new(near);
        let (watchdog, watch) = Watchdog::new(switch, Arc::clone(&written), when_cut);
        let limit = Duration::from_secs(30);
        let _guard = watchdog.guard_leaving(limit);
        let mut now = Instant::now() + limit;
        for _ in 0..5 {
            written.fetch_add(1, Ordering::Relaxed);
            assert_eq!(watch.next(now), limit);
            now += limit;
        }
        assert!(!watch.switch.is_thrown());
        watch.next(now);
        assert!(watch.switch.is_thrown());
    }

    #[test]
    fn an_answer_is_waited_for_while_what_was_sent_before_it_leaves_and_heartbeats_do_not_count() {
        let (near, _far) = connected();
        let (_cut, when_cut) = cut();
        let written = Arc::new(AtomicU64::new(0));
        let switch = KillSwitch::new(near);
        let (watchdog, watch) = Watchdog::new(switch, Arc::clone(&written), when_cut);
        let limit = Duration::from_secs(30);
        let _guard = watchdog.guard(limit);
        let mut now = Instant::now() + limit;
        for _ in 0..5 {
            written.fetch_add(30_000, Ordering::Relaxed);
            assert_eq!(watch.next(now), limit);
            now += limit;
        }
        assert!(!watch.switch.is_thrown());
        written.fetch_add(30 * 8, Ordering::Relaxed);
        watch.next(now);
        assert!(watch.switch.is_thrown());
    }
}
