//! `worker`: takes tasks from a durable queue and does them.

use clap::Parser as _;
use std::process::ExitCode;
use work_queue::cli::WorkerArgs;
use work_queue::{fault, logging, worker};

fn main() -> ExitCode {
    let args = WorkerArgs::parse();
    logging::set_up(args.common.verbose);
    let mut report = args.common.report();
    let code = worker::run(&args, &mut report).unwrap_or_else(|error| {
        report.error(&error);
        fault::exit_code_of(&error)
    });
    code.into()
}
