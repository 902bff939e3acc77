//! Measures other programs. It is small for a reason: a process begins with the peak memory of the
//! one that spawned it, so that Python would hide what a small program needs.

use anyhow::{Context as _, Result};
use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

#[derive(Args)]
pub struct Measure {
    /// How often, one after the other
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// Where the figures go, as JSON
    #[arg(long)]
    output: PathBuf,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl Measure {
    pub fn run(&self) -> Result<()> {
        let (program, arguments) = self.command.split_first().context("no command")?;
        let mut walls = Vec::new();
        let mut codes = Vec::new();
        for _ in 0..self.repeat {
            let begun = Instant::now();
            let status = Command::new(program).args(arguments).status()?;
            walls.push(begun.elapsed().as_secs_f64());
            codes.push(status.code().or(status.signal().map(|signal| -signal)));
        }
        // What those children waited for in their turn is in it.
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let figures = json!({
            "walls": walls,
            "codes": codes,
            "user": seconds(usage.user_time()),
            "system": seconds(usage.system_time()),
            "peak_kib": usage.max_rss(),
        });
        let mut file = std::fs::File::create(&self.output)?;
        writeln!(file, "{figures}")?;
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of some minutes")]
fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}
