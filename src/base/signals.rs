//! Ctrl+C, SIGTERM and SIGHUP, as messages on a channel.

use super::cancellation::{Cancellation, WhenCancelled, cancellation};
use super::exit_code::ExitCode;
use super::fault::{Fault, Kind};
use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Which signal does what, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndsAt {
    /// All blocked calls are ended.
    cancel: u8,
    /// The process exits, whatever it does: something hangs that must not.
    exit: u8,
}

impl EndsAt {
    /// Nothing is worth waiting for once the user wants to stop.
    pub const FIRST: Self = Self { cancel: 1, exit: 2 };
    /// The first signal ends the sending, the second the putting aside of what was not sent.
    pub const BULK: Self = Self { cancel: 1, exit: 3 };
    /// The first signal lets running tasks finish, the second ends them, the third kills them.
    pub const WORKER: Self = Self { cancel: 2, exit: 4 };
}

/// Signals that come so close together are one: `timeout`, for example, signals its child and then
/// the whole group. Nobody presses Ctrl+C twice in less.
const SAME: Duration = Duration::from_millis(100);

/// Installs the handlers, once per process. `notify` is called at each signal, on a thread of its
/// own, and should do no more than send on a channel. The result is disconnected at the signal
/// that ends all.
///
/// SIGHUP stays ignored where it is at the start: `nohup` asks for that.
pub fn install(
    ends_at: EndsAt,
    notify: impl Fn() + Send + 'static,
) -> Result<WhenCancelled, Fault> {
    let installing = begin(ends_at, notify)?;
    installing.finish()?;
    Ok(installing.when_cancelled)
}

/// Handlers that are being installed. Until they are, a signal ends the process.
pub struct Installing {
    /// See [`install`].
    pub when_cancelled: WhenCancelled,
    /// Why they cannot be; disconnected once they are.
    failed: Receiver<Fault>,
}

impl Installing {
    /// Waits until the handlers are installed.
    pub fn finish(&self) -> Result<(), Fault> {
        self.failed.recv().map_or(Ok(()), Err)
    }
}

/// Begins to [`install`] the handlers: it takes as long as a twentieth of what sending a task does.
pub fn begin(ends_at: EndsAt, notify: impl Fn() + Send + 'static) -> Result<Installing, Fault> {
    let (cancellation, when_cancelled) = cancellation();
    let handler = Handler {
        ends_at,
        notify,
        cancellation: Some(cancellation),
        count: 0,
        last: None,
    };
    let handler = Arc::new(Mutex::new(handler));
    let (sender, failed) = bounded(1);
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || match set_handlers(&handler) {
            Ok(mut signals) => {
                drop(sender);
                signals.forever().for_each(|_| signalled(&handler));
            }
            Err(error) => {
                let text = format!("cannot install the signal handlers: {error}");
                let _ = sender.send(Fault::new(Kind::Other, text));
                // Dropped, it would say that the user wants to stop.
                std::mem::forget(handler);
            }
        })
        .map_err(|error| {
            let text = format!("cannot start a thread for signals: {error}");
            Fault::new(Kind::Other, text)
        })?;
    Ok(Installing {
        when_cancelled,
        failed,
    })
}

/// Ctrl+C is handled from now on, and the other signals are what is returned.
fn set_handlers<N: Fn() + Send + 'static>(handler: &Arc<Mutex<Handler<N>>>) -> io::Result<Signals> {
    let of_interrupts = Arc::clone(handler);
    ctrlc::set_handler(move || signalled(&of_interrupts)).map_err(io::Error::other)?;
    let mut numbers = vec![SIGTERM];
    if !is_ignored(SIGHUP) {
        numbers.push(SIGHUP);
    }
    Signals::new(numbers)
}

/// What is done at each signal, whichever it is.
struct Handler<N> {
    ends_at: EndsAt,
    notify: N,
    cancellation: Option<Cancellation>,
    count: u8,
    last: Option<Instant>,
}

fn signalled<N: Fn()>(handler: &Mutex<Handler<N>>) {
    // It does not panic, and would still be the same if it had.
    let mut handler = handler.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let last = handler.last.replace(now);
    if last.is_some_and(|last| now < last + SAME) {
        return;
    }
    handler.count = handler.count.saturating_add(1);
    (handler.notify)();
    if handler.count >= handler.ends_at.cancel {
        drop(handler.cancellation.take());
    }
    if handler.count >= handler.ends_at.exit {
        std::process::exit(i32::from(ExitCode::Interrupted.code()));
    }
}

/// Whether this process was started with the signal ignored, as far as the system tells: Linux does.
pub(super) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
