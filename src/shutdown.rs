//! Ctrl+C, SIGTERM and SIGHUP, as messages on a channel.

use crate::amqp::{Cut, WhenCut, cut};
use crate::exit_code::ExitCode;
use anyhow::{Context, Result};

/// At which signal all blocked calls are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CutAt {
    /// `new_task`: nothing is worth waiting for once the user wants to stop.
    First = 1,
    /// `worker`: the first signal lets running tasks finish.
    Second = 2,
}

/// Installs the handler, once per process. `notify` is called at each signal, on a thread of its
/// own, and should do no more than send on a channel. The result is disconnected at the signal
/// that ends all.
pub fn install(cut_at: CutAt, notify: impl Fn() + Send + 'static) -> Result<WhenCut> {
    let (cut, when_cut) = cut();
    let mut cut: Option<Cut> = Some(cut);
    let mut count = 0_u8;
    ctrlc::set_handler(move || {
        count = count.saturating_add(1);
        notify();
        if count >= cut_at as u8 {
            drop(cut.take());
        }
        if count > cut_at as u8 {
            // Asked once more although all was to end: something hangs that must not.
            std::process::exit(i32::from(ExitCode::Interrupted as u8));
        }
    })
    .context("cannot install the signal handler")?;
    Ok(when_cut)
}
