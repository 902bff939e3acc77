//! Publishing: what is refused, what comes back, what is stored and when it is confirmed.

use super::confirms::Confirms;
use super::declaration::Kind;
use super::message::Message;
use super::method::{ChannelId, ConnectionId, Publish, Reply, Verdict};
use super::queue::{FRESH, State};
use super::timers::Due;
use super::{ASKS, Broker, Permissions, Series};
use std::rc::Rc;
use std::time::Duration;
use work_queue::task::Task;

/// A frame of the default size without its envelope.
pub const FRAME_MAX: usize = 131_072 - 8;

/// So much larger than the largest a frame may be.
const TOLERATED: usize = 8;

/// How long a quorum queue without a leader is asked for one. Measured with 3.10.
pub const LEADER_TIMEOUT: Duration = Duration::from_secs(65);

/// Answers to the channel that asked go to names that begin like this, and then name the channel.
pub const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to.";

/// What becomes of a publish.
enum Fate {
    /// It is stored here.
    Stored(String, u64),
    /// It was handed on at once.
    Delivered,
    Unroutable,
    Refused,
    /// Nobody decides about it for this time, and then it is refused.
    Stuck,
}

impl Broker {
    pub(super) fn publish(&mut self, id: ConnectionId, channel: ChannelId, publish: &Publish) {
        let size = publish.task.properties.header_len();
        if size > FRAME_MAX + TOLERATED {
            let text = format!(
                "FRAME_ERROR - type 2, all octets = <<>>: {{frame_too_large,{size},{FRAME_MAX}}}"
            );
            self.throw_out(id, 501, &text);
            return;
        }
        if self.settings.permissions == Permissions::NoWrite {
            let (code, text) = self.forbidden("write access", "exchange 'amq.default'");
            self.refuse(id, channel, code, text);
            return;
        }
        let (body, max) = (publish.task.body.len(), self.settings.max_message_size);
        if let Some((_, code)) = self.settings.deadly.filter(|(most, _)| body > *most) {
            return self.throw_out(id, code, "a body that this broker cannot bear");
        }
        if body > max {
            let text = format!(
                "PRECONDITION_FAILED - message size {body} is larger than configured max size {max}"
            );
            self.refuse(id, channel, 406, text);
            return;
        }
        let fate = if let Some(asker) = publish.to.strip_prefix(DIRECT_REPLY) {
            let Some(fate) = self.reply(asker, publish) else {
                return self.throw_out(id, 541, "INTERNAL_ERROR");
            };
            fate
        } else {
            let Some(task) = self.with_its_channel(id, channel, &publish.task) else {
                let text = "PRECONDITION_FAILED - fast reply consumer does not exist";
                return self.refuse(id, channel, 406, text.to_owned());
            };
            self.store(id, publish, task)
        };
        self.decide(id, channel, publish, fate);
    }

    fn decide(&mut self, id: ConnectionId, channel: ChannelId, publish: &Publish, fate: Fate) {
        let confirms = self
            .channel(id, channel)
            .and_then(|channel| channel.confirms.as_mut());
        let tag = confirms.map(Confirms::published);
        if matches!(fate, Fate::Unroutable) && publish.mandatory {
            let returned = Reply::Returned {
                code: 312,
                text: "NO_ROUTE",
                to: publish.to.clone(),
                task: Rc::clone(&publish.task),
            };
            self.say(id, channel, returned);
        }
        let at_once = Duration::from_micros(self.random.below(3) * 500);
        let (verdict, stored, after) = match fate {
            Fate::Stored(queue, place) => {
                let after = self.confirm_delay(&queue);
                (Verdict::Ack, Some((queue, place)), after)
            }
            Fate::Delivered | Fate::Unroutable => (Verdict::Ack, None, at_once),
            Fate::Refused => (Verdict::Nack, None, at_once),
            Fate::Stuck => (Verdict::Nack, None, LEADER_TIMEOUT),
        };
        let touched = stored.as_ref().map(|(queue, _)| queue.clone());
        // Where nobody wants a confirm, the tag is one that was never given.
        let due = Due::Decided {
            connection: id,
            channel,
            tag: tag.unwrap_or(0),
            verdict,
            stored,
        };
        self.timers.note(self.now + after, due);
        if let Some(queue) = touched {
            self.hand_out(&queue);
        }
    }

    /// How long it takes until a queue confirms what it just took. In steps of half a millisecond,
    /// so that some confirms come together.
    fn confirm_delay(&mut self, queue: &str) -> Duration {
        let most =
            u64::try_from(self.settings.confirm_within.as_micros() / 500).unwrap_or(u64::MAX);
        let delay = Duration::from_micros(500 * self.random.below(most + 1));
        let elected = self.queues.get(queue).and_then(|queue| queue.elected);
        delay + elected.map_or(Duration::ZERO, |at| at.saturating_sub(self.now))
    }

    /// The task with the address of the channel that it comes from, if it wants its answer there.
    /// None: there is no consumer for answers.
    fn with_its_channel(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        task: &Rc<Task>,
    ) -> Option<Rc<Task>> {
        let asking = task.properties.clone().with_reply_to(ASKS.to_owned());
        if asking != task.properties {
            return Some(Rc::clone(task));
        }
        self.channel(id, channel)?.direct?;
        let address = Asker { id, channel }.address();
        Some(Rc::new(Task {
            body: task.body.clone(),
            properties: asking.with_reply_to(address),
        }))
    }

    fn store(&mut self, id: ConnectionId, publish: &Publish, task: Rc<Task>) -> Fate {
        let Some(queue) = self.queues.get(&publish.to) else {
            return Fate::Unroutable;
        };
        match queue.state {
            State::NodeDown => return Fate::Unroutable,
            State::Dead => return Fate::Stuck,
            // A channel that knew the leader is refused; others wait for the next one.
            State::Electing if self.random.chance(50) => return Fate::Refused,
            State::Running | State::Electing => {}
        }
        if queue.is_full(self.policies.get(&publish.to).copied()) {
            return Fate::Refused;
        }
        let message = Message::new(task, Some(id));
        let place = self.put(&publish.to, message);
        Fate::Stored(publish.to.clone(), place)
    }

    /// Puts a message into a queue that is there.
    pub(super) fn put(&mut self, name: &str, message: Message) -> u64 {
        self.puts += 1;
        let (number, now) = (self.puts, self.now);
        let Some(queue) = self.queues.get_mut(name) else {
            return 0;
        };
        let place = queue.push(message, number, now);
        if let Some(ttl) = queue.arguments.message_ttl() {
            self.timers.note(now + ttl, Due::Expires(name.to_owned()));
        }
        place
    }

    /// A direct reply. None: this series cannot read the address and falls over it.
    fn reply(&mut self, asker: &str, publish: &Publish) -> Option<Fate> {
        let series = self.settings.series;
        let Some(asker) = Asker::parse(asker) else {
            let is_read = match series {
                // They fall over what looks like an address, and is none.
                Series::V3_10 | Series::V4_0 => !asker.contains('.'),
                Series::V4_3 => true,
            };
            return is_read.then_some(Fate::Unroutable);
        };
        self.answer(asker, publish);
        // Series differ in what they say of answers, whether these arrive or not.
        Some(match series {
            Series::V3_10 | Series::V4_0 => Fate::Unroutable,
            Series::V4_3 => Fate::Delivered,
        })
    }

    /// Hands an answer on, if the asker is still there.
    fn answer(&mut self, asker: Asker, publish: &Publish) {
        let Asker { id, channel } = asker;
        let Some(found) = self.channel(id, channel) else {
            return;
        };
        let Some(consumer) = found.direct else {
            return;
        };
        let tag = found.next_tag();
        let delivered = Reply::Delivered {
            consumer,
            tag,
            redelivered: false,
            task: Rc::clone(&publish.task),
            serial: 0,
        };
        self.say(id, channel, delivered);
    }

    /// A queue has decided about a publish.
    pub(super) fn decided(
        &mut self,
        (id, channel): (ConnectionId, ChannelId),
        (tag, verdict): (u64, Verdict),
        stored: Option<(String, u64)>,
    ) {
        if let Some((queue, place)) = stored {
            self.make_safe(&queue, place);
        }
        let confirms = self.channel(id, channel);
        if let Some(confirms) = confirms.and_then(|channel| channel.confirms.as_mut()) {
            confirms.settle(tag, verdict);
            self.to_confirm.push((id, channel));
        }
    }

    /// A message is on disk.
    pub(super) fn make_safe(&mut self, queue: &str, place: u64) {
        // Where it came back it has another place now.
        let serial = place.saturating_sub(FRESH);
        let is_meant = |message: &Message| message.serial == serial;
        if let Some(queue) = self.queues.get_mut(queue) {
            let mut ready = queue.ready.values_mut();
            if let Some(message) = ready.find(|message| is_meant(message)) {
                message.safe = true;
                return;
            }
        }
        let channels = self.connections.values_mut();
        let channels = channels.flat_map(|connection| connection.channels.values_mut());
        let mut unsettled = channels.flat_map(|channel| channel.unsettled.values_mut());
        let held = unsettled.find(|held| held.queue == queue && is_meant(&held.message));
        if let Some(held) = held {
            held.message.safe = true;
        }
    }

    /// Tells what was decided, joined as far as it goes.
    pub(super) fn tell_confirms(&mut self) {
        for (id, channel) in std::mem::take(&mut self.to_confirm) {
            let confirms = self.channel(id, channel);
            let confirms = confirms.and_then(|channel| channel.confirms.as_mut());
            for reply in confirms.map(Confirms::tell).unwrap_or_default() {
                self.say(id, channel, reply);
            }
        }
    }

    /// Whether a queue takes a message now.
    pub(super) fn takes(&self, name: &str) -> bool {
        let queue = self.queues.get(name);
        let policy = self.policies.get(name).copied();
        queue.is_some_and(|queue| queue.state == State::Running && !queue.is_full(policy))
    }

    /// The kind of a queue that is there.
    pub fn kind_of(&self, name: &str) -> Option<Kind> {
        self.queues.get(name).map(|queue| queue.kind)
    }
}

/// The channel that wants an answer.
#[derive(Clone, Copy)]
pub struct Asker {
    pub id: ConnectionId,
    pub channel: ChannelId,
}

impl Asker {
    fn parse(text: &str) -> Option<Self> {
        let (id, channel) = text.split_once('.')?;
        let id = ConnectionId(id.parse().ok()?);
        let channel = channel.parse().ok()?;
        Some(Self { id, channel })
    }

    /// The address that answers go to.
    pub fn address(self) -> String {
        format!("{DIRECT_REPLY}{}.{}", self.id.0, self.channel)
    }
}
