//! What both commands are: options, a report, an exit code.

use super::parse::{CommandLine, parse};
use super::{Generate, arguments};
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::base::init;
use crate::base::logging;
use crate::output::Report;
use anyhow::Result;
use std::process::ExitCode as ProcessExitCode;

/// Runs a command with the options of the command line.
pub fn main<P: CommandLine>(
    run: impl FnOnce(&P, &mut Report) -> Result<ExitCode>,
) -> ProcessExitCode {
    let arguments = arguments::take();
    let args: P = parse(&arguments);
    if args.runs_commands() && init::is_first_process() {
        // Where it cannot be started again it does its work all the same.
        if let Ok(code) = init::run(&arguments, arguments::CONCEALED) {
            return code.into();
        }
    }
    let common = args.common();
    logging::set_up(common.verbose);
    let mut report = common.report();
    let generated = match (common.generate, &common.generate_to) {
        (Some(what), _) => Some(what.write::<P>()),
        (None, Some(prefix)) => Some(Generate::install::<P>(prefix)),
        (None, None) => None,
    };
    let done = match generated {
        Some(generated) => generated.map(|()| ExitCode::Done).map_err(Into::into),
        None => run(&args, &mut report),
    };
    let code = done.unwrap_or_else(|error| {
        let fault = error.downcast_ref::<Fault>();
        if fault.is_none_or(|fault| fault.kind != Kind::ReaderGone) {
            report.error(&error);
        }
        fault.map_or(ExitCode::Failure, Fault::exit_code)
    });
    code.into()
}
