//! `worker --status --management URL`: the number that AMQP does not tell.

mod answers;
mod real;

use crate::env::{Broker, command};
use std::process::Command;

/// `worker --status` of a queue.
fn status(broker: &Broker, queue: &str, arguments: &[&str]) -> Command {
    let mut worker = command("worker");
    worker.args(["--url", &broker.url, "-q", queue, "--status"]);
    worker.args(arguments);
    worker
}

/// What every failure begins with.
const NOT_SHOWN: &str = "warning: unacknowledged tasks are not shown: cannot ";
