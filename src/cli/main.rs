//! What both commands are: options, a report, an exit code.

use super::{Common, Documented, arguments, parse::parse};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::logging;
use crate::output::Report;
use anyhow::Result;
use clap::Parser;
use std::process::ExitCode as ProcessExitCode;

/// Runs a command with the options of the command line.
pub fn main<P: Parser + Documented>(
    common: impl FnOnce(&P) -> &Common,
    run: impl FnOnce(&P, &mut Report) -> Result<ExitCode>,
) -> ProcessExitCode {
    let args: P = parse(&arguments::take());
    let common = common(&args);
    logging::set_up(common.verbose);
    let mut report = common.report();
    let done = match common.generate {
        Some(what) => what
            .write::<P>()
            .map(|()| ExitCode::Done)
            .map_err(Into::into),
        None => run(&args, &mut report),
    };
    let code = done.unwrap_or_else(|error| {
        report.error(&error);
        error
            .downcast_ref::<Fault>()
            .map_or(ExitCode::Failure, Fault::exit_code)
    });
    code.into()
}
