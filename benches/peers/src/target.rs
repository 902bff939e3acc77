//! What every peer that talks to the broker is told.

use clap::Args;

/// Where, and on what.
#[derive(Args, Clone)]
pub struct Target {
    /// The broker
    #[arg(long, env = "AMQP_URL")]
    pub url: String,
    /// The queue, declared durable
    #[arg(long)]
    pub queue: String,
    /// How many tasks
    #[arg(long)]
    pub count: u64,
}
