//! `new_task`: puts a task on a durable queue.

use clap::Parser as _;
use std::process::ExitCode;
use work_queue::cli::NewTaskArgs;
use work_queue::{fault, logging, new_task};

fn main() -> ExitCode {
    let args = NewTaskArgs::parse();
    logging::set_up(args.common.verbose);
    let mut report = args.common.report();
    let code = new_task::run(&args, &mut report).unwrap_or_else(|error| {
        report.error(&error);
        fault::exit_code_of(&error)
    });
    code.into()
}
