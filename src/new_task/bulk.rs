//! Sending the tasks of a file.

use super::args::NewTaskArgs;
use super::counts::SendCounts;
use super::ended::Ended;
use super::halt::{Enough, Halt, How};
use super::input::{self, TaskFile};
use super::joblog;
use super::metrics_file::{self, RunNumbers};
use super::pending::{Pending, Rest};
use super::preview::Preview;
use super::record::Separator;
use super::reporter::{Mode, Reporter};
use super::sending::send as send_all;
use super::set_up::connector;
use super::summary::summarize;
use super::unsent::Unsent;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::base::signals::{self, EndsAt};
use crate::output::Report;
use crate::output::progress::SendBar;
use crossbeam_channel::Receiver;
use std::path::Path;
use std::time::Instant;

/// Sends all tasks of the file at `path`. The numbers of the run are written however it ends.
pub(super) fn send(
    args: &NewTaskArgs,
    path: &Path,
    report: &mut Report,
) -> anyhow::Result<ExitCode> {
    if let Some(file) = &args.metrics_file {
        metrics_file::check(file)?;
    }
    let began = Instant::now();
    let mut numbers = RunNumbers::default();
    let ended = send_tasks(args, path, report, &mut numbers);
    let Some(file) = &args.metrics_file else {
        return ended;
    };
    numbers.took = began.elapsed();
    let queue = args.common.work_queue().name;
    let is_success = matches!(ended, Ok(ExitCode::Done));
    let written = numbers.write(file, queue.as_str(), is_success);
    match (ended, written) {
        (Ok(_), Err(fault)) => Err(fault.into()),
        (ended, Ok(())) => ended,
        (Err(error), Err(fault)) => {
            report.warn(&fault.to_string());
            Err(error)
        }
    }
}

fn send_tasks(
    args: &NewTaskArgs,
    path: &Path,
    report: &mut Report,
    numbers: &mut RunNumbers,
) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let (signal, signals) = crossbeam_channel::unbounded();
    let when_cancelled = signals::install(EndsAt::BULK, move || {
        let _ = signal.send(());
    })?;
    let connector = connector(args, when_cancelled, report)?;
    let file = TaskFile::open(path, args.separator())?;
    let mut reporter = Reporter::new(args, Mode::Bulk, report);
    refuse_same_files(args, &file)?;
    // Last, as they empty their files.
    let logged = joblog::open(args, &mut reporter)?;
    if let Some(unsent) = &args.unsent {
        reporter.unsent = Some(Unsent::create(unsent, args.separator())?);
    }
    let preview = Preview {
        logged,
        counts: args.outcomes.halt.wants_total(),
    };
    reporter.size = file.size();
    if file.is_typed() {
        // No bar: it would stand between the lines that are typed.
        let each = match args.separator() {
            Separator::Newline => "one per line",
            Separator::Nul => "each ended by NUL",
        };
        let text = format!("reading tasks from the terminal, {each}; Ctrl+D ends them");
        reporter.report.note(&text);
    } else {
        reporter.bar = SendBar::new(reporter.report.is_quiet());
    }
    let mut ended = send_all(args, &connector, None, file.read(preview)?, &mut reporter);
    let finished = reporter.finish();
    let fault = keep_unsent(&mut ended, &mut reporter, &signals);
    let too_large = ended.rest.too_large();
    reporter.counts.failed += too_large.len() as u64;
    summarize(&mut reporter, ended.rest.counts(), began.elapsed());
    numbers.sent = ended.rest.counts().taken;
    numbers.counts = reporter.counts;
    let too_large = (!too_large.is_empty()).then(|| input::too_large_in(path, too_large));
    let fault = fault
        .or(finished.err())
        .or(too_large)
        .or(reporter.report.failure().cloned());
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let halted = halted(args, &ended.rest);
    Ok(ending(reporter.counts, halted))
}

/// How a bulk send ends in which nothing went wrong as a whole.
fn ending(counts: SendCounts, halted: Option<Enough>) -> ExitCode {
    let is_as_meant = |enough: &Enough| enough.how == How::Now || counts.unanswered == 0;
    if let Some(enough) = halted.filter(is_as_meant).filter(|_| counts.failed == 0) {
        enough.exit_code(counts)
    } else if counts.failed > 0 || counts.not_sent > 0 || counts.unanswered > 0 {
        ExitCode::NotTaken
    } else if counts.undone > 0 {
        ExitCode::Failure
    } else {
        ExitCode::Done
    }
}

/// What was enough to stop, if it came to that.
fn halted(args: &NewTaskArgs, rest: &Pending) -> Option<Enough> {
    match args.outcomes.halt {
        Halt::When(enough) if rest.is_halted() => Some(enough),
        Halt::When(_) | Halt::Never => None,
    }
}

/// No file may be emptied that is read, or written by another option.
fn refuse_same_files(args: &NewTaskArgs, file: &TaskFile) -> Result<(), Fault> {
    let (unsent, log) = (args.unsent.as_deref(), args.outcomes.joblog.as_deref());
    let clash = if unsent.is_some_and(|path| file.is(path)) {
        "--unsent names the file that the tasks come from"
    } else if log.is_some_and(|path| file.is(path)) {
        "--joblog names the file that the tasks come from"
    } else if log.is_some() && log == unsent {
        "--joblog names the file of --unsent"
    } else {
        return Ok(());
    };
    let text = format!("{clash}; use another one");
    Err(Fault::new(Kind::SetUp, text))
}

/// Puts aside what was not sent, and finds the fault to end with.
fn keep_unsent(
    ended: &mut Ended,
    reporter: &mut Reporter<'_>,
    signals: &Receiver<()>,
) -> Option<Fault> {
    let fault = ended.fault.take();
    if let Some(fault) = &fault {
        for task in &ended.unconfirmed {
            reporter.failed(task, fault);
        }
    }
    if let Some(mut unsent) = reporter.unsent.take() {
        // What was under way is safe in the file before the rest is read, which may take for ever.
        unsent.flush();
        let halted = ended.rest.is_halted();
        let halt = halted.then(|| Fault::new(Kind::Other, "halted (--halt)"));
        if let Some(fault) = fault.as_ref().or(halt.as_ref()) {
            copy_rest(&mut ended.rest, &mut unsent, reporter, fault, signals);
        }
        reporter.unsent = Some(unsent);
    }
    let unwritten = reporter.unsent.as_ref().and_then(Unsent::fault);
    let fault = match (fault, unwritten) {
        (Some(fault), Some(unwritten)) => {
            let text = format!("{fault}; {unwritten}");
            Some(Fault::new(fault.kind, text))
        }
        (fault, unwritten) => fault.or(unwritten),
    };
    fault.or(ended.rest.take_fault())
}

/// Copies the rest of the input to the file of what was not sent.
fn copy_rest(
    rest: &mut Pending,
    unsent: &mut Unsent,
    reporter: &mut Reporter<'_>,
    fault: &Fault,
    signals: &Receiver<()>,
) {
    // Of the signals, one may be what has ended the sending.
    if fault.kind == Kind::Interrupted {
        let _ = signals.try_recv();
    }
    let (_, file) = unsent.written();
    let mut told = false;
    loop {
        if !told && rest.must_wait() {
            // A file is copied in a moment; stdin may go on for long.
            reporter.warn(&format!(
                "{fault}; copying the rest of the input to {file}. Press Ctrl+C to skip this"
            ));
            told = true;
        }
        match rest.wait_for_records(signals) {
            Rest::Records(records) => {
                for record in records {
                    unsent.add(&record.body, record.end);
                    reporter.counts.not_sent += 1;
                }
                unsent.flush();
            }
            Rest::Over => return,
            Rest::Stopped => {
                reporter.warn(&format!("the rest of the input is not in {file}"));
                return;
            }
        }
    }
}
