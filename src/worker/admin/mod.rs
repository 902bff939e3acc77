//! What a worker shows and does without working.

mod dead_letters;
mod dropping;
mod listing;
mod replay;
mod replaying;
mod same;
mod status;
mod unacknowledged;

use super::admin_task::AdminTask;
use super::incoming::Incoming;
use super::settings::WorkerSettings;
use crate::amqp::Link;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::output::Report;
use crossbeam_channel::Receiver;

/// Does it. With `--watch` a signal ends it.
pub fn run(
    task: AdminTask,
    only: Option<&str>,
    settings: &WorkerSettings,
    signals: &Receiver<Incoming>,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    match task {
        AdminTask::Status(repeat) => status::show(settings, repeat, signals, report),
        AdminTask::List => listing::list(settings, only, report),
        AdminTask::Replay => replay::replay(settings, only, report),
        AdminTask::Drop(consent) => dropping::discard(settings, only, consent, report),
    }
}

fn connect(settings: &WorkerSettings, report: &Report) -> Result<Link, Fault> {
    let retrying = |fault: &Fault| report.warn(&format!("{fault}; retrying"));
    settings.connector.connect(None, retrying)
}
