//! What is asked of queues.

use super::settings::{FIRST_WITH_CONSUMER_TIMEOUT, WorkerSettings};
use crate::amqp::Link;
use crate::base::fault::{Fault, Kind};
use crate::base::refusal;
pub use crate::queues::inspect;
use crate::queues::{Declare, Destination, WorkQueue};

/// With `--no-declare`: which of the queues is missing that failed tasks may have to go to. Better
/// told now than when a task has failed. Whether tasks will fail is not known, so that is no reason
/// not to begin.
pub(super) fn first_missing(
    settings: &WorkerSettings,
    link: &mut Link,
) -> Result<Option<Fault>, Fault> {
    if settings.queue.declare == Declare::Yes || !settings.has_command {
        return Ok(None);
    }
    let policy = &settings.core.policy;
    let delays = policy.retry_delays().into_iter().map(Destination::Delay);
    let dead = settings.may_dead_letter();
    let dead = dead.then(|| Destination::Dead(settings.core.dead_letters.clone()));
    for destination in delays.chain(dead) {
        let name = destination.queue(&settings.queue.name);
        if inspect(link, &name)?.is_none() {
            return Ok(Some(missing(&name)));
        }
    }
    Ok(None)
}

/// A queue next to the work queue that is neither there nor to be declared.
pub(super) fn missing(queue: &str) -> Fault {
    let text = format!(
        "there is no queue `{queue}`, where failed tasks go; with --no-declare it must be made \
         beforehand, or choose otherwise with --on-failure, --retries, --max-redeliveries and \
         --fatal-exit"
    );
    Fault::new(Kind::Queue, text)
}

/// Why the broker has cancelled the consumer, and what follows.
pub(super) fn why_cancelled(queue: &WorkQueue, link: &mut Link) -> Result<String, Fault> {
    let name = &queue.name;
    if inspect(link, name.as_str())?.is_none() {
        let then = match queue.declare {
            Declare::Yes => "it is declared again",
            Declare::No => "it is looked for again",
        };
        return Ok(format!(
            "the broker cancelled the consumer: queue `{name}` was deleted; {then}"
        ));
    }
    if link.series() < FIRST_WITH_CONSUMER_TIMEOUT {
        return Ok(format!(
            "the broker cancelled the consumer: queue `{name}` moved to another node; consuming \
             again"
        ));
    }
    Ok(format!(
        "the broker cancelled the consumer of queue `{name}`: a task was not acknowledged within \
         the queue's `consumer_timeout` and goes to another worker, or the queue moved to another \
         node; for longer tasks raise `consumer-timeout` in the queue's policy, or \
         `consumer_timeout` in rabbitmq.conf (milliseconds); consuming again"
    ))
}

/// Whether the queue's type does not know the consumer's time-out.
pub(super) fn is_timeout_refused(fault: &Fault) -> bool {
    let reply = fault.reply();
    reply.is_some_and(|reply| reply.code == 406 && reply.text.contains("x-consumer-timeout"))
}

/// Whether a queue is missing that is to be declared.
pub(super) fn may_be_declared(queue: &WorkQueue, fault: &Fault) -> bool {
    let reply = fault.reply();
    queue.declare == Declare::Yes
        && reply.is_some_and(|reply| refusal::is_missing(reply, queue.name.as_str()))
}
