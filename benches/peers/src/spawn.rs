//! The kernel's own limit: processes are spawned and waited for, and nothing else is done.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

#[derive(Args)]
pub struct Spawn {
    /// Threads, each of which runs one process at a time
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How many processes in total
    #[arg(long)]
    count: u64,
    /// Given to each on its stdin, through a pipe
    #[arg(long)]
    stdin: Option<String>,
    /// The command: a path, since nothing is looked up
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl Spawn {
    pub fn run(&self) -> Result<()> {
        let begun = AtomicU64::new(0);
        let (program, arguments) = self.command.split_first().context("no command")?;
        let work = || -> Result<()> {
            while begun.fetch_add(1, Ordering::Relaxed) < self.count {
                let mut command = Command::new(program);
                command.args(arguments);
                if self.stdin.is_some() {
                    command.stdin(Stdio::piped());
                }
                let mut child = command.spawn()?;
                if let (Some(text), Some(mut stdin)) = (&self.stdin, child.stdin.take()) {
                    stdin.write_all(text.as_bytes())?;
                }
                let status = child.wait()?;
                if !status.success() {
                    bail!("it failed: {status}");
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                thread.join().unwrap_or_else(|_| bail!("it panicked"))?;
            }
            Ok(())
        })
    }
}
