//! `worker`: takes tasks from a durable queue and does them.

use std::process::ExitCode;
use work_queue::cli;
use work_queue::worker::{self, WorkerArgs};

fn main() -> ExitCode {
    cli::main(|args: &WorkerArgs| &args.common, worker::run)
}
