//! What `new_task` does.
//!
//! `input` reads the tasks, `sender` hands them to [`crate::publisher`], and `reporter` tells what
//! became of them.

mod args;
mod event;
mod input;
mod ordered;
mod outcome;
mod pending;
mod record;
mod reporter;
mod results;
mod sender;
mod unsent;

use crate::amqp::FramesInFlight;
use crate::amqp::connector::Connector;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::base::signals::{self, EndsAt};
use crate::output::progress::{BulkBar, TICK};
use crate::output::{Fields, Report};
use crate::publisher::SendOptions;
use crate::task::Template;
use anyhow::Result;
pub use args::NewTaskArgs;
use crossbeam_channel::Receiver;
use event::Event;
use input::TaskFile;
use ordered::Ordered;
use pending::{Input, Pending, Rest};
use reporter::{Counts, Mode, Reporter};
use sender::Ended;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use unsent::Unsent;

/// Sends one task, or those of a file.
pub fn run(args: &NewTaskArgs, report: &mut Report) -> Result<ExitCode> {
    match &args.file {
        Some(path) => send_file(args, path, report),
        None => send_one(args, report),
    }
}

fn send_one(args: &NewTaskArgs, report: &mut Report) -> Result<ExitCode> {
    let when_cancelled = signals::install(EndsAt::FIRST, || {})?;
    let body = if let Some(path) = &args.body_file {
        input::read_body(path)?
    } else {
        if args.has_no_words() && input::stdin_is_a_pipe() {
            report.warn(
                "stdin is not read without --file - (one task a line) or --body-file -; sending \
                 `Hello World!`",
            );
        }
        args.message()
    };
    let options = args.send_options(when_cancelled);
    let connector = connector(args, &options, report)?;
    let mut reporter = reporter(args, Mode::Single, report);
    let ended = send(args, connector, &options, input::one(body), &mut reporter);
    reporter.finish()?;
    if let Some(fault) = ended.fault {
        for task in &ended.unconfirmed {
            reporter.failed(task, &fault);
        }
        let sent = reporter.counts.confirmed > 0;
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

fn send_file(args: &NewTaskArgs, path: &Path, report: &mut Report) -> Result<ExitCode> {
    let began = Instant::now();
    let (signal, signals) = crossbeam_channel::unbounded();
    let when_cancelled = signals::install(EndsAt::BULK, move || {
        let _ = signal.send(());
    })?;
    let mut options = args.send_options(when_cancelled);
    let connector = connector(args, &options, report)?;
    let file = TaskFile::open(path, args.separator())?;
    let mut reporter = reporter(args, Mode::Bulk, report);
    // Last, as it empties that file.
    if let Some(unsent) = &args.unsent {
        if file.is(unsent) {
            let text = "--unsent names the file that the tasks come from; take another one";
            return Err(Fault::new(Kind::SetUp, text).into());
        }
        reporter.unsent = Some(Unsent::create(unsent, args.separator())?);
    }
    reporter.bar = BulkBar::new(file.size(), reporter.report.is_quiet());
    options.tick = reporter.bar.is_visible().then_some(TICK);
    let mut ended = send(args, connector, &options, file.read()?, &mut reporter);
    let finished = reporter.finish();
    let fault = keep_unsent(&mut ended, &mut reporter, &signals);
    let too_large = ended.rest.too_large();
    reporter.counts.failed += too_large.len() as u64;
    summarize(&mut reporter, ended.rest.taken(), began.elapsed());
    let too_large = (!too_large.is_empty()).then(|| input::too_large_in(path, too_large));
    let fault = fault
        .or(finished.err())
        .or(too_large)
        .or(reporter.report.failure().cloned());
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    Ok(ending(reporter.counts))
}

fn connector(
    args: &NewTaskArgs,
    options: &SendOptions,
    report: &Report,
) -> Result<Connector, Fault> {
    let name = format!("new_task {}", report.who());
    let when_cancelled = options.when_cancelled.clone();
    let mut connector = args
        .common
        .connector(name, args.retry_for, when_cancelled)?;
    connector.options.frames_in_flight = FramesInFlight::Many;
    Ok(connector)
}

fn reporter<'a>(args: &NewTaskArgs, mode: Mode, report: &'a mut Report) -> Reporter<'a> {
    Reporter {
        report,
        queue: args.common.work_queue().name,
        mode,
        wait: args.wait,
        ordered: args.keep_order.then(Ordered::default),
        unsent: None,
        bar: BulkBar::none(),
        counts: Counts::default(),
        exit_code: None,
    }
}

fn send(
    args: &NewTaskArgs,
    connector: Connector,
    options: &SendOptions,
    input: Input,
    reporter: &mut Reporter<'_>,
) -> Ended {
    let queue = args.common.work_queue();
    let template = Template::new(&args.task_options());
    let mut tell = |event: Event<'_>| reporter.take(event);
    sender::send(connector, queue, options, input, template, &mut tell)
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
        if let Some(fault) = &fault {
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
                "{fault}; copying the rest of the input to {file}. Press Ctrl+C to leave it"
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

fn summarize(reporter: &mut Reporter<'_>, sent: u64, took: Duration) {
    let counts = reporter.counts;
    let mut line = format!(
        "sent {sent}, confirmed {}, failed {}",
        counts.confirmed, counts.failed
    );
    if counts.not_sent > 0 {
        let _ = write!(line, ", not sent {}", counts.not_sent);
    }
    if reporter.wait {
        let _ = write!(
            line,
            "; outcomes: done {}, failed {}, unanswered {}",
            counts.done, counts.undone, counts.unanswered
        );
    }
    if let Some((written @ 1.., file)) = reporter.unsent.as_ref().map(Unsent::written) {
        let _ = write!(line, "; the {written} unconfirmed are in {file}");
    }
    reporter.report.line_on_stderr(&line);
    let fields = || summary_fields(counts, sent, took, reporter.wait);
    reporter.report.event("summary", || None, fields);
    reporter.report.flush();
}

fn summary_fields(counts: Counts, sent: u64, took: Duration, wait: bool) -> Fields {
    let mut fields = Fields::new();
    let mut insert = |name: &str, count: u64| fields.insert(name.to_owned(), json!(count));
    insert("sent", sent);
    insert("confirmed", counts.confirmed);
    insert("failed", counts.failed);
    insert("not_sent", counts.not_sent);
    if wait {
        insert("outcomes_done", counts.done);
        insert("outcomes_failed", counts.undone);
        insert("outcomes_unanswered", counts.unanswered);
    }
    insert(
        "duration_ms",
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    );
    fields
}

/// How a bulk send ends in which nothing went wrong as a whole.
fn ending(counts: Counts) -> ExitCode {
    if counts.failed > 0 || counts.not_sent > 0 || counts.unanswered > 0 {
        ExitCode::NotTaken
    } else if counts.undone > 0 {
        ExitCode::Failure
    } else {
        ExitCode::Done
    }
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
