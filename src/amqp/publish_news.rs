//! What the broker says of published messages.

use crate::base::escape::escape;
use amiquip::{ConnectionBlockedNotification, Return};

/// What the broker said of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// The broker has taken responsibility for it.
    Ack,
    /// The broker could not take it.
    Nack,
}

/// News of what was published on a channel.
#[derive(Debug, PartialEq, Eq)]
pub enum PublishNews {
    /// A verdict on the publish with this tag, or with `multiple` on all up to it.
    Settled {
        /// The publish's number on its channel, from 1.
        tag: u64,
        /// Whether it includes all before it.
        multiple: bool,
        /// The verdict.
        verdict: Confirm,
    },
    /// No queue took the message with this id. It comes before the message's confirm, which is
    /// still an ack.
    Returned {
        /// The queue that it was sent to.
        queue: String,
        /// The message's `message_id`.
        id: Option<String>,
        /// The broker's words, escaped.
        reason: String,
    },
    /// The broker takes no publishes for now; the reason, escaped.
    Blocked(String),
    /// The broker takes publishes again.
    Unblocked,
}

impl PublishNews {
    /// The connection is blocked, or is no longer.
    pub(super) fn of_blocked(news: ConnectionBlockedNotification) -> Self {
        match news {
            ConnectionBlockedNotification::Blocked(reason) => {
                Self::Blocked(escape(reason.as_bytes()))
            }
            ConnectionBlockedNotification::Unblocked => Self::Unblocked,
        }
    }

    /// A message, or several, were confirmed or refused.
    pub(super) fn of_confirm(confirm: amiquip::Confirm) -> Self {
        let (payload, verdict) = match confirm {
            amiquip::Confirm::Ack(payload) => (payload, Confirm::Ack),
            amiquip::Confirm::Nack(payload) => (payload, Confirm::Nack),
        };
        Self::Settled {
            tag: payload.delivery_tag,
            multiple: payload.multiple,
            verdict,
        }
    }

    /// A message came back.
    pub(super) fn of_return(returned: &Return) -> Self {
        Self::Returned {
            queue: returned.routing_key.clone(),
            id: returned.properties.message_id().clone(),
            reason: escape(returned.reply_text.as_bytes()),
        }
    }
}
