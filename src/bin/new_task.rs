//! `new_task`: puts a task on a durable queue.

use std::process::ExitCode as ProcessExitCode;
use work_queue::base::exit_code::ExitCode;
use work_queue::base::{fault, logging};
use work_queue::cli;
use work_queue::new_task::{self, NewTaskArgs};

fn main() -> ProcessExitCode {
    let args = cli::parse::<NewTaskArgs>(&cli::take());
    logging::set_up(args.common.verbose);
    let mut report = args.common.report();
    let done = match args.common.generate {
        Some(what) => what
            .write::<NewTaskArgs>()
            .map(|()| ExitCode::Done)
            .map_err(Into::into),
        None => new_task::run(&args, &mut report),
    };
    let code = done.unwrap_or_else(|error| {
        report.error(&error);
        fault::exit_code_of(&error)
    });
    code.into()
}
