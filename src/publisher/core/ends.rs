//! What the end of a channel or connection means for the messages that were in flight.

use super::action::{Action, Notice, Scope};
use super::blame::{Blame, blame};
use super::connection::ConnectionPhase;
use super::message::{Entry, Payload, Sent};
use super::pace::Refusal;
use super::route::Route;
use super::routes::Named;
use super::{Core, faults};
use crate::base::fault::{Fault, Kind};
use crate::queues::Destination;
use std::time::{Duration, Instant};

impl<P: Payload> Core<P> {
    /// The broker has closed the channel, and the connection stands.
    pub(super) fn channel_closed(&mut self, fault: &Fault, now: Instant) {
        self.connection.channel_closed(now);
        self.backlog.channel_closed();
        let alone = self.in_flight.is_alone();
        let is_declaration = self.is_about_a_declaration(fault);
        // What came after a declaration that failed was discarded, as was the cause; those before it
        // may have been taken.
        let is_discarded = is_declaration || (alone && blame(fault) != Blame::Nobody);
        let sent = if is_discarded {
            Sent::No
        } else {
            Sent::Perhaps
        };
        let entries = self.take_in_flight(sent);
        if is_declaration {
            if self.suspects.is_alone() {
                self.suspects.suspect(entries, None);
            } else {
                self.routes.take_back(entries);
            }
            return self.declare_otherwise(fault, now);
        }
        if let Some(entries) = self.refuse_too_large(entries, fault, now) {
            self.find_cause(entries, alone, fault, now);
        }
    }

    /// If the broker closed the channel over a body that is too large: refuses those, and has the
    /// others sent again. If not, gives all of them back.
    fn refuse_too_large(
        &mut self,
        entries: Vec<Entry<P>>,
        fault: &Fault,
        now: Instant,
    ) -> Option<Vec<Entry<P>>> {
        if !self.limits.learn_body(fault, now) {
            return Some(entries);
        }
        let limits = &self.limits;
        let (mut too_large, others): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|entry| limits.is_too_large(&entry.payload));
        // It may have been taken out of flight, as its queue was silent for too long.
        too_large.extend(
            self.routes.iter_mut().flat_map(|route| {
                route.take_pending_if(|entry| limits.is_too_large(&entry.payload))
            }),
        );
        if too_large.is_empty() {
            return Some(others);
        }
        self.routes.take_back(others);
        for entry in too_large {
            self.refused(entry, fault.clone(), Scope::Message);
        }
        let innocent = self.suspects.release();
        self.routes.take_back(innocent);
        None
    }

    /// Whether a declaration on that channel, still unanswered, may be the cause.
    fn is_about_a_declaration(&self, fault: &Fault) -> bool {
        let is_open = |route: &Route<P>| route.declaration.is_open();
        faults::largest_body(fault).is_none()
            && (self.routes.named_in(fault).is_some() || self.routes.iter().any(is_open))
    }

    /// Makes the declaration that was refused once more, on its own and in another way.
    fn declare_otherwise(&mut self, fault: &Fault, now: Instant) {
        match self.routes.named_in(fault) {
            Some(Named::Missing(index)) => return self.routes[index].declaration.missing(),
            Some(Named::Differs(index)) => {
                if !self.routes.lengthen_delay(index) {
                    self.routes[index].declaration.verify();
                }
                return;
            }
            Some(Named::Down(index)) => {
                let why = Refusal::Undeclared(fault.to_string());
                let route = &mut self.routes[index];
                route.pace.refused(why, self.config.keep_channel, now);
                return route.declaration.doubt();
            }
            None => {}
        }
        let code = fault.reply().map(|reply| reply.code);
        let is_final = fault.kind == Kind::Queue && matches!(code, Some(404 | 405));
        for index in 0..self.routes.len() {
            if !self.routes[index].declaration.is_open() {
                continue;
            }
            self.routes[index].declaration.verify();
            if is_final {
                // No other form would be accepted.
                self.refuse_route(index, fault);
            }
        }
    }

    /// The connection is gone.
    pub(super) fn connection_lost(&mut self, fault: Fault, now: Instant) {
        if self.connection.phase != ConnectionPhase::Open {
            // It was given up before.
            return;
        }
        if blame(&fault) == Blame::Nobody && !self.in_flight.is_empty() {
            self.suspects.lost();
        }
        self.leave_connection(fault, now);
    }

    /// What was in flight or held is sent again over another connection.
    pub(super) fn leave_connection(&mut self, fault: Fault, now: Instant) {
        if self.in_flight.is_empty() {
            self.connection.was_idle(now);
        }
        let useless_for = self.connection.lost(now);
        self.patience.down_since = Some(now);
        self.backlog.channel_closed();
        let alone = self.in_flight.is_alone();
        let entries = self.take_in_flight(Sent::Perhaps);
        let mut again = entries.len();
        for route in self.routes.iter_mut() {
            let held = route.release();
            again += held.len();
            route.take_back(held.into_iter().map(Entry::perhaps).collect());
            route.declaration.connection_lost();
        }
        // Whatever else may end a connection: only what was sent alone by order counts.
        let alone = alone && (self.suspects.is_alone() || blame(&fault) == Blame::Nobody);
        self.find_cause(entries, alone, &fault, now);
        self.tell(Notice::Lost {
            fault: fault.clone(),
            again,
        });
        let limit = self.config.retry_for;
        if limit.is_some_and(|limit| useless_for > limit.max(Duration::from_millis(1))) {
            self.outbox.push_back(Action::GiveUp(fault));
        } else if (again > 0 || self.is_refused())
            && self.patience_left(now) == Some(Duration::ZERO)
        {
            self.give_up(now);
        }
    }

    /// One of these has ended the channel or connection, perhaps. `alone`: nothing else was in
    /// flight.
    fn find_cause(&mut self, mut entries: Vec<Entry<P>>, alone: bool, fault: &Fault, now: Instant) {
        let blame = blame(fault);
        if blame == Blame::Nobody && !self.suspects.is_suspicious() {
            return self.routes.take_back(entries);
        }
        if !alone || entries.len() != 1 {
            let code = fault.reply().map(|reply| reply.code);
            return self.suspects.suspect(entries, code);
        }
        let Some(entry) = entries.pop() else { return };
        // An address that the broker cannot read, or whose node is gone, is the cause for certain.
        let is_reply = matches!(entry.to, Destination::Reply(_));
        let blame = match blame {
            Blame::Perhaps if is_reply => Blame::Surely,
            blame => blame,
        };
        if let Some(entry) = self.suspects.tried(entry, blame, now) {
            self.refuse_cause(entry, fault);
            let innocent = self.suspects.release();
            self.routes.take_back(innocent);
        }
    }

    /// The broker will never take this one.
    fn refuse_cause(&mut self, entry: Entry<P>, fault: &Fault) {
        if let (Destination::Reply(address), true) = (&entry.to, fault.is_transient()) {
            // It cost the connection, and would again.
            self.limits.dead_end(address.clone());
            return self.confirmed(entry);
        }
        match fault.kind {
            // No other message would be taken.
            Kind::Refused => self.refused(entry, fault.clone(), Scope::Destination),
            _ => self.refused(entry, faults::never_taken(fault.clone()), Scope::Message),
        }
    }
}
