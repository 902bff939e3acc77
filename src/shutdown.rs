//! Ctrl+C, SIGTERM and SIGHUP, as messages on a channel.

use crate::amqp::{Cut, WhenCut, cut};
use crate::exit_code::ExitCode;
use anyhow::{Context, Result};

/// Which signal does what, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndsAt {
    /// All blocked calls are ended.
    cut: u8,
    /// The process exits, whatever it does: something hangs that must not.
    exit: u8,
}

impl EndsAt {
    /// Nothing is worth waiting for once the user wants to stop.
    pub const FIRST: Self = Self { cut: 1, exit: 2 };
    /// The first signal lets running tasks finish, the second ends them, the third kills them.
    pub const WORKER: Self = Self { cut: 2, exit: 4 };
}

/// Installs the handler, once per process. `notify` is called at each signal, on a thread of its
/// own, and should do no more than send on a channel. The result is disconnected at the signal
/// that ends all.
pub fn install(ends_at: EndsAt, notify: impl Fn() + Send + 'static) -> Result<WhenCut> {
    let (cut, when_cut) = cut();
    let mut cut: Option<Cut> = Some(cut);
    let mut count = 0_u8;
    ctrlc::set_handler(move || {
        count = count.saturating_add(1);
        notify();
        if count >= ends_at.cut {
            drop(cut.take());
        }
        if count >= ends_at.exit {
            std::process::exit(i32::from(ExitCode::Interrupted.code()));
        }
    })
    .context("cannot install the signal handler")?;
    Ok(when_cut)
}
