//! Types of queues.

use clap::ValueEnum;

/// The kinds of queue that can be work queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueueType {
    /// On one node.
    Classic,
    /// Replicated over the nodes of a cluster.
    Quorum,
}

impl QueueType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }

    /// The type with this name on the wire. RabbitMQ before 4.0 says `none` of a queue that was
    /// declared without a type, which makes a classic one.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "classic" | "none" => Some(Self::Classic),
            "quorum" => Some(Self::Quorum),
            _ => None,
        }
    }
}
