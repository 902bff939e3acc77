//! `worker --drop-dead`.

use super::dead_letters::DeadLetters;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::base::plural::counted;
use crate::output::{Report, insert_body};
use crate::worker::admin_task::Consent;
use crate::worker::settings::WorkerSettings;
use serde_json::json;

/// Discards the dead letters that are there now, if the user means it.
///
/// # Errors
/// Without consent: how many there are, and how to discard them.
pub fn discard(
    settings: &WorkerSettings,
    only: Option<&str>,
    consent: Consent,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let queue = &settings.core.dead_letters;
    let mut letters = DeadLetters::open(settings, only, report)?;
    let mut found = 0;
    let mut given_back = Vec::new();
    while let Some((task, token)) = letters.next()? {
        found += 1;
        if consent == Consent::Missing {
            given_back.push(token);
            continue;
        }
        // Told before it is gone: a reader of the events must not miss one.
        report.event(
            "discarded",
            || Some(format!(" [x] Discarded {}", task.line())),
            || {
                let mut fields = json!({ "id": task.id() });
                insert_body(&mut fields, &task.body);
                fields
            },
        );
        report.flush();
        report.result()?;
        letters.acknowledge(token)?;
    }
    for token in given_back {
        letters.give_back(token)?;
    }
    letters.close(found)?;
    let count = counted(found.into(), "dead letter");
    if consent == Consent::Missing && found > 0 {
        let text = format!("{count} in queue `{queue}`; to discard, add --yes");
        return Err(Fault::new(Kind::Other, text));
    }
    report.note(&format!("{count} discarded from queue `{queue}`"));
    report.result()?;
    Ok(ExitCode::Done)
}
