//! `worker`: takes tasks from a durable queue and does them.

use std::process::ExitCode;
use work_queue::cli;
use work_queue::worker;

fn main() -> ExitCode {
    cli::main(worker::run)
}
