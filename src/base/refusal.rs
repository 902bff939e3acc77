//! What the broker means when it says no: its reply codes and texts, explained. Pure.

use crate::base::endpoint::{Endpoint, LogIn};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind, Reply};

/// A declaration that differs from the queue there is, as RabbitMQ tells it (406).
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// `durable`, `x-queue-type`, …
    pub argument: String,
    /// The queue's name.
    pub queue: String,
    /// What the queue there has: `true`, `quorum`, …; `none` where it has nothing.
    pub current: String,
}

impl Mismatch {
    /// Reads RabbitMQ's `inequivalent arg 'A' for queue 'Q' in vhost 'V': received R but current
    /// is C`, where R and C are `none` or `the value 'X' of type 'T'` or `'X'`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (_, text) = text.split_once("inequivalent arg '")?;
        let (argument, text) = text.split_once("' for queue '")?;
        let (queue, text) = text.split_once("' in vhost '")?;
        let (_, current) = text.rsplit_once(" but current is ")?;
        let current = match current.split_once('\'') {
            Some((_, value)) => value.split('\'').next().unwrap_or_default(),
            None => current,
        };
        Some(Self {
            argument: argument.to_owned(),
            queue: queue.to_owned(),
            current: current.trim().to_owned(),
        })
    }
}

/// Whether the broker says that there is no queue of this name. (404 also stands for a queue that
/// is there while its node is down.)
#[must_use]
pub fn is_missing(reply: &Reply, queue: &str) -> bool {
    reply.code == 404 && reply.text.contains(&format!("no queue '{queue}' in vhost"))
}

/// Whether the broker says that the node of this queue is down.
#[must_use]
pub fn is_down(reply: &Reply, queue: &str) -> bool {
    is_node_down(reply) && reply.text.contains(&format!("queue '{queue}' in vhost"))
}

fn is_node_down(reply: &Reply) -> bool {
    reply.code == 404 && reply.text.contains("is down or inaccessible")
}

/// The queue that is not there, where the broker says so.
#[must_use]
pub fn missing_queue(reply: &Reply) -> Option<&str> {
    let (_, rest) = reply.text.split_once("no queue '")?;
    let (queue, _) = rest.rsplit_once("' in vhost")?;
    Some(queue).filter(|queue| is_missing(reply, queue))
}

/// Why the broker closed a channel.
#[must_use]
pub fn explain(reply: Reply) -> Fault {
    let (kind, message) = explained(&reply);
    Fault::new(kind, message).with_reply(reply)
}

fn explained(reply: &Reply) -> (Kind, String) {
    let words = escape(reply.text.as_bytes());
    match reply.code {
        403 => (Kind::Refused, forbidden(&words)),
        404 if is_node_down(reply) => (
            Kind::Lost,
            format!("the node that holds the queue is down: {words}"),
        ),
        404 => (
            Kind::Queue,
            format!("not found: {words}; without --no-declare the queue would be created"),
        ),
        405 => (
            Kind::Queue,
            format!("the queue is exclusive to another connection: {words}"),
        ),
        406 if words.contains("delivery acknowledgement") => (
            Kind::AcknowledgementTimeout,
            format!(
                "the broker waited too long for an acknowledgement and closed the channel \
                 ({words}); for longer tasks raise `consumer_timeout` in rabbitmq.conf, or \
                 `x-consumer-timeout` of the queue (milliseconds; RabbitMQ's default is 30 minutes)"
            ),
        ),
        406 if words.contains("larger than") => (
            Kind::NotTaken,
            format!(
                "the body is larger than the broker takes ({words}); send a reference to the data \
                 instead, or raise `max_message_size` in rabbitmq.conf"
            ),
        ),
        406 => match Mismatch::parse(&reply.text) {
            Some(mismatch) => (Kind::Queue, differs(&mismatch)),
            None => (Kind::Queue, format!("the broker refused: {words}")),
        },
        _ => (
            Kind::Lost,
            format!("the broker closed the channel: {words}"),
        ),
    }
}

fn forbidden(words: &str) -> String {
    let hint = if words.contains("access to queue") {
        "; if the user may use the queue but not declare it, add --no-declare, otherwise an \
         administrator grants it with `rabbitmqctl set_permissions`"
    } else {
        "; an administrator can grant it with `rabbitmqctl set_permissions`"
    };
    format!("the broker refused access: {words}{hint}")
}

/// A queue cannot be declared anew with other properties; what can be done depends on which.
fn differs(mismatch: &Mismatch) -> String {
    let queue = escape(mismatch.queue.as_bytes());
    let argument = escape(mismatch.argument.as_bytes());
    let current = escape(mismatch.current.as_bytes());
    let (state, advice) = match mismatch.argument.as_str() {
        "durable" => (
            "is not durable: its tasks would be lost when the broker stops".to_owned(),
            "use another name with --queue, or delete that queue first".to_owned(),
        ),
        "x-queue-type" => {
            // RabbitMQ before 4.0 says `none` of a queue that was declared without a type.
            let current = if current == "none" {
                "classic"
            } else {
                &current
            };
            (
                format!("is of type {current}"),
                format!("omit --queue-type to use it as it is, or use --queue-type {current}"),
            )
        }
        "x-max-priority" if current == "none" => (
            "has no priorities".to_owned(),
            "omit --max-priority, or use another name with --queue".to_owned(),
        ),
        "x-max-priority" => (
            format!("has priorities up to {current}"),
            format!("use --max-priority {current}, or --no-declare to use the queue as it is"),
        ),
        name if name.starts_with("x-") => (
            format!("has `{argument}` set to {current}"),
            "use --no-declare to use it as it is, or another name with --queue".to_owned(),
        ),
        _ => (
            format!("has `{argument}` set to {current}"),
            "use another name with --queue, or delete that queue first".to_owned(),
        ),
    };
    format!(
        "queue `{queue}` exists and {state}; a queue's properties cannot be changed afterwards \
         (RabbitMQ's 406 PRECONDITION_FAILED): {advice}"
    )
}

/// Why the broker ended the handshake.
#[must_use]
pub fn explain_handshake(endpoint: &Endpoint, reply: Reply) -> Fault {
    let words = escape(reply.text.as_bytes());
    let user = escape(endpoint.user.as_bytes());
    let vhost = escape(endpoint.vhost.as_bytes());
    let address = endpoint.address();
    // Limits and vhosts that are down pass; RabbitMQ uses 530 and 541 for them.
    let passes = words.contains("limit") || words.contains("is down");
    let (kind, message) = match reply.code {
        403 if words.contains("localhost") => (
            Kind::Refused,
            format!(
                "the broker at {address} lets user `{user}` in from its own machine alone \
                 ({words}); create another user with `rabbitmqctl add_user`"
            ),
        ),
        403 if endpoint.log_in == LogIn::Certificate => (
            Kind::Refused,
            format!(
                "the broker at {address} refused the log-in by certificate: --cert must name one, and \
                 there must be a user of the name that the broker's `ssl_cert_login_from` takes from \
                 it ({words})"
            ),
        ),
        403 => (
            Kind::Refused,
            format!(
                "the broker at {address} refused the log-in of user `{user}`: wrong password or \
                 no such user; check --url or AMQP_URL, and --password-file ({words})"
            ),
        ),
        530 if !passes && words.contains("not found") => (
            Kind::Refused,
            format!(
                "the broker at {address} has no vhost `{vhost}`; check the path of the URL, or \
                 create it with `rabbitmqctl add_vhost` ({words})"
            ),
        ),
        530 if !passes => (
            Kind::Refused,
            format!(
                "the broker at {address} refused user `{user}` the vhost `{vhost}`; an \
                 administrator grants it with `rabbitmqctl set_permissions` ({words})"
            ),
        ),
        _ => (
            Kind::Unreachable,
            format!("cannot connect to {endpoint}: {words}"),
        ),
    };
    Fault::new(kind, message).with_reply(reply)
}

#[cfg(test)]
mod tests;
