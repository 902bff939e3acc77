//! `new_task`: puts a task on a durable queue.

use std::process::ExitCode;
use work_queue::cli;
use work_queue::new_task;

fn main() -> ExitCode {
    cli::main(new_task::run)
}
