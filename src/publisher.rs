//! Sending a task: it is sent when the broker has confirmed it.

use crate::amqp::{Channel, Confirmation, Confirms, Link, Waited, WhenCut};
use crate::confirms::Verdict;
use crate::fault::{Fault, Kind};
use crate::task::Task;
use crate::topology::WorkQueue;
use std::time::{Duration, Instant};

/// How tasks are sent.
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// How long the broker may take to confirm.
    pub confirm_timeout: Duration,
    /// Ends the wait when it is disconnected.
    pub when_cut: WhenCut,
}

/// What is worth telling while a task is sent.
#[derive(Debug)]
pub enum Notice {
    /// The queue is of this type and is used all the same.
    Adopted(String),
    /// The broker takes nothing for now; why.
    Blocked(String),
    /// The broker takes tasks again.
    Unblocked,
}

/// Declares `queue`, publishes `task` to it and waits for the confirm.
///
/// Neither the declaration nor the switch to confirms waits for its answer: a single task takes
/// as few round trips as the client library allows. If the declaration is refused the broker
/// discards what was published after it, so that nothing is sent twice when it is done over.
///
/// The channel is returned: closing the connection closes it, which spares a round trip.
///
/// # Errors
/// [`Kind::NotTaken`] where the broker has the task not, or not for certain; [`Kind::Lost`] where
/// the connection broke before the confirm, so that the task may be in the queue.
pub fn send(
    link: &mut Link,
    queue: &WorkQueue,
    task: &Task,
    options: &SendOptions,
    notify: &mut dyn FnMut(Notice),
) -> Result<Channel, Fault> {
    let channel = link.channel()?;
    let deadline = Instant::now() + options.confirm_timeout;
    let sent = queue
        .declare_nowait(&channel)
        .and_then(|()| publish(link, &channel, queue, task, options, deadline, notify));
    let fault = match sent {
        Ok(()) => return Ok(channel),
        Err(fault) => the_brokers_own_words(fault, channel),
    };
    let Some(_) = queue.other_type(&fault) else {
        return Err(link.diagnose(fault));
    };
    let opened = queue.open(link)?;
    if let Some(current) = opened.adopted {
        notify(Notice::Adopted(current));
    }
    let channel = opened.channel;
    match publish(link, &channel, queue, task, options, deadline, notify) {
        Ok(()) => Ok(channel),
        Err(fault) => Err(link.diagnose(the_brokers_own_words(fault, channel))),
    }
}

/// `fault`, or why the broker closed the channel, where that is not told yet.
fn the_brokers_own_words(fault: Fault, channel: Channel) -> Fault {
    if fault.kind != Kind::Lost || fault.reply().is_some() {
        return fault;
    }
    match channel.why_closed() {
        Some(cause) if cause.reply().is_some() => cause,
        _ => fault,
    }
}

fn publish(
    link: &Link,
    channel: &Channel,
    queue: &WorkQueue,
    task: &Task,
    options: &SendOptions,
    deadline: Instant,
    notify: &mut dyn FnMut(Notice),
) -> Result<(), Fault> {
    let mut confirms = channel.confirms(link)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let name = queue.name.as_str();
    channel
        .publish(name, &task.properties, &task.body, left)
        .map_err(|fault| {
            if Instant::now() >= deadline {
                timed_out(queue, options, None)
            } else {
                fault
            }
        })?;
    await_confirm(&mut confirms, queue, options, deadline, notify)
}

fn await_confirm(
    confirms: &mut Confirms,
    queue: &WorkQueue,
    options: &SendOptions,
    deadline: Instant,
    notify: &mut dyn FnMut(Notice),
) -> Result<(), Fault> {
    let mut blocked: Option<String> = None;
    let mut returned: Option<String> = None;
    loop {
        // News without end must not keep the time-out from being noticed.
        if Instant::now() >= deadline {
            return Err(timed_out(queue, options, blocked.as_deref()));
        }
        match confirms.wait(&options.when_cut, deadline) {
            // The one task that was published on this channel: number 1, or all.
            Waited::News(Confirmation::Settled {
                tag,
                multiple,
                verdict,
            }) if tag == 1 || (tag == 0 && multiple) => {
                return match (verdict, returned) {
                    (Verdict::Ack, None) => Ok(()),
                    (Verdict::Ack, Some(reason)) => Err(unroutable(queue, &reason)),
                    (Verdict::Nack, _) => Err(nacked(queue)),
                };
            }
            Waited::News(Confirmation::Settled { .. }) => {}
            Waited::News(Confirmation::Returned { reason, .. }) => returned = Some(reason),
            Waited::News(Confirmation::Blocked(reason)) => {
                if blocked.as_ref() != Some(&reason) {
                    notify(Notice::Blocked(reason.clone()));
                }
                blocked = Some(reason);
            }
            Waited::News(Confirmation::Unblocked) => {
                notify(Notice::Unblocked);
                blocked = None;
            }
            Waited::Inbox(_) => {
                let text = "interrupted before the broker had confirmed; the task may or may not \
                            be in the queue";
                return Err(Fault::new(Kind::Interrupted, text));
            }
            Waited::Closed => {
                let text = "the connection broke before the broker had confirmed";
                return Err(Fault::new(Kind::Lost, text));
            }
            Waited::Timeout => return Err(timed_out(queue, options, blocked.as_deref())),
        }
    }
}

fn unroutable(queue: &WorkQueue, reason: &str) -> Fault {
    let text = format!(
        "no queue took the task: there is no queue `{}` ({reason}); check --queue, or leave \
         --no-declare out so that it is declared",
        queue.name
    );
    Fault::new(Kind::NotTaken, text)
}

fn nacked(queue: &WorkQueue) -> Fault {
    let text = format!(
        "the broker refused the task (nack): queue `{}` is full or unavailable; try again later",
        queue.name
    );
    Fault::new(Kind::NotTaken, text)
}

fn timed_out(queue: &WorkQueue, options: &SendOptions, blocked: Option<&str>) -> Fault {
    let limit = humantime::format_duration(options.confirm_timeout);
    let why = match blocked {
        Some(reason) => format!("it has stopped taking tasks: {reason}"),
        None => "it is overloaded or frozen".to_owned(),
    };
    let text = format!(
        "the broker did not confirm the task for queue `{}` within {limit} (--confirm-timeout); \
         {why}. The task may or may not be in the queue",
        queue.name
    );
    Fault::new(Kind::NotTaken, text)
}
