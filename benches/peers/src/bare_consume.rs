//! The limit of broker and kernel for workers: each thread reads deliveries from a connection of its
//! own, runs a command for each if there is one, acknowledges, and does nothing else.

use crate::raw::{Broker, short};
use crate::target::Target;
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

#[derive(Args, Clone)]
pub struct BareConsume {
    #[command(flatten)]
    target: Target,
    /// Threads, each with a connection
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Unacknowledged tasks at a time, for each thread
    #[arg(long, default_value_t = 1)]
    prefetch: u16,
    /// The command, which is given the body on its stdin: a path, since nothing is looked up
    #[arg(last = true)]
    command: Vec<OsString>,
}

impl BareConsume {
    /// Ends when one thread has acknowledged the last task. The others wait for more all the while.
    pub fn run(&self) -> Result<()> {
        let total = Arc::new(AtomicU64::new(0));
        let (sender, ended) = mpsc::channel();
        for _ in 0..self.threads {
            let (this, total, sender) = (self.clone(), Arc::clone(&total), sender.clone());
            thread::spawn(move || sender.send(this.consume(&total)));
        }
        ended.recv().context("no threads")?
    }

    /// Consumes until all threads together have acknowledged as many as there are.
    fn consume(&self, total: &AtomicU64) -> Result<()> {
        let mut broker = Broker::open(&self.target.url)?;
        let queue = short(self.target.queue.as_bytes())?;
        broker.declare(&queue)?;
        broker.consume(&queue, self.prefetch)?;
        let enough = u64::from(self.prefetch / 2);
        let (mut acknowledged, mut done) = (0, 0);
        while done < self.target.count {
            let (tag, body) = broker.delivery()?;
            self.run_command(&body)?;
            done = total.fetch_add(1, Ordering::Relaxed) + 1;
            if broker.is_drained() || tag - acknowledged >= enough || done == self.target.count {
                broker.acknowledge(tag)?;
                acknowledged = tag;
            }
        }
        broker.close()
    }

    fn run_command(&self, body: &[u8]) -> Result<()> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Ok(());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command need not read it.
            let _ = stdin.write_all(body);
        }
        let status = child.wait()?;
        ensure!(status.success(), "the command failed: {status}");
        Ok(())
    }
}
