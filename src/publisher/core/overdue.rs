//! What is done when time passes and nothing comes in.

use super::action::{Action, Notice};
use super::connection::ConnectionPhase;
use super::message::{Entry, Payload, Sent};
use super::pace::Refusal;
use super::route::Route;
use super::silence::PATIENCE;
use super::{Core, faults};
use crate::queues::Destination;
use std::time::{Duration, Instant};

/// After a refusal, how long to wait for further verdicts before the rest is sent again.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);

/// How long all publishing may wait for what is in flight, so that a new channel can be opened.
const DRAINING: Duration = Duration::from_secs(4);

/// How long a queue that does not confirm, while others do, keeps its connection.
const SILENT_ALONE: Duration = Duration::from_secs(60);

/// How long to go on listening when something is too late: if this process was stopped, or blocked
/// in its own output, what the broker said is only just coming in.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// What is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLate {
    /// Nothing was confirmed for as long as that may take.
    Stalled,
    /// The broker says nothing at all.
    Silent,
    /// The delay queue of this route does not confirm.
    QueueSilent(usize),
    /// The queue of this route has refused some messages, and does not settle the others.
    Unsettled(usize),
}

impl<P: Payload> Core<P> {
    /// Does what the time demands.
    pub(super) fn check(&mut self, now: Instant) {
        if !self.connection.is_open() {
            return;
        }
        self.release_held(now);
        self.tell_refusals(now);
        self.limit_draining(now);
        let late = self.deadlines().find(|(at, _)| *at <= now);
        match late.map(|(_, why)| why) {
            None => self.patience.overdue = None,
            Some(why) => {
                let until = *self.patience.overdue.get_or_insert(now + SECOND_LOOK);
                if until <= now {
                    self.act(why, now);
                    // Something else may be too late as well.
                    let is_late = self.deadlines().any(|(at, _)| at <= now);
                    self.patience.overdue = is_late.then_some(now + SECOND_LOOK);
                }
            }
        }
    }

    /// Reports confirms that were held until their queue was old enough: the broker has been up all
    /// the time. If the queue is gone, the messages are sent again.
    fn release_held(&mut self, now: Instant) {
        for index in 0..self.routes.len() {
            if self.routes[index].held() == 0 {
                continue;
            }
            // Without the work queue a delayed task would come to nothing.
            if self.routes.is_missing(index) {
                let again = self.routes[index].release().into_iter();
                let again = again.map(Entry::perhaps).collect();
                self.routes.take_back(again);
            } else if self.routes.is_young(index) {
                self.routes.prove(index, now);
            } else {
                self.patience.progress = now;
                for entry in self.routes[index].release() {
                    self.confirmed(entry);
                }
            }
        }
    }

    fn tell_refusals(&mut self, now: Instant) {
        let Self {
            outbox, suspects, ..
        } = self;
        for (index, route) in self.routes.iter_mut().enumerate() {
            let waiting = route.pending() + suspects.count_of(index);
            if waiting == 0 || route.in_flight().messages > 0 {
                continue;
            }
            if let Some(refusal) = route.pace.tell(now) {
                outbox.push_back(Action::Tell(Notice::Refused {
                    queue: route.queue.clone(),
                    waiting,
                    refusal,
                }));
            }
        }
    }

    /// One destination's wish for a new channel must not hold up the others for long.
    fn limit_draining(&mut self, now: Instant) {
        if !self.is_draining(now) {
            self.connection.draining_since = None;
            return;
        }
        let since = *self.connection.draining_since.get_or_insert(now);
        if since + DRAINING <= now {
            self.connection.draining_since = None;
            for route in self.routes.iter_mut() {
                route.pace.put_off_renewal(now);
            }
        }
    }

    /// The next moment to look whether something is too late.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let next = self.deadlines().map(|(at, _)| at).min();
        let next = match self.patience.overdue {
            Some(until) if next.is_some_and(|at| at <= now) => Some(until),
            _ => next,
        };
        let draining = self.connection.draining_since.map(|since| since + DRAINING);
        next.into_iter()
            .chain(draining)
            .filter(|at| *at > now)
            .min()
    }

    /// What will be too late, and when.
    fn deadlines(&self) -> impl Iterator<Item = (Instant, TooLate)> {
        let in_flight = !self.in_flight.is_empty();
        let is_waiting = in_flight || self.is_refused();
        let stalled = self.stalled_at().filter(|_| is_waiting);
        let stalled = stalled.map(|at| (at, TooLate::Stalled));
        let is_listening = in_flight && self.connection.blocked.is_none();
        let routes = self.routes.iter().enumerate();
        let routes = routes
            .filter(move |(_, route)| is_listening && route.in_flight().messages > 0)
            .map(|(index, route)| {
                let bytes = route.in_flight().bytes;
                let deadline = |patience| route.silence.deadline(bytes, patience);
                match (route.pace.refusal(), &route.to) {
                    (Some(Refusal::Nack | Refusal::Unroutable(_)), _) => {
                        (deadline(AFTER_REFUSAL), TooLate::Unsettled(index))
                    }
                    (_, Destination::Delay(_)) => (deadline(PATIENCE), TooLate::QueueSilent(index)),
                    _ => (deadline(SILENT_ALONE), TooLate::Silent),
                }
            });
        // A declaration that is not answered ends the connection, but not soon if others are served.
        let patience = if in_flight { SILENT_ALONE } else { PATIENCE };
        let asked = self.routes.iter().filter_map(Route::open_question);
        let asked = asked.map(move |asked| (asked.deadline(patience), TooLate::Silent));
        let silent = is_listening.then(|| {
            let bytes = self.routes.iter().map(|route| route.in_flight().bytes);
            let silence = &self.connection.silence;
            (silence.deadline(bytes.sum(), PATIENCE), TooLate::Silent)
        });
        stalled.into_iter().chain(routes).chain(asked).chain(silent)
    }

    /// Whether a destination for which messages wait does not take them.
    pub(super) fn is_refused(&self) -> bool {
        let mut routes = self.routes.iter().enumerate();
        routes.any(|(index, route)| {
            route.pace.refusal().is_some()
                && (route.has_pending() || self.suspects.has_route(index))
        })
    }

    /// When nothing will have been confirmed for as long as that may take.
    fn stalled_at(&self) -> Option<Instant> {
        self.patience
            .progress
            .checked_add(self.config.confirm_timeout?)
    }

    /// How much longer nothing may be confirmed.
    pub(super) fn patience_left(&self, now: Instant) -> Option<Duration> {
        Some(self.stalled_at()?.saturating_duration_since(now))
    }

    fn act(&mut self, why: TooLate, now: Instant) {
        match why {
            TooLate::Stalled => self.give_up(now),
            TooLate::Silent => {
                let since = self.connection.silence.since();
                let fault = faults::silent(now.saturating_duration_since(since));
                self.connection.silence.give_up();
                for route in self.routes.iter_mut() {
                    if route.in_flight().messages > 0 {
                        route.silence.give_up();
                    }
                }
                self.outbox.push_back(Action::Disconnect);
                self.leave_connection(fault, now);
            }
            TooLate::QueueSilent(index) => {
                self.take_back_route(index, now);
                self.routes.lengthen_delay(index);
            }
            TooLate::Unsettled(index) => {
                self.take_back_route(index, now);
                if self.in_flight.is_empty() {
                    self.connection.channel = ConnectionPhase::Closed;
                }
            }
        }
    }

    /// What is in flight to this destination is sent again; what is to others goes on.
    fn take_back_route(&mut self, index: usize, now: Instant) {
        let entries = self.in_flight.take_route(index);
        let again = self.out_of_flight(entries, Sent::Perhaps);
        let route = &mut self.routes[index];
        route.silence.give_up();
        route.silence.restart(now);
        self.routes.take_back(again);
    }

    /// Gives up, as nothing was confirmed in time.
    pub(super) fn give_up(&mut self, now: Instant) {
        let Some(limit) = self.config.confirm_timeout else {
            return;
        };
        let declare = self.config.queues.work.declare;
        let refusal = self.routes.iter().find_map(|route| {
            let refusal = route.pace.refusal()?;
            Some(faults::refusal(refusal, &route.queue, declare))
        });
        let fault = faults::gave_up(
            &self.config.queues.work.name,
            limit,
            self.unfinished(),
            self.connection.blocked.as_deref(),
            refusal,
        );
        self.patience.progress = now;
        self.outbox.push_back(Action::GiveUp(fault));
    }
}
