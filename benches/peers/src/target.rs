//! What every peer that talks to the broker is told.

use clap::Args;

/// What every task of `new_task` has: an identity, as long as there,
pub const ID: &str = "0193a000-0000-7000-8000-000000000000";
/// and when it was sent, in seconds since 1970.
pub const SENT_AT: u64 = 1_700_000_000;

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

/// What a sender sends, and how.
#[derive(Args)]
pub struct Sending {
    #[command(flatten)]
    pub target: Target,
    /// Unconfirmed tasks at a time
    #[arg(long, default_value_t = 1000)]
    pub window: u64,
    /// The body
    #[arg(long, default_value = "0123456789abcdef")]
    pub body: String,
}
