//! What becomes of tasks whose command fails, or kills its worker.

mod deaths;
mod retries;
mod signals;

use crate::env::{self, Broker, Ended, command, spawn};

/// Runs a worker with events as JSON until nothing is left to do.
fn run(broker: &Broker, queue: &str, options: &[&str], words: &[&str]) -> Ended {
    let mut all = options.to_vec();
    all.push("--exit-when-empty");
    all.push("--");
    all.extend(words);
    env::worker(broker, queue, &all).ended()
}

fn list(broker: &Broker, queue: &str) -> Vec<serde_json::Value> {
    let mut list = command("worker");
    list.args([
        "-u",
        &broker.url,
        "-q",
        queue,
        "--list-dead",
        "--log-format",
        "json",
    ]);
    spawn(list).ended().expect(0).events("dead_letter")
}
