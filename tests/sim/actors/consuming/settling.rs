//! Channels, and what was delivered over them and is not settled.

use super::Consuming;
use crate::broker::method::{ChannelId, Request, Settle};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use work_queue::amqp::AckToken;

/// Open channels.
#[derive(Default)]
pub struct Channels {
    /// Channels of this connection so far.
    pub opened: ChannelId,
    /// Channels of this worker so far, by which tokens name them.
    pub epoch: u64,
    pub open: BTreeMap<ChannelId, u64>,
    /// What was delivered and is not settled.
    pub unsettled: BTreeSet<AckToken>,
}

impl Channels {
    pub fn next(&mut self) -> ChannelId {
        self.opened += 1;
        self.epoch += 1;
        self.open.insert(self.opened, self.epoch);
        self.opened
    }

    /// The connection is gone.
    pub fn forget(&mut self) {
        self.opened = 0;
        self.open.clear();
        self.unsettled.clear();
    }
}

impl Consuming {
    /// Whether what this token names can still be settled.
    pub fn holds(&self, token: AckToken) -> bool {
        self.wire.is_some()
            && self
                .channels
                .open
                .values()
                .any(|epoch| *epoch == token.channel)
    }

    /// The channel that was opened last, as tokens name it.
    pub fn newest_channel(&self) -> u64 {
        self.channels.epoch
    }

    /// Acknowledges, with as few frames as may be.
    pub fn acknowledge(&mut self, world: &mut World, tokens: &[AckToken], joint: bool) {
        let mut tokens = tokens.to_vec();
        tokens.sort_unstable();
        while let Some(token) = tokens.last().copied() {
            let first = AckToken { tag: 0, ..token };
            let open: Vec<AckToken> = self
                .channels
                .unsettled
                .range(first..=token)
                .copied()
                .collect();
            let all = joint || tokens.ends_with(&open);
            let settled = if all { open.len().max(1) } else { 1 };
            self.settle(world, token, all && open.len() > 1, Settle::Ack);
            for _ in 0..settled {
                if let Some(token) = tokens.pop() {
                    self.channels.unsettled.remove(&token);
                }
            }
        }
    }

    pub fn give_back(&mut self, world: &mut World, token: AckToken) {
        self.channels.unsettled.remove(&token);
        self.settle(world, token, false, Settle::Nack);
    }

    fn settle(&mut self, world: &mut World, token: AckToken, multiple: bool, how: Settle) {
        let mut open = self.channels.open.iter();
        let channel = open.find(|(_, epoch)| **epoch == token.channel);
        if let (Some(wire), Some((channel, _))) = (self.wire, channel) {
            let tag = token.tag;
            world.send(wire, *channel, Request::Settle { tag, multiple, how });
        }
    }
}
