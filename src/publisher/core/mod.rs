//! The publishing core: gets each message confirmed, or finds out why that cannot be.
//!
//! A state machine without I/O, threads, clock or randomness. [`Core::handle`] takes an [`Input`]
//! and the present time; [`Core::poll`] returns the next [`Action`] until that is
//! [`Action::Wait`]. Its driver carries out the actions and hands back their results: `driver` with
//! a real broker, a simulation with a model of one.
//!
//! What it promises:
//! - Each message gets exactly one [`Verdict`]. Until then it is sent again, for as long as the
//!   [`Config`] allows. Messages without one can be taken out with [`Core::take_unfinished`].
//! - A verdict concerns one message. After the end of a channel or connection that a message may
//!   have caused, those that were in flight are sent one at a time, until the cause is found.
//! - Destinations are independent. One that refuses, is not there or does not confirm slows down
//!   nobody else.
//! - A confirm by a quorum queue that was made less than two seconds ago does not count yet. If the
//!   connection breaks in that time, the message is sent again.
//! - A message of which bytes still leave is not given up.
//! - A result that nobody can receive counts as confirmed.
//!
//! The parts keep their own state and return values: the routes to all destinations, each with its
//! declaration, pace and silence; the messages in flight; the suspects; the limits.

mod action;
mod age;
mod backlog;
mod blame;
mod config;
mod connection;
mod declaration;
mod declarations;
mod ends;
mod faults;
mod in_flight;
mod inputs;
mod limits;
mod message;
mod outstanding;
mod overdue;
mod pace;
mod plan;
mod poll;
mod queues;
mod route;
mod routes;
mod settling;
mod silence;
mod suspects;
#[cfg(test)]
mod tests;
mod window;

pub use crate::queues::Destination;
pub use action::{Action, FirstChannel, Input, Notice, Request, Scope, Verdict};
pub use config::{Backlog, Config, Connect};
pub use faults::refusal as describe;
pub use message::{Message, Payload, Sent};
pub use pace::Refusal;
pub use plan::Form;
pub use queues::{Needed, Queues, Upkeep};
pub use silence::PATIENCE;
pub use window::Size;

use crate::base::fault::Fault;
use backlog::BacklogLimit;
use connection::{Connection, ConnectionPhase};
use in_flight::InFlight;
use limits::Limits;
use message::Entry;
use routes::Routes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use suspects::Suspects;

/// The engine that gets messages confirmed.
#[derive(Debug)]
pub struct Core<P: 'static> {
    config: Config,
    routes: Routes<P>,
    in_flight: InFlight<P>,
    suspects: Suspects<P>,
    limits: Limits,
    backlog: BacklogLimit,
    connection: Connection,
    patience: Patience,
    /// Verdicts and notices to be given.
    outbox: VecDeque<Action<'static, P>>,
}

/// When to give up.
#[derive(Debug)]
struct Patience {
    /// The last time that something was confirmed, or that a new message was sent when none was
    /// in flight. The time without a connection does not count.
    progress: Instant,
    /// The highest number that was sent.
    newest: u64,
    /// Since when there has been no connection.
    down_since: Option<Instant>,
    /// Until when to go on listening although something is too late.
    overdue: Option<Instant>,
    /// The time-driven state was brought up to this moment.
    checked: Option<Instant>,
}

impl<P: Payload> Core<P> {
    /// A core that has not begun.
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            routes: Routes::new(config.queues.clone(), config.window, now),
            in_flight: InFlight::default(),
            suspects: Suspects::default(),
            limits: Limits::default(),
            backlog: BacklogLimit::new(config.backlog),
            connection: Connection::new(now),
            patience: Patience {
                progress: now,
                newest: 0,
                down_since: Some(now),
                overdue: None,
                checked: None,
            },
            outbox: VecDeque::new(),
            config,
        }
    }

    /// Has the queue of this destination declared as soon as there is a connection: messages will
    /// go there.
    pub fn prepare(&mut self, to: &Destination, now: Instant) {
        let suspects = &self.suspects;
        let is_used = |index| suspects.has_route(index);
        let index = self.routes.find(to, is_used, now);
        self.routes[index].wanted = true;
    }

    /// Whether a message to `to` would be published at once. Call this only with a message at hand:
    /// with [`Config::backlog`] it may start a question to the broker.
    pub fn has_room(&mut self, to: &Destination, now: Instant) -> bool {
        let Some(index) = self.routes.position(to) else {
            return false;
        };
        // Before all else: the connection may have nothing else to open a channel for.
        self.may_accept(index)
            && self.connection.may_publish(self.in_flight.len())
            && !self.is_one_at_a_time(now)
            && !self.is_draining(now)
            && {
                let route = &mut self.routes[index];
                !route.has_pending() && route.pace.is_open(now) && route.pace.window.has_room()
            }
            && self.backlog.is_open()
    }

    /// Whether the queue is known to be there. If not it is asked for: messages to it may have been
    /// refused, and nothing else would look for it.
    fn may_accept(&mut self, index: usize) -> bool {
        let may = self.routes.may_accept(index);
        self.routes[index].wanted |= !may;
        may
    }

    /// Whether the broker reads nothing on this connection for now: no answer would come to a request.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.connection.blocked.is_some()
    }

    /// Whether all messages have their verdicts.
    #[must_use]
    pub fn is_idle(&mut self) -> bool {
        self.outbox.is_empty()
            && self.suspects.len() == 0
            && self
                .routes
                .iter()
                .all(|route| !route.has_pending() && route.held() == 0)
            && self.in_flight.all_withdrawn()
    }

    /// How many messages have no verdict.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        let waiting = self
            .routes
            .iter()
            .map(|route| route.pending() + route.held());
        self.in_flight.len() + self.suspects.len() + waiting.sum::<usize>()
    }

    /// The next verdict or notice, where nothing else is to be done any more.
    pub fn next_output(&mut self) -> Option<Action<'static, P>> {
        self.outbox.pop_front()
    }

    /// How it was set up.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Takes out all that has no verdict, by number, and whether it may have arrived.
    pub fn take_unfinished(&mut self) -> Vec<(u64, P, Sent)> {
        let mut all = self.take_in_flight(Sent::Perhaps);
        all.extend(self.suspects.take_all());
        for route in self.routes.iter_mut() {
            all.extend(route.take_pending());
            all.extend(route.release().into_iter().map(Entry::perhaps));
        }
        all.sort_unstable_by_key(|entry| entry.number);
        all.into_iter()
            .map(|entry| (entry.number, entry.payload, entry.sent))
            .collect()
    }

    /// The last time that something was confirmed, or that a new message was sent when none was in
    /// flight.
    #[must_use]
    pub fn progress(&self) -> Instant {
        self.patience.progress
    }

    fn confirmed(&mut self, entry: Entry<P>) {
        let queue = &self.routes[entry.route].queue;
        self.outbox.push_back(confirmed(entry, queue));
    }

    fn refused(&mut self, entry: Entry<P>, fault: Fault, scope: Scope) {
        self.outbox.push_back(Action::Verdict(Verdict::Refused {
            number: entry.number,
            payload: entry.payload,
            fault,
            scope,
        }));
    }

    fn tell(&mut self, notice: Notice) {
        self.outbox.push_back(Action::Tell(notice));
    }

    /// Whether publishing waits until nothing is in flight, so that a new channel can be opened.
    fn is_draining(&self, now: Instant) -> bool {
        self.connection.channel == ConnectionPhase::Open
            && self
                .routes
                .iter()
                .any(|route| route.has_pending() && route.pace.wants_channel(now))
    }
}

fn confirmed<P>(entry: Entry<P>, queue: &Arc<str>) -> Action<'static, P> {
    Action::Verdict(Verdict::Confirmed {
        number: entry.number,
        queue: Arc::clone(queue),
        payload: entry.payload,
    })
}

fn withdrawn<P>(number: u64, sent: Sent) -> Action<'static, P> {
    Action::Verdict(Verdict::Withdrawn { number, sent })
}
