//! Peers of the benchmarks: lapin as a good user of it would use it, the limits of broker, kernel
//! and client library, and the small program that measures all of them.

mod amiquip_peer;
mod bare_consume;
mod frames;
mod lapin_peer;
mod measure;
mod raw;
mod spawn;
mod target;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// What the benchmarks compare with, and measure by
#[derive(Parser)]
enum Peer {
    /// lapin
    #[command(flatten)]
    Lapin(Lapin),
    /// Send persistent tasks with amiquip alone, confirmed
    PublishAmiquip(amiquip_peer::PublishAmiquip),
    /// Write frames made beforehand, and count the confirms
    Frames(frames::Frames),
    /// Read deliveries, run a command for each if there is one, and acknowledge
    BareConsume(bare_consume::BareConsume),
    /// Run a command over and over on several threads, and do nothing else
    Spawn(spawn::Spawn),
    /// Run a command several times; tell the time of each run, and the CPU time and memory of all
    Measure(measure::Measure),
}

#[derive(Subcommand)]
enum Lapin {
    /// Send persistent tasks, confirmed, with up to this many unconfirmed
    Publish(lapin_peer::Publish),
    /// Take tasks and acknowledge each
    Consume(lapin_peer::Consume),
}

fn main() -> Result<()> {
    match Peer::parse() {
        Peer::Lapin(Lapin::Publish(publish)) => publish.run(),
        Peer::Lapin(Lapin::Consume(consume)) => consume.run(),
        Peer::PublishAmiquip(publish) => publish.run(),
        Peer::Frames(frames) => frames.run(),
        Peer::BareConsume(consume) => consume.run(),
        Peer::Spawn(spawn) => spawn.run(),
        Peer::Measure(measure) => measure.run(),
    }
}
