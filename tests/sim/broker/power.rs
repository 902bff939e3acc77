//! Faults of the whole broker: killed, restarted, frozen, out of memory.

use super::declaration::Kind;
use super::method::ConnectionId;
use super::queue::State;
use super::timers::Due;
use super::{Alarm, Broker, Power, Random};
use std::time::Duration;

impl Broker {
    /// `kill -9`. Returns the connections that are gone.
    pub fn kill(&mut self) -> Vec<ConnectionId> {
        let gone = self.connections.keys().copied().collect();
        self.power = Power::Off;
        self.timers.clear();
        self.outbox.clear();
        self.watches = false;
        let connections = std::mem::take(&mut self.connections);
        let channels = connections
            .into_values()
            .flat_map(|connection| connection.channels.into_values());
        for held in channels.flat_map(|channel| channel.unsettled.into_values()) {
            self.put_back(held, None);
        }
        let (now, series) = (self.now, self.settings.series);
        let mut random = Random::new(self.random.next());
        for queue in self.queues.values_mut() {
            self.lost.extend(queue.survive(now, series, &mut random));
        }
        gone
    }

    /// An orderly stop: all that was stored stays, and clients are told.
    pub fn stop(&mut self) {
        self.close_all(
            "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
        );
        self.power = Power::Off;
        self.timers.clear();
        self.watches = false;
        for queue in self.queues.values_mut() {
            if queue.state == State::Electing {
                queue.state = State::Running;
                queue.elected = None;
            }
            for message in queue.ready.values_mut() {
                message.safe = true;
                message.is_back();
            }
        }
    }

    /// Starts a broker that was killed or stopped.
    pub fn start(&mut self) {
        if self.power == Power::Off {
            self.power = Power::On;
            // A broker that was short of memory no longer is.
            self.alarm = Alarm::Off;
            self.note_expiries();
        }
    }

    /// Stops the process in mid-air.
    pub fn freeze(&mut self) {
        if self.power == Power::On {
            self.power = Power::Frozen;
        }
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        if self.power == Power::Frozen {
            self.power = Power::On;
            self.read_all();
        }
    }

    pub fn power(&self) -> Power {
        self.power
    }

    /// A memory alarm.
    pub fn raise_alarm(&mut self) {
        if self.power == Power::On {
            self.alarm = Alarm::On;
        }
    }

    /// Its end.
    pub fn clear_alarm(&mut self) {
        self.alarm = Alarm::Off;
        if self.power == Power::On {
            self.unblock_all();
        }
    }

    /// A quorum queue loses its leader for a time.
    pub fn lose_leader(&mut self, name: &str, for_: Duration) {
        let until = self.now + for_;
        if let Some(queue) = self.queues.get_mut(name) {
            if queue.kind == Kind::Quorum && queue.state == State::Running {
                queue.state = State::Electing;
                queue.elected = Some(until);
                self.timers.note(until, Due::Elected(name.to_owned()));
            }
        }
    }

    pub(super) fn elected(&mut self, name: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            if queue.state == State::Electing {
                queue.state = State::Running;
                queue.elected = None;
                self.hand_out(name);
            }
        }
    }

    /// The node of a classic queue goes down: its consumers are told, and what they hold goes back.
    pub fn take_node_down(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else {
            return;
        };
        if queue.kind != Kind::Classic {
            return;
        }
        queue.state = State::NodeDown;
        let consumers = queue.take_consumers();
        for subscriber in consumers {
            self.cancel_by_broker(subscriber);
        }
        let mut held = Vec::new();
        for connection in self.connections.values_mut() {
            for channel in connection.channels.values_mut() {
                held.extend(channel.take_all_of(name));
            }
        }
        for held in held {
            self.put_back(held, None);
        }
    }

    /// It comes back.
    pub fn bring_node_up(&mut self, name: &str) {
        if let Some(queue) = self.queues.get_mut(name) {
            if queue.state == State::NodeDown {
                queue.state = State::Running;
                self.hand_out(name);
            }
        }
    }
}
