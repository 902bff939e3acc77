//! `worker --replay-dead`.

use super::dead_letters::DeadLetters;
use super::replaying::Replaying;
use super::same::SameTasks;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::plural::counted;
use crate::output::{Report, insert_body};
use crate::worker::core::headers;
use crate::worker::core::replay::begun_anew;
use crate::worker::settings::WorkerSettings;
use serde_json::json;

/// Sends the dead letters that are there now to the work queue, with their history begun anew: each
/// is confirmed there before it is acknowledged here. Several of one task are sent once.
pub fn replay(
    settings: &WorkerSettings,
    only: Option<&str>,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let (queue, dead) = (&settings.queue, &settings.core.dead_letters);
    let mut letters = DeadLetters::open(settings, only, report)?;
    if letters.count == 0 {
        report.note(&format!("queue `{dead}` is empty"));
        letters.close(0)?;
        report.result()?;
        return Ok(ExitCode::Done);
    }
    let (channel, known) = queue.open(&mut letters.link)?;
    let mut publisher = Replaying::new(settings, known.queue_type);
    drop(channel);
    let mut same = SameTasks::default();
    let (mut replayed, mut repeated) = (0, 0);
    while let Some((task, token)) = letters.next()? {
        if same.add(&task) > 1 {
            letters.acknowledge(token)?;
            repeated += 1;
            continue;
        }
        publisher.publish(begun_anew(&task), report)?;
        letters.acknowledge(token)?;
        replayed += 1;
        report.event(
            "replayed",
            || Some(format!(" [x] Replayed {}", task.line())),
            || {
                let attempts = headers::count(&task, headers::ATTEMPTS);
                let mut fields = json!({ "id": task.id(), "attempts": attempts });
                insert_body(&mut fields, &task.body);
                fields
            },
        );
        report.flush();
    }
    let mut text = format!(
        "{replayed} of {} sent to queue `{}` again",
        counted(letters.count.into(), "dead letter"),
        queue.name
    );
    if repeated > 0 {
        text = format!("{text}; {repeated} of the same tasks removed");
    }
    report.note(&text);
    letters.close(replayed)?;
    report.result()?;
    Ok(ExitCode::Done)
}
