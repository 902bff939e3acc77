//! Declaring, deleting and purging queues.

use super::declaration::{Answer, Arguments, Declaration, Kind, Wish, mismatch};
use super::method::{ChannelId, ConnectionId, Reply};
use super::queue::{Queue, State};
use super::timers::Due;
use super::{Broker, Permissions, Time};
use std::collections::VecDeque;
use std::time::Duration;

impl Broker {
    pub(super) fn declare(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        declaration: &Declaration,
    ) {
        if let Err((code, text)) = self.declared(id, declaration) {
            self.refuse(id, channel, code, text);
            return;
        }
        let Some(queue) = self.queues.get(&declaration.queue) else {
            return;
        };
        let (ready, consumers) = (queue.len(), queue.subscribed() as u64);
        if declaration.answer == Answer::Wanted {
            self.say(id, channel, Reply::Declared { ready, consumers });
        }
    }

    fn declared(
        &mut self,
        id: ConnectionId,
        declaration: &Declaration,
    ) -> Result<(), (u16, String)> {
        let name = &declaration.queue;
        let there = self.queues.get(name);
        let arguments = match &declaration.wish {
            Wish::Passive => {
                return match there {
                    None => Err(no_queue(name)),
                    Some(queue) if queue.state == State::NodeDown => Err(home_down(name)),
                    Some(_) => Ok(()),
                };
            }
            Wish::Durable(arguments) => arguments,
            Wish::Transient => return Err(not_durable(name)),
        };
        if self.settings.permissions == Permissions::NoConfigure {
            return Err(self.forbidden("configure access", &format!("queue '{name}'")));
        }
        let kind = arguments.kind().unwrap_or(self.settings.default_type);
        match there {
            None => self.make(name, kind, arguments.clone(), Some((self.now, id))),
            Some(queue) if queue.state == State::NodeDown => return Err(home_down(name)),
            Some(queue) => {
                let there = (queue.kind, &queue.arguments);
                let wanted = (kind, arguments);
                if let Some(text) = mismatch(name, there, wanted, self.settings.series) {
                    return Err((406, text));
                }
            }
        }
        Ok(())
    }

    /// Makes a queue.
    pub(super) fn make(
        &mut self,
        name: &str,
        kind: Kind,
        arguments: Arguments,
        made: Option<(Time, ConnectionId)>,
    ) {
        let queue = Queue::new(kind, arguments, made);
        self.queues.insert(name.to_owned(), queue);
    }

    pub(super) fn delete(&mut self, id: ConnectionId, channel: ChannelId, name: &str) {
        /// Measured with 3.10.
        const WITHOUT_LEADER: Duration = Duration::from_secs(5);
        let state = self.queues.get(name).map(|queue| queue.state);
        let messages = self.remove(name);
        self.say(id, channel, Reply::Deleted { messages });
        if state == Some(State::Dead) {
            self.pause(id, channel, Due::GoesOn(id, channel), WITHOUT_LEADER);
        }
    }

    /// Removes a queue; its consumers are told. Returns how many messages were in it.
    pub(super) fn remove(&mut self, name: &str) -> u64 {
        let Some(mut queue) = self.queues.remove(name) else {
            return 0;
        };
        for subscriber in queue.take_consumers() {
            self.cancel_by_broker(subscriber);
        }
        queue.len()
    }

    pub(super) fn purge(&mut self, id: ConnectionId, channel: ChannelId, name: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            queue.ready.clear();
        }
        self.say(id, channel, Reply::Purged);
    }

    /// A request takes its time: what comes behind it on its channel waits.
    pub(super) fn pause(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        then: Due,
        after: Duration,
    ) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.busy.insert(channel, VecDeque::new());
            self.timers.note(self.now + after, then);
        }
    }

    pub(super) fn forbidden(&self, access: &str, what: &str) -> (u16, String) {
        let access = match self.settings.series {
            super::Series::V3_10 => "access",
            super::Series::V4_0 | super::Series::V4_3 => access,
        };
        let user = &self.settings.user;
        let text =
            format!("ACCESS_REFUSED - {access} to {what} in vhost '/' refused for user '{user}'");
        (403, text)
    }
}

pub(super) fn no_queue(name: &str) -> (u16, String) {
    (404, format!("NOT_FOUND - no queue '{name}' in vhost '/'"))
}

pub(super) fn home_down(name: &str) -> (u16, String) {
    let text = format!(
        "NOT_FOUND - home node 'rabbit@other' of durable queue '{name}' in vhost '/' is down or \
         inaccessible"
    );
    (404, text)
}

fn not_durable(name: &str) -> (u16, String) {
    let text = format!(
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue '{name}' in vhost '/': \
         received 'false' but current is 'true'"
    );
    (406, text)
}
