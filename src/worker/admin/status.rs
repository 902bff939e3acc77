//! `worker --status`: how much waits, and for whom.

use super::connect;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::output::Report;
use crate::queues::Destination;
use crate::worker::queues::inspect;
use crate::worker::settings::WorkerSettings;
use serde_json::json;

/// Shows the counts of the queue. AMQP cannot list queues, so of the delay queues only those of a
/// worker with the same options are counted.
pub fn show(settings: &WorkerSettings, report: &mut Report) -> Result<ExitCode, Fault> {
    let mut link = connect(settings, report)?;
    let name = &settings.queue.name;
    let Some(work) = inspect(&mut link, name.as_str())? else {
        let text =
            format!("queue `{name}` does not exist yet; the first new_task or worker creates it");
        return Err(Fault::new(Kind::Queue, text));
    };
    let mut delayed = 0;
    for delay in settings.core.policy.retry_delays() {
        let name = Destination::Delay(delay).queue(name);
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
            json!({
                "queue": name.as_str(),
                "ready": work.ready,
                "consumers": work.consumers,
                "delayed": delayed,
                "dead": dead,
            })
        },
    );
    report.flush();
    link.close().ok();
    report.result()?;
    Ok(ExitCode::Done)
}
