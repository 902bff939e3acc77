//! Tells `worker --status` that this worker takes no tasks for now, as its host is busy.
//!
//! Such a worker has no consumer on the work queue, so there it looks as if it were gone. It consumes
//! from `QUEUE.paused` instead, which nobody puts anything into: the number of its consumers is that of
//! the workers that are paused. The queue expires when there are none. A connection and a thread of its
//! own are for this, so that nothing that goes wrong here concerns the tasks.

use super::settings::WorkerSettings;
use crate::amqp::connector::{Connector, RetryFor};
use crate::amqp::{AckMode, ConsumeOptions, ConsumerEvent, Link, Prefetch, QueueArguments};
use crate::base::fault::{Fault, Kind};
use crate::queues::{Declare, QueueName, inspect};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::num::NonZeroU16;
use std::thread;
use std::time::Duration;

/// How long the queue stays without a consumer.
const EXPIRES: Duration = Duration::from_secs(60);

/// How long it waits at a time.
const LOOK: Duration = Duration::from_secs(3600);

/// How soon it is tried again after the connection was lost.
const AGAIN: Duration = Duration::from_secs(5);

/// While this is there, the worker counts as paused.
pub(super) struct PausedMark(Sender<()>);

impl PausedMark {
    /// `None`: the user wants no queue declared, or there is no thread for it.
    pub(super) fn set(settings: &WorkerSettings) -> Option<Self> {
        if settings.queue.declare == Declare::No {
            return None;
        }
        let mut connector = settings.connector.clone();
        connector.retry_for = RetryFor::AtMost(Duration::ZERO);
        let queue = queue(&settings.queue.name);
        let (stop, stopped) = bounded(1);
        let started = thread::Builder::new()
            .name("paused".to_owned())
            .spawn(move || keep(&connector, &queue, &stopped));
        started.ok().map(|_| Self(stop))
    }
}

impl Drop for PausedMark {
    fn drop(&mut self) {
        // There is room for one, and the thread may have ended.
        let _ = self.0.try_send(());
    }
}

/// How many workers on this queue are paused, as far as this user may know.
pub(super) fn count(link: &mut Link, work: &QueueName) -> Result<u32, Fault> {
    match inspect(link, &queue(work)) {
        Ok(found) => Ok(found.map_or(0, |found| found.consumers)),
        Err(fault) if fault.kind == Kind::Refused => Ok(0),
        Err(fault) => Err(fault),
    }
}

fn queue(work: &QueueName) -> String {
    format!("{}.paused", work.as_str())
}

/// Consumes until it is told to stop, or may not.
fn keep(connector: &Connector, queue: &str, stopped: &Receiver<()>) {
    while let Err(fault) = consume(connector, queue, stopped) {
        if !fault.is_transient() {
            return;
        }
        match stopped.recv_timeout(AGAIN) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn consume(connector: &Connector, queue: &str, stopped: &Receiver<()>) -> Result<(), Fault> {
    let mut link = connector.connect(None, |_| {})?;
    let channel = link.channel()?;
    let arguments = QueueArguments::default()
        .with_text("x-queue-type", "classic")
        .with_milliseconds("x-expires", EXPIRES);
    channel.declare(queue, &arguments)?;
    let options = ConsumeOptions {
        prefetch: Prefetch::AtMost(NonZeroU16::MIN),
        settlement: AckMode::ByUs,
        timeout: None,
    };
    let mut consuming = channel.consume(&link, queue, options)?;
    loop {
        match consuming.wait(stopped, LOOK) {
            ConsumerEvent::Inbox(()) => break,
            ConsumerEvent::Ended(fault) => return Err(fault),
            ConsumerEvent::Cancelled => {
                return Err(Fault::new(Kind::Lost, "the queue was deleted"));
            }
            // Nothing of ours.
            ConsumerEvent::Delivery(_) | ConsumerEvent::Timeout => {}
        }
    }
    let _ = consuming.cancel();
    drop(consuming);
    drop(channel);
    link.close()
}
