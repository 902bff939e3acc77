//! `worker --status`: how much waits, and for whom.

use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::output::{Fields, Report};
use crate::queues::Auxiliary;
use crate::worker::queues::inspect;
use crate::worker::settings::WorkerSettings;
use serde_json::json;

/// Shows the counts of the queue. AMQP cannot list queues, so of the delay queues only those of a
/// worker with the same options are counted.
pub fn show(settings: &WorkerSettings, report: &mut Report) -> Result<ExitCode, Fault> {
    let mut link = settings.connector.connect(None, |fault| {
        report.warn(&format!("{fault}; trying again"));
    })?;
    let name = &settings.queue.name;
    let Some(work) = inspect(&mut link, name.as_str())? else {
        let text =
            format!("there is no queue `{name}`; it is declared by the first new_task or worker");
        return Err(Fault::new(Kind::Queue, text));
    };
    let mut delayed = 0;
    for delay in settings.core.policy.retry_delays() {
        let name = Auxiliary::Delay(delay).name(name);
        delayed += inspect(&mut link, &name)?.map_or(0, |queue| queue.ready);
    }
    let dead = inspect(&mut link, settings.core.dead_letters.as_str())?;
    let dead = dead.map_or(0, |queue| queue.ready);
    report.event(
        "status",
        || {
            Some(format!(
                "queue {name}: ready {}, consumers {}, delayed {delayed}, dead {dead}",
                work.ready, work.consumers
            ))
        },
        || {
            Fields::from_iter([
                ("queue".to_owned(), json!(name.as_str())),
                ("ready".to_owned(), json!(work.ready)),
                ("consumers".to_owned(), json!(work.consumers)),
                ("delayed".to_owned(), json!(delayed)),
                ("dead".to_owned(), json!(dead)),
            ])
        },
    );
    report.flush();
    link.close().ok();
    match report.failure() {
        Some(fault) => Err(fault.clone()),
        None => Ok(ExitCode::Done),
    }
}
