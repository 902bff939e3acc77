//! Results that are collected later (`--results`, `--collect`).

mod collector;
mod journal;
mod numbers;
mod progress;
mod state;

pub(super) use journal::{Found, add, expect, make, note};
pub(super) use numbers::Numbers;
pub(super) use state::{ResultKey, Run, State};

use super::args::NewTaskArgs;
use super::joblog;
use super::reporter::{Mode, Reporter};
use super::set_up::{connector, results_queue};
use crate::amqp::Link;
use crate::amqp::connector::Connector;
use crate::base::escape::escape;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::base::signals::{self, EndsAt};
use crate::output::Report;
use crate::output::progress::SendBar;
use crate::publisher::Driver;
use crate::publisher::core::Core;
use crate::queues::{Destination, ResultsName, ResultsQueue, inspect};
use collector::Collector;
use journal::Reading;
use progress::Progress;
use serde_json::json;
use std::collections::HashMap;
use std::time::Instant;

/// Prints the results of this name, or how far they are.
pub(super) fn run(
    args: &NewTaskArgs,
    name: &ResultsName,
    report: &mut Report,
) -> anyhow::Result<ExitCode> {
    let when_cancelled = signals::install(EndsAt::FIRST, || {})?;
    let connector = connector(args, when_cancelled, report)?;
    let queue = results_queue(args, name)?;
    if args.results.status {
        return Ok(status(&connector, &queue, report)?);
    }
    Ok(collect(args, &connector, queue, report)?)
}

fn collect(
    args: &NewTaskArgs,
    connector: &Connector,
    queue: ResultsQueue,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let (reading, _) = open(connector, &queue, report)?;
    let mut reporter = Reporter::new(args, Mode::Bulk, report);
    joblog::open_to_add(args, &mut reporter)?;
    if reporter.report.is_json() {
        reporter.outcomes.show_bodies();
    }
    reporter.bar = SendBar::new(reporter.report.is_quiet());
    let now = Instant::now();
    let work = args.common.work_queue();
    let mut collector = Collector {
        connector: connector.clone(),
        runs: reading.state.next().map(|(run, _)| run).collect(),
        progress: Progress::new(reading.state, reading.replaced),
        queue,
        arrived: HashMap::new(),
        reporter: &mut reporter,
        wait_timeout: args.results.wait_timeout,
        last: now,
        looked: now,
    };
    let mut ended = collect_until_complete(&mut collector, connector, args);
    if let Some(part) = collector.progress.take_unnoted() {
        // What was printed must not be printed again by the next collector.
        let noted = add(connector, work, &collector.queue, &part);
        ended = ended.and(noted);
    }
    let Collector {
        queue, progress, ..
    } = collector;
    reporter.bar.clear();
    let counts = reporter.counts;
    reporter.report.line_on_stderr(&format!(
        "collected {}: done {}, failed {}",
        counts.done + counts.undone,
        counts.done,
        counts.undone
    ));
    reporter.report.silent("summary", || {
        json!({ "collected": counts.done + counts.undone, "done": counts.done, "failed": counts.undone })
    });
    reporter.report.flush();
    if let Err(fault) = ended {
        if fault.kind == Kind::Interrupted {
            reporter.still_to_collect(&queue.results, progress.state.counts().waiting);
        }
        return Err(fault);
    }
    delete(connector, &queue);
    reporter.report.result()?;
    Ok(match counts.undone {
        0 => ExitCode::Done,
        _ => ExitCode::Failure,
    })
}

/// Collects until all is there, also what others have sent meanwhile.
fn collect_until_complete(
    collector: &mut Collector<'_, '_>,
    connector: &Connector,
    args: &NewTaskArgs,
) -> Result<(), Fault> {
    loop {
        if !collector.is_complete() {
            let config = journal::config(args.common.work_queue(), args.retry_for);
            let now = Instant::now();
            let mut core = Core::new(config, now);
            core.prepare(&Destination::Results(collector.queue.state().name), now);
            Driver::new(connector.clone(), core, &mut *collector)
                .run()
                .1?;
        }
        let link = connector.connect(None, |_| {})?;
        let reading = journal::read(link, &collector.queue)?;
        collector.progress.learn(&reading.state);
        if collector.is_complete() {
            return Ok(());
        }
    }
}

/// All were collected. Another collector that has not noticed yet keeps the queue.
fn delete(connector: &Connector, queue: &ResultsQueue) {
    let deleted = connector.connect(None, |_| {}).and_then(|mut link| {
        let channel = link.channel()?;
        channel.delete_unused(&queue.name)?;
        channel.delete_unused(&queue.state().name)?;
        drop(channel);
        link.close()
    });
    // They expire.
    drop(deleted);
}

/// Reads the state of results that are there, and how many are ready.
fn open(
    connector: &Connector,
    queue: &ResultsQueue,
    report: &Report,
) -> Result<(Reading, u32), Fault> {
    let retrying = |fault: &Fault| report.warn(&format!("{fault}; retrying"));
    let mut link: Link = connector.connect(None, retrying)?;
    let Some(found) = inspect(&mut link, &queue.name)? else {
        let text = format!(
            "there are no results `{}` (queue `{}`): they were never sent, were all collected, or \
             have expired",
            queue.results,
            escape(queue.name.as_bytes())
        );
        return Err(Fault::new(Kind::Queue, text));
    };
    Ok((journal::read(link, queue)?, found.ready))
}

fn status(
    connector: &Connector,
    queue: &ResultsQueue,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let (reading, ready) = open(connector, queue, report)?;
    let counts = reading.state.counts();
    // Some may have been printed by a collector that did not come to acknowledge them.
    let ready = u64::from(ready).min(counts.waiting);
    let waiting = counts.waiting - ready;
    let name = &queue.results;
    report.event(
        "results",
        || {
            let open = match counts.open {
                0 => "",
                _ => " (still sending)",
            };
            Some(format!(
                "results {name}: sent {}{open}, done {}, failed {}, ready {ready}, waiting {waiting}",
                counts.sent, counts.done, counts.failed
            ))
        },
        || {
            json!({
                "results": name.as_str(),
                "sent": counts.sent,
                "is_complete": counts.open == 0,
                "done": counts.done,
                "failed": counts.failed,
                "ready": ready,
                "waiting": waiting,
            })
        },
    );
    report.flush();
    report.result()?;
    Ok(ExitCode::Done)
}
