//! What is to be done next.

use super::Core;
use super::action::{Action, Request};
use super::config::Connect;
use super::connection::ConnectionPhase;
use super::message::{Entry, Payload, Sent};
use super::plan::Form;
use super::route::Route;
use super::routes::Routes;
use crate::queues::Destination;
use std::time::Instant;

/// Bytes that a publish takes at least besides its body, its queue's name and its properties:
/// RabbitMQ's frames of a method (17) and of a content header (8).
const FRAMES: usize = 17 + 8;

/// A body of several frames must not be in flight when the broker refuses a declaration: the client
/// library answers that in the middle of it, which breaks the connection. So a larger body than this,
/// in bytes, waits for the answer to the declarations.
const ONE_FRAME: usize = 100 * 1024;

impl<P: Payload> Core<P> {
    /// What is to be done next. To be called until it is [`Action::Wait`].
    pub fn poll(&mut self, now: Instant) -> Action<'_, P> {
        if self.patience.checked != Some(now) {
            self.check(now);
            self.patience.checked = Some(now);
        }
        if let Some(action) = self.outbox.pop_front() {
            return action;
        }
        if self.in_flight.is_empty() {
            // It may have been taken out by its owner.
            self.suspects.none_in_flight();
        }
        if self.connection.phase == ConnectionPhase::Closed && self.is_connection_wanted() {
            self.connection.phase = ConnectionPhase::Opening;
            let pause = self.connection.pause();
            let work = &self.routes[Routes::<P>::WORK];
            let looks =
                work.declaration.wants() == Some(Form::Look) && self.is_needed(Routes::<P>::WORK);
            let look_for = looks.then(|| work.queue.to_string());
            return Action::Connect { pause, look_for };
        }
        if let Some(index) = self.next_declaration(now) {
            return self.declare(index, now);
        }
        if self.is_channel_wanted(now) {
            let left = self.take_in_flight(Sent::Perhaps);
            self.routes.take_back(left);
            self.connection.channel = ConnectionPhase::Opening;
            return Action::OpenChannel;
        }
        if self.may_measure() && self.backlog.asks_at(now).is_some_and(|at| at <= now) {
            self.backlog.ask();
            return Action::Measure;
        }
        match self.next_entry(now) {
            Some(entry) => self.publish(entry, now),
            None => match self.next_declaration(now) {
                // A large body waits for it.
                Some(index) => self.declare(index, now),
                None => Action::Wait(self.next_due(now)),
            },
        }
    }

    fn is_connection_wanted(&self) -> bool {
        self.config.connect == Connect::Always
            || self.suspects.len() > 0
            || self.routes.iter().any(Route::has_pending)
    }

    /// Whether the queue's length would be that of all that was sent.
    fn may_measure(&self) -> bool {
        self.in_flight.is_empty() && self.connection.channel == ConnectionPhase::Open
    }

    /// The next queue to be declared, or asked for.
    fn next_declaration(&self, now: Instant) -> Option<usize> {
        if !self.connection.is_open() {
            return None;
        }
        let channel_is_open = self.connection.channel == ConnectionPhase::Open;
        (0..self.routes.len()).find(|&index| {
            let route = &self.routes[index];
            let wants = match route.declaration.wants() {
                Some(Form::Blind) => channel_is_open && self.is_blind_due(index),
                Some(Form::Check) => channel_is_open,
                Some(_) => true,
                None => false,
            };
            wants && self.is_needed(index) && route.pace.is_open(now)
        })
    }

    /// Whether this queue is to be there now.
    fn is_needed(&self, index: usize) -> bool {
        self.routes.is_needed(index) || self.has_suspects_that_need(index)
    }

    fn has_suspects_that_need(&self, index: usize) -> bool {
        let mut suspects = self.suspects.iter();
        suspects.any(|entry| self.routes.needs(entry.route, index))
    }

    /// Whether a queue is to be declared without waiting: right before something is published, so
    /// that a refusal does not come in the middle of it.
    fn is_blind_due(&self, index: usize) -> bool {
        self.routes.has_pending_that_need(index)
            || self.has_suspects_that_need(index)
            || (index == Routes::<P>::WORK && self.backlog.is_wanted())
    }

    fn declare(&mut self, index: usize, now: Instant) -> Action<'_, P> {
        let at = self.routes.real(&self.routes[index].to);
        let route = &mut self.routes[index];
        let form = route.declaration.wants().unwrap_or(Form::Look);
        route.declaration.asked();
        route.question = Some(self.connection.ask(now));
        Action::Declare(Request {
            to: route.to.clone(),
            at,
            queue: route.queue.to_string(),
            form,
        })
    }

    /// Whether a channel is to be opened: there is none and something to publish. Or refusals may be
    /// the fault of the one there is, or its end the fault of a message that was taken out.
    fn is_channel_wanted(&mut self, now: Instant) -> bool {
        match self.connection.channel {
            ConnectionPhase::Opening => false,
            ConnectionPhase::Open => {
                let is_tainted = self.in_flight.has_taken_out();
                self.in_flight.is_empty()
                    && (self.is_draining(now) || (is_tainted && self.is_one_at_a_time(now)))
            }
            ConnectionPhase::Closed => {
                if !self.connection.may_open_channel(now) {
                    return false;
                }
                let is_idle = self
                    .routes
                    .iter()
                    .all(|route| !route.declaration.is_asked());
                (self.config.connect == Connect::Always && is_idle)
                    || self.is_one_at_a_time(now)
                    || (0..self.routes.len()).any(|index| self.may_use_channel(index))
            }
        }
    }

    fn may_use_channel(&self, index: usize) -> bool {
        let route = &self.routes[index];
        let is_blind = matches!(route.declaration.wants(), Some(Form::Blind | Form::Check));
        (route.has_pending() && self.routes.is_ready(index)) || (is_blind && self.is_needed(index))
    }

    /// The next message to publish.
    fn next_entry(&mut self, now: Instant) -> Option<Entry<P>> {
        if !self.connection.may_publish(self.in_flight.len()) || self.is_draining(now) {
            return None;
        }
        if self.is_one_at_a_time(now) {
            return self.next_suspect(now);
        }
        let index = self
            .routes
            .next(|route| route.pace.is_open(now) && route.pace.window.has_room())?;
        if self.routes[index].next_body_len() > ONE_FRAME && self.routes.check(index) {
            return None;
        }
        self.routes[index].pop()
    }

    /// Whether messages must be sent one at a time now.
    pub(super) fn is_one_at_a_time(&self, now: Instant) -> bool {
        self.suspects
            .is_active(now, |route| self.routes.is_open(route, now))
    }

    /// The next message to publish alone. One that its queue would not take now waits, and holds up
    /// nobody else.
    fn next_suspect(&mut self, now: Instant) -> Option<Entry<P>> {
        if !self.in_flight.is_empty() {
            return None;
        }
        let may = |route| self.routes.is_open(route, now);
        let next = self.suspects.next(now, may)?;
        let (number, route) = (next.number, next.route);
        if next.payload.body_len() > ONE_FRAME && self.routes.check(route) {
            return None;
        }
        self.suspects.send_alone(number)
    }

    fn publish(&mut self, entry: Entry<P>, now: Instant) -> Action<'_, P> {
        let bytes = entry.payload.body_len();
        let route = &mut self.routes[entry.route];
        let wire = FRAMES + bytes + entry.payload.header_len() + route.queue.len();
        let mark = self.connection.hand_over(wire);
        if self.in_flight.is_empty() {
            self.connection.silence.began(mark, now);
            if entry.number > self.patience.newest {
                self.patience.progress = now;
            }
        }
        self.patience.newest = self.patience.newest.max(entry.number);
        route.published(bytes, mark, now);
        self.in_flight.published(entry);
        let Some(entry) = self.in_flight.last() else {
            return Action::Wait(Some(now));
        };
        let queue = match &entry.to {
            Destination::Reply(address) | Destination::Results(address) => address,
            Destination::Work | Destination::Delay(_) | Destination::Dead(_) => &*route.queue,
        };
        Action::Publish {
            queue,
            number: entry.number,
            payload: &entry.payload,
        }
    }

    /// When something is to be done although nothing comes in.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let connection = &self.connection;
        if !connection.is_open() {
            return None;
        }
        let deadline = self.next_deadline(now);
        let routes = (0..self.routes.len()).filter_map(|index| self.route_due(index, now));
        let backlog = self
            .backlog
            .asks_at(now)
            .filter(|_| self.in_flight.is_empty());
        let channel = connection
            .channel_from()
            .filter(|_| connection.channel == ConnectionPhase::Closed);
        let suspect = self.suspects.next_due(now);
        [deadline, backlog, channel, suspect]
            .into_iter()
            .flatten()
            .chain(routes)
            .filter(|at| *at > now)
            .min()
    }

    /// When the route is released, or opened again.
    fn route_due(&self, index: usize, now: Instant) -> Option<Instant> {
        let route = &self.routes[index];
        let held = self.routes.may_be_proven_at(index);
        let held = held.filter(|_| route.held() > 0);
        let closed = route.pace.closed_until();
        let closed = closed.filter(|at| *at > now && self.is_needed(index));
        let renewal = route.pace.renew_at();
        let renewal = renewal.filter(|at| *at > now && route.has_pending());
        held.into_iter().chain(closed).chain(renewal).min()
    }
}
