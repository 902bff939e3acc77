//! Ctrl+C, SIGTERM and SIGHUP, as messages on a channel.

use super::cancellation::{Cancellation, WhenCancelled, cancellation};
use super::exit_code::ExitCode;
use anyhow::{Context, Result};
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

/// Installs the handler, once per process. `notify` is called at each signal, on a thread of its
/// own, and should do no more than send on a channel. The result is disconnected at the signal
/// that ends all.
pub fn install(ends_at: EndsAt, notify: impl Fn() + Send + 'static) -> Result<WhenCancelled> {
    let (cancellation, when_cancelled) = cancellation();
    let mut cancellation: Option<Cancellation> = Some(cancellation);
    let mut count = 0_u8;
    let mut last: Option<Instant> = None;
    ctrlc::set_handler(move || {
        let now = Instant::now();
        if last.replace(now).is_some_and(|last| now < last + SAME) {
            return;
        }
        count = count.saturating_add(1);
        notify();
        if count >= ends_at.cancel {
            drop(cancellation.take());
        }
        if count >= ends_at.exit {
            std::process::exit(i32::from(ExitCode::Interrupted.code()));
        }
    })
    .context("cannot install the signal handler")?;
    Ok(when_cancelled)
}
