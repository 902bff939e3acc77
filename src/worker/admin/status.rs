//! `worker --status`: how much waits, and for whom.

use super::connect;
use super::unacknowledged::Unacknowledged;
use crate::amqp::Link;
use crate::base::exit_code::ExitCode;
use crate::base::fault::{Fault, Kind};
use crate::output::Report;
use crate::queues::Destination;
use crate::worker::admin_task::Repeat;
use crate::worker::incoming::Incoming;
use crate::worker::paused_mark;
use crate::worker::queues::inspect;
use crate::worker::settings::WorkerSettings;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use serde_json::json;
use std::time::{Duration, Instant};

/// How often it is shown with `--watch`.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is known of the queues at one time.
struct Status {
    at: Instant,
    ready: u32,
    /// As the management API tells.
    unacknowledged: Option<u64>,
    consumers: u32,
    /// Workers that take no tasks, as their hosts are busy.
    paused: u32,
    delayed: u32,
    dead: u32,
}

/// Shows the counts of the queues, once or until a signal comes.
///
/// # Errors
/// [`Kind::Queue`] if the work queue does not exist.
pub fn show(
    settings: &WorkerSettings,
    repeat: Repeat,
    signals: &Receiver<Incoming>,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let mut held = Unacknowledged::new(settings.management.as_ref());
    let mut link = connect(settings, report)?;
    let mut status = look(settings, &mut link, &mut held, report)?;
    tell(&status, None, settings, report);
    loop {
        report.result()?;
        if repeat == Repeat::Once {
            break;
        }
        match signals.recv_deadline(status.at + INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(_) | Err(RecvTimeoutError::Disconnected) => break,
        }
        let before = status;
        status = match look(settings, &mut link, &mut held, report) {
            Err(_) if !signals.is_empty() => break,
            Err(fault) if matches!(fault.kind, Kind::Lost | Kind::Unreachable) => {
                report.warn(&format!("{fault}; reconnecting"));
                link = connect(settings, report)?;
                look(settings, &mut link, &mut held, report)?
            }
            status => status?,
        };
        tell(&status, Some(&before), settings, report);
    }
    link.close().ok();
    report.result()?;
    Ok(ExitCode::Done)
}

/// AMQP cannot list queues, so of the delay queues only those of a worker with the same options are
/// counted.
fn look(
    settings: &WorkerSettings,
    link: &mut Link,
    held: &mut Unacknowledged<'_>,
    report: &Report,
) -> Result<Status, Fault> {
    let at = Instant::now();
    let name = &settings.queue.name;
    let Some(work) = inspect(link, name.as_str())? else {
        let text =
            format!("queue `{name}` does not exist yet; the first new_task or worker creates it");
        return Err(Fault::new(Kind::Queue, text));
    };
    let mut delayed = 0;
    for delay in settings.core.policy.retry_delays() {
        let name = Destination::Delay(delay).queue(name);
        delayed += inspect(link, &name)?.map_or(0, |queue| queue.ready);
    }
    let dead = inspect(link, settings.core.dead_letters.as_str())?;
    Ok(Status {
        at,
        ready: work.ready,
        unacknowledged: held.count(name, report)?,
        consumers: work.consumers,
        paused: paused_mark::count(link, name)?,
        delayed,
        dead: dead.map_or(0, |queue| queue.ready),
    })
}

fn tell(now: &Status, before: Option<&Status>, settings: &WorkerSettings, report: &mut Report) {
    let name = &settings.queue.name;
    let change = before.map(|before| {
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        (f64::from(now.ready) - f64::from(before.ready)) / seconds
    });
    report.event(
        "status",
        || {
            let change = change.map_or(String::new(), |rate| format!(" ({rate:+.1}/s)"));
            let paused = match now.paused {
                0 => String::new(),
                count => format!(" ({count} paused)"),
            };
            let held = now.unacknowledged;
            let held = held.map_or(String::new(), |held| format!(", unacknowledged {held}"));
            Some(format!(
                "queue {name}: ready {}{change}{held}, consumers {}{paused}, delayed {}, dead {}",
                now.ready, now.consumers, now.delayed, now.dead
            ))
        },
        || {
            let mut fields = json!({
                "queue": name.as_str(),
                "ready": now.ready,
                "consumers": now.consumers,
                "paused": now.paused,
                "delayed": now.delayed,
                "dead": now.dead,
            });
            if let Some(held) = now.unacknowledged {
                fields["unacknowledged"] = json!(held);
            }
            if let Some(change) = change {
                fields["ready_per_second"] = json!(change);
            }
            fields
        },
    );
    report.flush();
}
