//! What cores are set up with, and what is said to them.

use super::*;
use crate::base::fault::{Fault, Kind, Reply};
use crate::base::refusal::explain;

pub(super) fn work_queue(queue_type: Option<QueueType>, declare: Declare) -> WorkQueue {
    WorkQueue {
        name: "q".parse().unwrap(),
        queue_type,
        max_priority: None,
        declare,
    }
}

pub(super) fn config() -> Config {
    Config {
        queues: Queues {
            work: work_queue(None, Declare::Yes),
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type: QueueType::Classic,
            retry_delays: Vec::new(),
        },
        window: Size {
            messages: 100,
            bytes: 8 << 20,
        },
        frame_max: 131_072,
        backlog: None,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::ZERO,
        connect: crate::publisher::core::Connect::WhenNeeded,
    }
}

/// As `new_task` sends.
pub(super) fn sender() -> Config {
    Config {
        queues: Queues {
            upkeep: Upkeep::Ours,
            ..config().queues
        },
        confirm_timeout: Some(Duration::from_secs(30)),
        retry_for: Some(Duration::from_secs(10)),
        connect: crate::publisher::core::Connect::Always,
        ..config()
    }
}

pub(super) fn dead() -> Destination {
    Destination::Dead("q.dead".parse().unwrap())
}

pub(super) fn reply(address: &str) -> Destination {
    Destination::Reply(format!("amq.rabbitmq.reply-to.{address}"))
}

pub(super) const SECOND: Destination = Destination::Delay(Duration::from_secs(1));

pub(super) fn lost() -> Fault {
    Fault::new(Kind::Lost, "gone")
}

pub(super) fn closed(code: u16, text: &str) -> Fault {
    let text = text.to_owned();
    explain(Reply { code, text })
}

/// The connection was closed with this code.
pub(super) fn cut_off(code: u16) -> Fault {
    let text = String::new();
    Fault::new(Kind::Lost, "closed").with_reply(Reply { code, text })
}
