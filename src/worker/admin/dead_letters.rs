//! The dead letters: shown, and sent anew.

use super::connect;
use super::replaying::Replaying;
use crate::amqp::{AckToken, Delivery};
use crate::base::escape::escape;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::base::plural::counted;
use crate::output::{Report, insert_body};
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
    let mut link = connect(settings, report)?;
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
    report.result()?;
    Ok(ExitCode::Done)
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
                "{} {} after {} on {}: {}\n    {}",
                escape(at.as_bytes()),
                escape(task.id().as_bytes()),
                counted(attempts, "attempt"),
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
            let mut fields = json!({ "id": task.id() });
            for name in STORY {
                fields[name.replace('-', "_")] = json!(header(name));
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
    let mut link = connect(settings, report)?;
    let count = inspect(&mut link, dead.as_str())?.map_or(0, |queue| queue.ready);
    if count == 0 && only.is_none() {
        report.note(&format!("queue `{dead}` is empty"));
        let _ = link.close();
        report.result()?;
        return Ok(ExitCode::Done);
    }
    let (channel, known) = queue.open(&mut link)?;
    let dead_channel = link.channel()?;
    let mut publisher = Replaying::new(settings, known.queue_type);
    drop(channel);
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
                let attempts = headers::count(&task, headers::ATTEMPTS);
                let mut fields = json!({ "id": task.id(), "attempts": attempts });
                insert_body(&mut fields, &task.body);
                fields
            },
        );
        report.flush();
    }
    report.note(&format!(
        "{replayed} of {count} sent to queue `{}` again",
        queue.name
    ));
    drop(dead_channel);
    let _ = link.close();
    if let (Some(id), 0) = (only, replayed) {
        return Err(no_such_letter(id, dead));
    }
    report.result()?;
    Ok(ExitCode::Done)
}

fn no_such_letter(id: &str, dead: &QueueName) -> Fault {
    let id = escape(id.as_bytes());
    let text = format!("no dead letter in queue `{dead}` has the ID `{id}`");
    Fault::new(Kind::Other, text)
}

fn task_of(delivery: Delivery) -> (Task, AckToken) {
    let task = Task {
        body: delivery.body,
        properties: delivery.properties,
    };
    (task, delivery.token)
}
