//! `worker --status`: how much waits, and for whom.

use crate::amqp::{Declared, Link};
use crate::connection::Connector;
use crate::exit_code::ExitCode;
use crate::fault::{Fault, Kind};
use crate::report::{Fields, Report};
use crate::topology::{QueueName, WorkQueue};
use serde_json::json;

/// Shows the counts of `queue`.
pub(super) fn show(
    connector: &Connector,
    queue: &WorkQueue,
    dead_letters: &QueueName,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let mut link = connector.connect(|fault| {
        report.warn(&format!("{fault}; trying again"));
    })?;
    let name = &queue.name;
    let Some(work) = inspect(&mut link, name.as_str())? else {
        let text =
            format!("there is no queue `{name}`; it is declared by the first new_task or worker");
        return Err(Fault::new(Kind::Queue, text));
    };
    let dead = inspect(&mut link, dead_letters.as_str())?;
    let dead = dead.map_or(0, |queue| queue.ready);
    report.event(
        "status",
        || {
            Some(format!(
                "queue {name}: ready {}, consumers {}, delayed 0, dead {dead}",
                work.ready, work.consumers
            ))
        },
        || {
            Fields::from_iter([
                ("queue".to_owned(), json!(name.as_str())),
                ("ready".to_owned(), json!(work.ready)),
                ("consumers".to_owned(), json!(work.consumers)),
                ("delayed".to_owned(), json!(0)),
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

/// The counts of a queue, where it exists. A queue that does not closes the channel.
pub(super) fn inspect(link: &mut Link, queue: &str) -> Result<Option<Declared>, Fault> {
    const NOT_FOUND: u16 = 404;
    let channel = link.channel()?;
    match channel.inspect(queue) {
        Ok(declared) => Ok(Some(declared)),
        Err(fault) if fault.reply().is_some_and(|reply| reply.code == NOT_FOUND) => Ok(None),
        Err(fault) => Err(fault),
    }
}
