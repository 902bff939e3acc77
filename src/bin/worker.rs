//! `worker`: takes tasks from a durable queue and does them.

use std::process::ExitCode as ProcessExitCode;
use work_queue::base::exit_code::ExitCode;
use work_queue::base::{fault, logging};
use work_queue::cli;
use work_queue::worker::{self, WorkerArgs};

fn main() -> ProcessExitCode {
    let args = cli::parse::<WorkerArgs>(&cli::take());
    logging::set_up(args.common.verbose);
    let mut report = args.common.report();
    let done = match args.common.generate {
        Some(what) => what
            .write::<WorkerArgs>()
            .map(|()| ExitCode::Done)
            .map_err(Into::into),
        None => worker::run(&args, &mut report),
    };
    let code = done.unwrap_or_else(|error| {
        report.error(&error);
        fault::exit_code_of(&error)
    });
    code.into()
}
