//! Connections: opening, requests in their order, blocking, the end.

use super::channel::Channel;
use super::method::{Answer, ChannelId, ConnectionId, Reply, Request};
use super::{Alarm, Broker, Power};
use std::collections::{BTreeMap, VecDeque};

/// A connection, as the broker sees it.
#[derive(Debug, Default)]
pub struct Connection {
    pub channels: BTreeMap<ChannelId, Channel>,
    /// It came over the connection and is not read, because the connection is blocked or the
    /// broker frozen.
    unread: VecDeque<Input>,
    flow: Flow,
    /// Requests behind one that takes its time.
    pub busy: BTreeMap<ChannelId, VecDeque<Request>>,
}

/// What comes over a connection.
#[derive(Clone, Debug)]
pub enum Input {
    Request(ChannelId, Request),
    /// The client is gone, or has closed the connection.
    End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Running,
    /// An alarm, and it has published.
    Blocked,
}

impl Broker {
    /// Accepts a connection. None: the broker is down, or hangs.
    pub fn open(&mut self) -> Option<ConnectionId> {
        if self.power != Power::On {
            return None;
        }
        self.connected += 1;
        let id = ConnectionId(self.connected);
        self.connections.insert(id, Connection::default());
        Some(id)
    }

    /// Something arrives.
    pub fn receive(&mut self, id: ConnectionId, input: Input) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.unread.push_back(input);
        self.read(id);
    }

    fn read(&mut self, id: ConnectionId) {
        while self.power == Power::On {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            if connection.flow == Flow::Blocked {
                return;
            }
            let Some(input) = connection.unread.pop_front() else {
                return;
            };
            match input {
                Input::End => self.end(id),
                Input::Request(channel, request) => {
                    let Some(body) = body_of(&request).filter(|_| self.alarm == Alarm::On) else {
                        self.request(id, channel, request);
                        continue;
                    };
                    // The header is read, and nothing behind it.
                    connection.flow = Flow::Blocked;
                    if body > 0 {
                        let later = Input::Request(channel, request.clone());
                        connection.unread.push_front(later);
                    }
                    self.say(id, 0, Reply::Blocked);
                    if body == 0 {
                        self.request(id, channel, request);
                    }
                }
            }
        }
    }

    /// All that arrived while nothing was read.
    pub(super) fn read_all(&mut self) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            self.read(id);
        }
    }

    /// The alarm is over.
    pub(super) fn unblock_all(&mut self) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            if let Some(connection) = self.connections.get_mut(&id) {
                if connection.flow == Flow::Blocked {
                    connection.flow = Flow::Running;
                    self.say(id, 0, Reply::Unblocked);
                    self.read(id);
                }
            }
        }
    }

    fn request(&mut self, id: ConnectionId, channel: ChannelId, request: Request) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if let Some(behind) = connection.busy.get_mut(&channel) {
            behind.push_back(request);
            return;
        }
        if matches!(request, Request::Open) {
            connection.channels.insert(channel, Channel::default());
            self.say(id, channel, Reply::Opened);
            return;
        }
        if !connection.channels.contains_key(&channel) {
            // The broker has closed it, and what was under way then is passed over.
            return;
        }
        match request {
            Request::Open => {}
            Request::Close => {
                self.say(id, channel, Reply::Closed);
                self.close_channel(id, channel);
            }
            Request::Declare(declaration) => self.declare(id, channel, &declaration),
            Request::Delete(queue) => self.delete(id, channel, &queue),
            Request::Purge(queue) => self.purge(id, channel, &queue),
            Request::Confirms(answer) => self.confirms(id, channel, answer),
            Request::Publish(publish) => self.publish(id, channel, &publish),
            Request::Prefetch(count) => {
                if let Some(channel) = self.channel(id, channel) {
                    channel.prefetch = count;
                }
                self.say(id, channel, Reply::PrefetchSet);
            }
            Request::Consume {
                queue,
                consumer,
                settlement,
            } => self.consume(id, channel, &queue, consumer, settlement),
            Request::Cancel(consumer) => {
                // It is the queue that answers, behind what it has handed out.
                self.send_mail(id, channel);
                self.cancel(id, channel, consumer);
            }
            Request::Get(queue) => self.get(id, channel, &queue),
            Request::Settle { tag, multiple, how } => self.settle(id, channel, tag, multiple, how),
        }
        self.send_mail(id, channel);
    }

    fn confirms(&mut self, id: ConnectionId, channel: ChannelId, answer: Answer) {
        if let Some(channel) = self.channel(id, channel) {
            channel.confirms.get_or_insert_default();
        }
        if answer == Answer::Wanted {
            self.say(id, channel, Reply::ConfirmsOn);
        }
    }

    /// A channel goes on after a request that took its time.
    pub(super) fn go_on(&mut self, id: ConnectionId, channel: ChannelId) {
        let connection = self.connections.get_mut(&id);
        let behind = connection.and_then(|connection| connection.busy.remove(&channel));
        for request in behind.unwrap_or_default() {
            self.request(id, channel, request);
        }
    }

    pub(super) fn channel(&mut self, id: ConnectionId, channel: ChannelId) -> Option<&mut Channel> {
        self.connections.get_mut(&id)?.channels.get_mut(&channel)
    }

    /// Closes a channel for a reason that concerns it alone.
    pub(super) fn refuse(&mut self, id: ConnectionId, channel: ChannelId, code: u16, text: String) {
        self.say(id, channel, Reply::ChannelClosed { code, text });
        self.close_channel(id, channel);
    }

    /// Closes a connection, telling why.
    pub(super) fn throw_out(&mut self, id: ConnectionId, code: u16, text: &str) {
        let text = text.to_owned();
        self.say(id, 0, Reply::ConnectionClosed { code, text });
        self.end(id);
    }

    /// A channel is gone: its consumers too, and what they held goes back.
    pub(super) fn close_channel(&mut self, id: ConnectionId, channel: ChannelId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.busy.remove(&channel);
        let Some(closed) = connection.channels.remove(&channel) else {
            return;
        };
        for (consumer, state) in &closed.consumers {
            self.unsubscribe(id, channel, *consumer, &state.queue);
        }
        let mut touched = Vec::new();
        for unsettled in closed.unsettled.into_values() {
            if !touched.contains(&unsettled.queue) {
                touched.push(unsettled.queue.clone());
            }
            self.put_back(unsettled, None);
        }
        for queue in touched {
            self.hand_out(&queue);
        }
    }

    /// A connection is gone.
    pub(super) fn end(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let channels: Vec<ChannelId> = connection.channels.keys().copied().collect();
        for channel in channels {
            self.close_channel(id, channel);
        }
        self.connections.remove(&id);
    }
}

/// How long the body of a publish is.
fn body_of(request: &Request) -> Option<usize> {
    match request {
        Request::Publish(publish) => Some(publish.task.body.len()),
        _ => None,
    }
}
