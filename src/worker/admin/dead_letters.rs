//! The dead letters: shown, and sent anew.

use super::replaying::Replaying;
use crate::amqp::{AckToken, Delivery};
use crate::base::escape::escape;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::output::{Fields, Report, insert_body};
use crate::queues::QueueName;
use crate::task::Task;
use crate::worker::core::headers;
use crate::worker::core::replay::{STORY, begun_anew};
use crate::worker::queues::inspect;
use crate::worker::settings::WorkerSettings;
use serde_json::json;

/// Shows the dead letters. They stay where they are: they are taken and given back, so that for a
/// moment other listings miss them. (Given back by `basic.nack`, which from RabbitMQ 4.3 on does not
/// count towards a queue's delivery limit, as going back with the channel does.)
pub fn list(
    settings: &WorkerSettings,
    only: Option<&str>,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let dead = &settings.core.dead_letters;
    let mut link = settings
        .connector
        .connect(None, |fault| report.warn(&format!("{fault}; trying again")))?;
    let count = inspect(&mut link, dead.as_str())?.map_or(0, |queue| queue.ready);
    let channel = link.channel()?;
    let mut shown = 0_u32;
    let mut given_back = Vec::new();
    for _ in 0..count {
        let Some(delivery) = channel.get(dead.as_str())? else {
            break;
        };
        let (task, token) = task_of(delivery);
        given_back.push(token);
        if only.is_none_or(|id| id == task.id()) {
            shown += 1;
            show(&task, report);
            report.flush();
        }
    }
    for token in given_back {
        channel.requeue(token)?;
    }
    report.note(&format!("{count} in queue `{dead}`"));
    drop(channel);
    let _ = link.close();
    if let (Some(id), 0) = (only, shown) {
        return Err(no_such_letter(id, dead));
    }
    finish(report)
}

fn show(task: &Task, report: &mut Report) {
    let header = |name: &str| task.properties.header(name);
    report.event(
        "dead_letter",
        || {
            let at = header(headers::FAILED_AT).unwrap_or_default();
            let error = header(headers::ERROR).unwrap_or_else(|| "no reason given".to_owned());
            let attempts = headers::count(task, headers::ATTEMPTS);
            let host = header(headers::HOST).unwrap_or_default();
            let mut lines = format!(
                "{} {} after {attempts} attempt(s) on {}: {}\n    {}",
                escape(at.as_bytes()),
                escape(task.id().as_bytes()),
                escape(host.as_bytes()),
                escape(error.as_bytes()),
                task.line()
            );
            if let Some(stderr) = header(headers::STDERR).filter(|text| !text.is_empty()) {
                lines.push_str("\n    stderr: ");
                lines.push_str(&escape(stderr.trim_end().as_bytes()));
            }
            Some(lines)
        },
        || {
            let mut fields = Fields::new();
            fields.insert("id".to_owned(), json!(task.id()));
            for name in STORY {
                fields.insert(name.replace('-', "_"), json!(header(name)));
            }
            insert_body(&mut fields, &task.body);
            fields
        },
    );
}

/// Sends the dead letters that are there now to the work queue, with their history begun anew:
/// each is confirmed there before it is acknowledged here. With `only`, the one with that id.
pub fn replay(
    settings: &WorkerSettings,
    only: Option<&str>,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let (queue, dead) = (&settings.queue, &settings.core.dead_letters);
    let mut link = settings
        .connector
        .connect(None, |fault| report.warn(&format!("{fault}; trying again")))?;
    let count = inspect(&mut link, dead.as_str())?.map_or(0, |queue| queue.ready);
    if count == 0 && only.is_none() {
        report.note(&format!("there is nothing in queue `{dead}`"));
        let _ = link.close();
        return finish(report);
    }
    let opened = queue.open(&mut link)?;
    let dead_channel = link.channel()?;
    let mut publisher = Replaying::new(settings, opened.queue_type);
    drop(opened.channel);
    let mut replayed = 0_u32;
    for _ in 0..count {
        let Some(delivery) = dead_channel.get(dead.as_str())? else {
            break;
        };
        let (task, token) = task_of(delivery);
        if only.is_some_and(|id| id != task.id()) {
            // Not acknowledged, so it goes back as the channel closes.
            continue;
        }
        publisher.publish(begun_anew(&task), report)?;
        dead_channel.ack(token)?;
        replayed += 1;
        report.event(
            "replayed",
            || Some(format!(" [x] Replayed {}", task.line())),
            || {
                let mut fields = Fields::new();
                fields.insert("id".to_owned(), json!(task.id()));
                fields.insert(
                    "attempts".to_owned(),
                    json!(headers::count(&task, headers::ATTEMPTS)),
                );
                insert_body(&mut fields, &task.body);
                fields
            },
        );
        report.flush();
    }
    report.note(&format!(
        "{replayed} of {count} sent to queue `{}` anew",
        queue.name
    ));
    drop(dead_channel);
    let _ = link.close();
    match only {
        Some(id) if replayed == 0 => Err(no_such_letter(id, dead)),
        _ => finish(report),
    }
}

fn no_such_letter(id: &str, dead: &QueueName) -> Fault {
    let id = escape(id.as_bytes());
    let text = format!("there is no dead letter with the id `{id}` in queue `{dead}`");
    Fault::new(Kind::Other, text)
}

fn task_of(delivery: Delivery) -> (Task, AckToken) {
    let task = Task {
        body: delivery.body,
        properties: delivery.properties,
    };
    (task, delivery.token)
}

fn finish(report: &Report) -> Result<ExitCode, Fault> {
    match report.failure() {
        Some(fault) => Err(fault.clone()),
        None => Ok(ExitCode::Done),
    }
}
