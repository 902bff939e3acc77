//! Where actors meet the world.

use super::World;
use crate::broker::Time;
use crate::broker::method::{ChannelId, ConnectionId, Reply};

/// A process: a sender or a worker.
pub type ActorId = usize;

/// Which of its connections: a worker has one to consume and one to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    Publishing,
    Consuming,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    pub actor: ActorId,
    /// Counts the lives of this actor: what was meant for an earlier one is lost.
    pub life: u32,
    pub line: Line,
}

/// What happens to an actor.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A connection stands.
    Connected(ConnectionId),
    /// It could not be made now.
    CannotConnect,
    /// The broker said something.
    Heard {
        wire: ConnectionId,
        channel: ChannelId,
        reply: Reply,
    },
    /// A connection is gone, without a word.
    Gone(ConnectionId),
    /// It wanted to be woken, or bytes have left.
    Wake,
    /// A command has ended.
    Ended { slot: usize, run: u64 },
    /// The process starts.
    Starts,
}

/// The wake-ups that an actor has asked for.
#[derive(Debug, Default)]
pub struct Wakes(Option<Time>);

impl Wakes {
    /// Asks for one, unless one comes before that.
    pub fn wake_at(&mut self, world: &mut World, port: Port, at: Time) {
        let at = at.max(world.now);
        if self.0.is_none_or(|next| next <= world.now || at < next) {
            self.0 = Some(at);
            world.happen(at, port, Happening::Wake);
        }
    }
}
