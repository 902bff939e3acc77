//! The broker's own limit for workers: one thread reads deliveries, runs a command for each if there
//! is one, acknowledges, and does nothing else.

use crate::raw::{Broker, short};
use anyhow::{Result, ensure};
use clap::Args;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};

#[derive(Args)]
pub struct BareConsume {
    /// The broker, without TLS
    #[arg(long, env = "AMQP_URL")]
    url: String,
    /// The queue, declared durable
    #[arg(long)]
    queue: String,
    /// How many tasks
    #[arg(long)]
    count: u64,
    /// Unacknowledged tasks at a time
    #[arg(long, default_value_t = 1)]
    prefetch: u16,
    /// The command, which is given the body on its stdin: a path, since nothing is looked up
    #[arg(last = true)]
    command: Vec<OsString>,
}

impl BareConsume {
    pub fn run(&self) -> Result<()> {
        let mut broker = Broker::open(&self.url)?;
        let queue = short(self.queue.as_bytes())?;
        broker.declare(&queue)?;
        broker.consume(&queue, self.prefetch)?;
        let enough = u64::from(self.prefetch / 2);
        let mut acknowledged = 0;
        while acknowledged < self.count {
            let (tag, body) = broker.delivery()?;
            self.run_command(&body)?;
            if broker.is_drained() || tag - acknowledged >= enough || tag == self.count {
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
            stdin.write_all(body)?;
        }
        let status = child.wait()?;
        ensure!(status.success(), "the command failed: {status}");
        Ok(())
    }
}
