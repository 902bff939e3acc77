//! The world around the broker: time, wires with delays and limits, and what happens when.

mod agenda;
mod port;
mod trace;
mod wire;

pub use port::{ActorId, Happening, Line, Port, Wakes};
pub use trace::Trace;

use crate::broker::method::{ChannelId, ConnectionId, Reply, Request};
use crate::broker::{Broker, Input, Power, Time};
use crate::random::Random;
use crate::sabotage::Sabotage;
use agenda::{Agenda, Event};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};
use wire::Wire;

/// What the run loop does with an event that concerns it.
#[derive(Clone, Debug)]
pub enum Turn {
    Happens(Port, Happening),
    Fault(usize),
    /// The world did it itself.
    Nothing,
}

/// Everything but the actors.
pub struct World {
    pub now: Time,
    pub broker: Broker,
    pub random: Random,
    pub trace: Trace,
    /// The mistake that is made on purpose, if one is.
    pub sabotage: Option<Sabotage>,
    agenda: Agenda,
    wires: BTreeMap<ConnectionId, Wire>,
    /// Whose a connection is, or was.
    owners: BTreeMap<ConnectionId, Port>,
    broker_wakes: Option<Time>,
    epoch: (Instant, SystemTime),
}

impl World {
    pub fn new(broker: Broker, random: Random, trace: Trace, epoch: (Instant, SystemTime)) -> Self {
        Self {
            now: Time::ZERO,
            broker,
            random,
            trace,
            sabotage: None,
            agenda: Agenda::default(),
            wires: BTreeMap::new(),
            owners: BTreeMap::new(),
            broker_wakes: None,
            epoch,
        }
    }

    /// The present time on the clock that measures.
    pub fn instant(&self) -> Instant {
        self.epoch.0 + self.now
    }

    /// The present time on the clock that is shown.
    pub fn wall(&self) -> SystemTime {
        self.epoch.1 + self.now
    }

    /// When that will be, in the world's time.
    pub fn time_of(&self, instant: Instant) -> Time {
        instant.saturating_duration_since(self.epoch.0)
    }

    /// Lets the next thing happen. None: nothing ever happens again.
    pub fn step(&mut self) -> Option<Turn> {
        let (at, event) = self.agenda.next()?;
        self.now = self.now.max(at);
        let turn = match event {
            Event::Arrives(id, number, input) => {
                self.arrives(id, number, input);
                Turn::Nothing
            }
            Event::Said(id, channel, reply) => self.said(id, channel, reply),
            Event::Happens(port, happening) => Turn::Happens(port, happening),
            Event::Broker => {
                self.broker_wakes = None;
                Turn::Nothing
            }
            Event::Fault(number) => Turn::Fault(number),
        };
        self.settle_broker();
        Some(turn)
    }

    /// Takes up what the broker said, and when it wants to go on.
    pub fn settle_broker(&mut self) {
        self.broker.advance(self.now);
        for sent in self.broker.take_sent() {
            let Some(wire) = self.wires.get_mut(&sent.connection) else {
                continue;
            };
            if matches!(sent.reply, Reply::Blocked) {
                wire.stall(self.now);
            }
            if matches!(sent.reply, Reply::Unblocked) {
                wire.flow(self.now);
            }
            let at = wire.next_down(self.now, &mut self.random);
            self.schedule(at, Event::Said(sent.connection, sent.channel, sent.reply));
        }
        if let Some(due) = self.broker.next_due() {
            if self.broker_wakes.is_none_or(|at| due < at) {
                self.broker_wakes = Some(due);
                self.schedule(due, Event::Broker);
            }
        }
    }

    fn schedule(&mut self, at: Time, event: Event) {
        self.agenda.add(at, event);
    }

    /// Has something happen to an actor.
    pub fn happen(&mut self, at: Time, port: Port, happening: Happening) {
        self.schedule(at, Event::Happens(port, happening));
    }

    pub fn fault_at(&mut self, at: Time, number: usize) {
        self.schedule(at, Event::Fault(number));
    }

    /// Tries to connect: told by [`Happening::Connected`] or [`Happening::CannotConnect`].
    pub fn connect(&mut self, port: Port, after: Duration, rate: Option<u64>) {
        /// `--connect-timeout`
        const TIMEOUT: Duration = Duration::from_secs(10);
        let at = self.now + after + self.latency();
        // The attempt is made now, and its result is told later.
        let Some(id) = self.broker.open() else {
            let told = match self.broker.power() {
                Power::Frozen => at + TIMEOUT,
                Power::On | Power::Off => at,
            };
            return self.happen(told, port, Happening::CannotConnect);
        };
        let latency = self.latency();
        self.owners.insert(id, port);
        self.wires.insert(id, Wire::new(port, rate, latency, at));
        self.happen(at, port, Happening::Connected(id));
    }

    fn latency(&mut self) -> Duration {
        let (least, most) = (Duration::from_micros(50), Duration::from_millis(20));
        self.random.between(least, most)
    }

    /// Sends a request.
    pub fn send(&mut self, id: ConnectionId, channel: ChannelId, request: Request) {
        self.trace
            .note(self.now, || format!("{id:?}.{channel} <- {request:?}"));
        let Some(wire) = self.wires.get_mut(&id) else {
            return;
        };
        let (at, number) = wire.next_up(self.now, &request, &mut self.random);
        self.schedule(
            at,
            Event::Arrives(id, number, Input::Request(channel, request)),
        );
    }

    /// How many bytes have left over a connection, and when more will have.
    pub fn written(&mut self, id: ConnectionId) -> Option<(u64, Option<Time>)> {
        let now = self.now;
        Some(self.wires.get_mut(&id)?.written(now))
    }

    fn arrives(&mut self, id: ConnectionId, number: u64, input: Input) {
        if self.wires.get(&id).is_none_or(|wire| wire.carries(number)) {
            self.broker.receive(id, input);
        }
    }

    fn said(&mut self, id: ConnectionId, channel: ChannelId, reply: Reply) -> Turn {
        let Some(wire) = self.wires.get(&id).filter(|wire| wire.is_heard) else {
            return Turn::Nothing;
        };
        let port = wire.port;
        self.trace
            .note(self.now, || format!("{id:?}.{channel} -> {reply:?}"));
        let wire = id;
        Turn::Happens(
            port,
            Happening::Heard {
                wire,
                channel,
                reply,
            },
        )
    }

    /// The client leaves a connection, for whatever reason. What it had sent may arrive or not, but
    /// for `All` of it.
    pub fn hang_up(&mut self, id: ConnectionId, rest: Rest) {
        let Some(wire) = self.wires.get_mut(&id) else {
            return;
        };
        wire.is_heard = false;
        if rest == Rest::Some {
            wire.lose_some(&mut self.random);
        }
        let (at, number) = wire.last_up(self.now);
        self.schedule(at, Event::Arrives(id, number, Input::End));
    }

    /// The network drops a connection: the client and the broker notice after these times.
    pub fn cut(&mut self, id: ConnectionId, client: Duration, broker: Duration) {
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| wire.is_heard) else {
            return;
        };
        wire.is_heard = false;
        wire.lose_some(&mut self.random);
        let (port, from) = (wire.port, wire.stands_from);
        let (_, number) = wire.last_up(self.now);
        let at = (self.now + client).max(from);
        wire.noticed = Some(at);
        self.happen(at, port, Happening::Gone(id));
        self.schedule(self.now + broker, Event::Arrives(id, number, Input::End));
    }

    /// The broker's process is gone, and its connections with it.
    pub fn broker_killed(&mut self, gone: Vec<ConnectionId>) {
        for id in gone {
            if let Some(wire) = self.wires.remove(&id).filter(|wire| wire.is_heard) {
                let at = (self.now + self.latency()).max(wire.stands_from);
                self.happen(at, wire.port, Happening::Gone(id));
            }
        }
    }

    /// Whose a connection is, or was.
    pub fn owner(&self, id: ConnectionId) -> Option<ActorId> {
        self.owners.get(&id).map(|port| port.actor)
    }

    /// What a connection is for, or was.
    pub fn line(&self, id: ConnectionId) -> Option<Line> {
        self.owners.get(&id).map(|port| port.line)
    }

    /// The connections that stand at this port's actor, or at all of them.
    pub fn connections(&self, actor: Option<ActorId>) -> Vec<ConnectionId> {
        let heard = self.wires.iter().filter(|(_, wire)| wire.is_heard);
        let of = heard.filter(|(_, wire)| actor.is_none_or(|actor| wire.port.actor == actor));
        of.map(|(id, _)| *id).collect()
    }

    /// Whether the broker reads what is sent: it does not while it is frozen.
    pub fn stall(&mut self) {
        for wire in self.wires.values_mut() {
            wire.stall(self.now);
        }
    }

    pub fn flow(&mut self) {
        for wire in self.wires.values_mut() {
            wire.flow(self.now);
        }
    }
}

/// What becomes of what was sent and has not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    All,
    Some,
}
