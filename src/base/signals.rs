//! Ctrl+C, SIGTERM and SIGHUP, as messages on a channel.

use super::cancellation::{Cancellation, WhenCancelled, cancellation};
use super::exit_code::ExitCode;
use super::fault::{Fault, Kind};
use super::when_slow::WhenSlow;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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
    let (handlers, when_cancelled) = handlers(ends_at, notify);
    handlers.install()?;
    Ok(when_cancelled)
}

/// Prepares to [`install`] the handlers, whose two threads take as long as a tenth of what sending a task
/// does. Until they are installed, each of the signals ends the process at once, with
/// [`ExitCode::Interrupted`] and without a word.
pub fn put_off(
    ends_at: EndsAt,
    notify: impl Fn() + Send + 'static,
) -> Result<(Handlers, WhenCancelled), Fault> {
    let (handlers, when_cancelled) = handlers(ends_at, notify);
    let code = i32::from(ExitCode::Interrupted.code());
    for signal in [SIGINT].into_iter().chain(terminating()) {
        flag::register_conditional_shutdown(signal, code, Arc::clone(&handlers.0.ends))
            .map_err(|error| cannot_install(&error))?;
    }
    Ok((handlers, when_cancelled))
}

fn handlers(ends_at: EndsAt, notify: impl Fn() + Send + 'static) -> (Handlers, WhenCancelled) {
    let (cancellation, when_cancelled) = cancellation();
    let handler = Handler {
        ends_at,
        notify: Box::new(notify),
        cancellation: Some(cancellation),
        count: 0,
        last: None,
    };
    let handlers = Handlers(Arc::new(Inner {
        handler: Arc::new(Mutex::new(handler)),
        installed: OnceLock::new(),
        ends: Arc::new(AtomicBool::new(true)),
    }));
    (handlers, when_cancelled)
}

/// Handlers that may be installed later.
#[derive(Clone)]
pub struct Handlers(Arc<Inner>);

struct Inner {
    handler: Arc<Mutex<Handler>>,
    installed: OnceLock<Result<(), Fault>>,
    /// A signal ends the process at once.
    ends: Arc<AtomicBool>,
}

impl Handlers {
    /// Installs them, unless they are.
    pub fn install(&self) -> Result<(), Fault> {
        let installed = || {
            set_handlers(&self.0.handler).map_err(|error| cannot_install(&error))?;
            self.0.ends.store(false, Ordering::SeqCst);
            Ok(())
        };
        self.0.installed.get_or_init(installed).clone()
    }

    /// Installs them when what is under way turns out to be slow.
    #[must_use]
    pub fn when_slow(&self) -> WhenSlow {
        let handlers = self.clone();
        WhenSlow::new(move || {
            if handlers.install().is_err() {
                // Some signals may do nothing from now on, so what takes long must not go on.
                drop(locked(&handlers.0.handler).cancellation.take());
            }
        })
    }

    /// All is safe: where they are not installed, signals do nothing from now on.
    pub fn all_is_safe(&self) {
        self.0.ends.store(false, Ordering::SeqCst);
    }
}

fn cannot_install(error: &io::Error) -> Fault {
    let text = format!("cannot install the signal handlers: {error}");
    Fault::new(Kind::Other, text)
}

fn set_handlers(handler: &Arc<Mutex<Handler>>) -> io::Result<()> {
    let mut signals = Signals::new(terminating())?;
    let of_signals = Arc::clone(handler);
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().for_each(|_| signalled(&of_signals)))?;
    let of_interrupts = Arc::clone(handler);
    ctrlc::set_handler(move || signalled(&of_interrupts)).map_err(io::Error::other)
}

/// The signals that mean the same as Ctrl+C.
fn terminating() -> impl Iterator<Item = i32> {
    let hang_up = (!is_ignored(SIGHUP)).then_some(SIGHUP);
    [SIGTERM].into_iter().chain(hang_up)
}

/// What is done at each signal, whichever it is.
struct Handler {
    ends_at: EndsAt,
    notify: Box<dyn Fn() + Send>,
    cancellation: Option<Cancellation>,
    count: u8,
    last: Option<Instant>,
}

/// What holds the lock does not panic, and would still be the same if it had.
fn locked(handler: &Mutex<Handler>) -> MutexGuard<'_, Handler> {
    handler.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signalled(handler: &Mutex<Handler>) {
    let mut handler = locked(handler);
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
    // In one piece, as each read takes the system as long.
    let mut status = [0; 8192];
    let read = File::open("/proc/self/status").and_then(|mut file| file.read(&mut status));
    let status = String::from_utf8_lossy(&status[..read.unwrap_or_default()]);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
