//! Sending one task.

use super::args::NewTaskArgs;
use super::input;
use super::joblog;
use super::reporter::{Mode, Reporter};
use super::sending::send as send_all;
use super::set_up::connector;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::base::signals::{self, EndsAt};
use crate::output::Report;
use crate::output::progress::SendBar;

/// Sends the one task of the command line.
pub(super) fn send(args: &NewTaskArgs, report: &mut Report) -> anyhow::Result<ExitCode> {
    let (handlers, when_cancelled) = signals::put_off(EndsAt::FIRST, || {})?;
    let wants_result = args.results.wait || args.results.results.is_some();
    if wants_result {
        handlers.install()?;
    }
    let body = if let Some(path) = &args.body_file {
        input::read_body(path)?
    } else {
        if args.words.is_empty() && input::stdin_is_a_pipe() {
            report.warn(
                "stdin is not read without --file - (one task a line) or --body-file -; sending \
                 `Hello World!`",
            );
        }
        args.message()
    };
    let mut connector = connector(args, when_cancelled, report)?;
    connector.options.when_slow = handlers.when_slow();
    let mut reporter = Reporter::new(args, Mode::Single, report);
    if args.body_file.is_some() && args.body_file == args.outcomes.joblog {
        let text = "--joblog names the file of the body; use another one";
        return Err(Fault::new(Kind::SetUp, text).into());
    }
    joblog::open(args, &mut reporter)?;
    if args.results.wait {
        reporter.bar = SendBar::new(reporter.report.is_quiet());
    }
    let ended = send_all(
        args,
        &connector,
        Some(&handlers),
        input::one(body),
        &mut reporter,
    );
    reporter.finish()?;
    let sent = reporter.counts.confirmed > 0;
    // The confirm may have come at the same moment as the signal.
    let all_is_safe = |fault: &Fault| fault.kind == Kind::Interrupted && sent && !wants_result;
    if let Some(fault) = ended.fault.filter(|fault| !all_is_safe(fault)) {
        for task in &ended.unconfirmed {
            reporter.failed(task, &fault);
        }
        return Err(in_context(fault, ended.perhaps && !sent).into());
    }
    if let Some(fault) = reporter.report.failure() {
        let text = format!("the task was sent and confirmed, but {fault}");
        return Err(Fault::new(fault.kind, text).into());
    }
    if reporter.counts.unanswered > 0 {
        return Ok(ExitCode::NotTaken);
    }
    Ok(reporter.exit_code.map_or(ExitCode::Done, ExitCode::Task))
}

/// The same, and whether the task may be in the queue although nobody said so.
fn in_context(fault: Fault, perhaps: bool) -> Fault {
    match fault.kind {
        Kind::Unreachable | Kind::Lost if perhaps => {
            let text = format!("{fault}. The task may or may not be in the queue");
            Fault::new(fault.kind, text)
        }
        _ => fault,
    }
}
