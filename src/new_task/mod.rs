//! What `new_task` does.
//!
//! [`input`] gives the tasks, [`crate::publisher`] sends them, and [`desk`] tells what became of
//! them.

mod bar;
mod desk;
mod input;
mod ordered;
mod unsent;

use crate::amqp::WhenCut;
use crate::cli::NewTaskArgs;
use crate::exit_code::ExitCode;
use crate::fault::{Fault, Kind};
use crate::publisher::{Ended, Input, Publisher, SendOptions};
use crate::report::{Fields, Report};
use crate::shutdown::{self, EndsAt};
use crate::task::Template;
use anyhow::Result;
use bar::Bar;
use desk::{Counts, Desk, Mode};
use input::TaskFile;
use ordered::Ordered;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use unsent::Unsent;

/// Sends one task, or those of a file.
pub fn run(args: &NewTaskArgs, report: &mut Report) -> Result<ExitCode> {
    let when_cut = shutdown::install(EndsAt::FIRST, || {})?;
    match &args.file {
        Some(path) => send_file(args, path, when_cut, report),
        None => send_one(args, when_cut, report),
    }
}

fn send_one(args: &NewTaskArgs, when_cut: WhenCut, report: &mut Report) -> Result<ExitCode> {
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
    let options = args.send_options(when_cut);
    let mut desk = desk(args, Mode::Single, report);
    let ended = send(args, options, input::one(body), &mut desk)?;
    desk.finish()?;
    if let Some(fault) = ended.fault {
        for parcel in &ended.unconfirmed {
            desk.failed(parcel, &fault);
        }
        let sent = desk.counts.confirmed > 0;
        return Err(in_context(fault, ended.perhaps && !sent).into());
    }
    if let Some(fault) = desk.report.failure() {
        let text = format!("the task was sent and confirmed, but {fault}");
        return Err(Fault::new(fault.kind, text).into());
    }
    if desk.counts.unanswered > 0 {
        return Ok(ExitCode::NotTaken);
    }
    Ok(desk.exit_code.map_or(ExitCode::Done, ExitCode::Task))
}

fn send_file(
    args: &NewTaskArgs,
    path: &Path,
    when_cut: WhenCut,
    report: &mut Report,
) -> Result<ExitCode> {
    let began = Instant::now();
    let file = TaskFile::open(path, args.separator())?;
    let size = file.size();
    let mut desk = desk(args, Mode::Bulk, report);
    if let Some(unsent) = &args.unsent {
        if file.is(unsent) {
            let text = "--unsent names the file that the tasks come from; take another one";
            return Err(Fault::new(Kind::SetUp, text).into());
        }
        desk.unsent = Some(Unsent::create(unsent, args.separator())?);
    }
    desk.bar = Bar::new(size, desk.report.is_quiet());
    let mut options = args.send_options(when_cut);
    options.tick = desk.bar.is_visible().then_some(bar::TICK);
    let mut ended = send(args, options, file.read()?, &mut desk)?;
    let finished = desk.finish();
    let sent = ended.rest.taken();
    let fault = settle(&mut ended, &mut desk);
    let fault = fault.or(finished.err());
    summarize(&mut desk, sent, began.elapsed());
    if let Some(fault) = fault {
        return Err(in_context(fault, false).into());
    }
    Ok(ending(desk.counts))
}

fn desk<'a>(args: &NewTaskArgs, mode: Mode, report: &'a mut Report) -> Desk<'a> {
    Desk {
        report,
        queue: args.common.work_queue().name,
        mode,
        wait: args.wait,
        ordered: args.keep_order.then(Ordered::default),
        unsent: None,
        bar: Bar::none(),
        counts: Counts::default(),
        exit_code: None,
    }
}

fn send(
    args: &NewTaskArgs,
    options: SendOptions,
    input: Input,
    desk: &mut Desk<'_>,
) -> Result<Ended, Fault> {
    let name = format!("new_task {}", desk.report.who());
    let when_cut = options.when_cut.clone();
    let connector = args.common.connector(name, args.retry_for, when_cut)?;
    let queue = args.common.work_queue();
    let template = Template::new(&args.task_options());
    let mut tell = |event: crate::publisher::Event<'_>| desk.take(event);
    Ok(Publisher::new(connector, queue, options, input, template, &mut tell).run())
}

/// Puts aside what was not sent, and finds the fault to end with.
fn settle(ended: &mut Ended, desk: &mut Desk<'_>) -> Option<Fault> {
    let fault = ended.fault.take();
    if let Some(fault) = &fault {
        for parcel in &ended.unconfirmed {
            desk.failed(parcel, fault);
        }
    }
    // What was under way is safe in the file before the rest is read, which may take for ever.
    if let Some(unsent) = &mut desk.unsent {
        unsent.flush();
        while let Some(records) = ended.rest.wait_for_records() {
            for record in records {
                unsent.add(&record.body, record.end);
                desk.counts.not_sent += 1;
            }
            unsent.flush();
        }
    }
    let unwritten = desk.unsent.as_ref().and_then(Unsent::fault);
    let fault = match (fault, unwritten) {
        (Some(fault), Some(unwritten)) => {
            Some(Fault::new(fault.kind, format!("{fault}; {unwritten}")))
        }
        (fault, unwritten) => fault.or(unwritten),
    };
    fault.or(ended.rest.take_fault())
}

fn summarize(desk: &mut Desk<'_>, sent: u64, took: Duration) {
    let counts = desk.counts;
    let mut line = format!(
        "sent {sent}, confirmed {}, failed {}",
        counts.confirmed, counts.failed
    );
    if counts.not_sent > 0 {
        let _ = write!(line, ", not sent {}", counts.not_sent);
    }
    if desk.wait {
        let _ = write!(
            line,
            "; outcomes: done {}, failed {}, unanswered {}",
            counts.done, counts.undone, counts.unanswered
        );
    }
    if let Some((written @ 1.., file)) = desk.unsent.as_ref().map(Unsent::written) {
        let _ = write!(line, "; the {written} unconfirmed are in {file}");
    }
    desk.report.line_on_stderr(&line);
    let fields = || summary_fields(counts, sent, took, desk.wait);
    desk.report.event("summary", || None, fields);
    desk.report.flush();
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
