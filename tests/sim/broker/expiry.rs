//! Messages that expire, and reach the next queue at least once.

use super::message::Stay;
use super::method::Reply;
use super::queue::Queue;
use super::timers::Due;
use super::{Broker, Time};
use std::time::Duration;

impl Broker {
    /// What happens of itself, at its time.
    pub(super) fn happen(&mut self, at: Time, due: Due) {
        match due {
            Due::Decided {
                connection,
                channel,
                tag,
                verdict,
                stored,
            } => self.decided((connection, channel), (tag, verdict), stored),
            Due::Transferred { from, to } => self.transferred(&from, &to),
            Due::Expires(queue) => self.expire(&queue, at),
            Due::Sends(id, channel) => self.send_mail(id, channel),
            Due::GoesOn(id, channel) => self.go_on(id, channel),
            Due::Fails(id) => {
                if self.has(id) {
                    self.throw_out(id, 541, "INTERNAL_ERROR");
                }
            }
            Due::LooksAtConsumers => self.look_at_consumers(),
            Due::Elected(queue) => self.elected(&queue),
        }
    }

    /// What has expired at the head of a queue goes on its way.
    fn expire(&mut self, name: &str, now: Time) {
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        let Some(target) = queue.arguments.dead_letters_to() else {
            return self.discard(name, now);
        };
        let target = target.to_owned();
        let mut expired = Vec::new();
        for message in queue.ready.values_mut() {
            if message.expires.is_none_or(|at| at > now) {
                break;
            }
            if message.stay != Stay::Leaving {
                message.stay = Stay::Expired;
                expired.push(message.place);
            }
        }
        for place in expired {
            if !self.takes(&target) {
                let again = now + self.settings.transfers_again;
                self.timers.note(again, Due::Expires(name.to_owned()));
                return;
            }
            let Some(queue) = self.queues.get_mut(name) else {
                return;
            };
            let Some(message) = queue.ready.get_mut(&place) else {
                continue;
            };
            message.stay = Stay::Leaving;
            let copy = message.died_in(name);
            let to = (target.clone(), self.put(&target, copy));
            let from = (name.to_owned(), place);
            let confirmed = Duration::from_micros(500 * (1 + self.random.below(20)));
            self.timers
                .note(now + confirmed, Due::Transferred { from, to });
            self.hand_out(&target);
        }
    }

    fn discard(&mut self, name: &str, now: Time) {
        if let Some(queue) = self.queues.get_mut(name) {
            let expired = |message: &super::message::Message| {
                message.expires.is_some_and(|expires| expires <= now)
            };
            queue.ready.retain(|_, message| !expired(message));
        }
    }

    fn transferred(&mut self, from: &(String, u64), to: &(String, u64)) {
        self.make_safe(&to.0, to.1);
        let Some(queue) = self.queues.get_mut(&from.0) else {
            return;
        };
        queue.ready.remove(&from.1);
    }

    /// Expiries of a queue that was there before the broker was started.
    pub(super) fn note_expiries(&mut self) {
        let queues: Vec<(String, Vec<Time>)> = self
            .queues
            .iter()
            .map(|(name, queue)| (name.clone(), expiries(queue)))
            .collect();
        for (name, times) in queues {
            for at in times {
                self.timers
                    .note(at.max(self.now), Due::Expires(name.clone()));
            }
        }
    }

    /// Ends every connection, telling why.
    pub fn close_all(&mut self, text: &str) {
        let ids: Vec<_> = self.connections.keys().copied().collect();
        for id in ids {
            let (code, text) = (320, text.to_owned());
            self.say(id, 0, Reply::ConnectionClosed { code, text });
            self.end(id);
        }
    }
}

fn expiries(queue: &Queue) -> Vec<Time> {
    let messages = queue.ready.values();
    messages.filter_map(|message| message.expires).collect()
}
