//! `new_task`: puts a task on a durable queue.

use std::process::ExitCode;
use work_queue::cli;
use work_queue::new_task::{self, NewTaskArgs};

fn main() -> ExitCode {
    cli::main(|args: &NewTaskArgs| &args.common, new_task::run)
}
