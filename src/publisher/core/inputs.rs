//! How the core handles its inputs.

use super::action::{Action, FirstChannel, Input, Notice, Scope};
use super::connection::ConnectionPhase;
use super::limits::Expected;
use super::message::{Entry, Mark, Message, Payload, Sent};
use super::routes::Routes;
use super::{Core, withdrawn};
use crate::amqp::PublishNews;
use std::time::Instant;

impl<P: Payload> Core<P> {
    /// Takes in what happened.
    pub fn handle(&mut self, input: Input<P>, now: Instant) {
        if !matches!(input, Input::Message(_)) {
            self.patience.checked = None;
        }
        match input {
            Input::Message(message) => self.message(message, now),
            Input::Withdraw(number) => self.withdraw(number),
            Input::Answered(number) => self.answered(number, now),
            Input::Connected(first_channel) => self.connected(first_channel, now),
            Input::ConnectFailed(fault) => {
                self.connection.lost(now);
                // Where that may pass, it is tried again.
                if !fault.is_transient() || self.config.retry_for.is_some() {
                    self.outbox.push_back(Action::GiveUp(fault));
                }
            }
            Input::ChannelOpened => self.channel_opened(now),
            Input::Declared {
                queue,
                queue_type,
                adopted,
            } => {
                for index in self.routes.all_of_queue(&queue) {
                    self.declared(index, queue_type, adopted.clone(), now);
                }
            }
            Input::DeclarationRefused { queue, fault } => {
                for index in self.routes.all_of_queue(&queue) {
                    self.declaration_refused(index, &fault, now);
                }
            }
            Input::Measured(ready) => self.measured(ready, now),
            Input::MeasureRefused(fault) => self.measure_refused(fault, now),
            Input::News(news) => self.news(news, now),
            Input::ChannelClosed(fault) => self.channel_closed(&fault, now),
            Input::ConnectionLost(fault) => self.connection_lost(fault, now),
            Input::Written(bytes) => self.written(bytes, now),
        }
    }

    fn news(&mut self, news: PublishNews, now: Instant) {
        match news {
            PublishNews::Settled {
                tag,
                multiple,
                verdict,
            } => self.settled(tag, multiple, verdict, now),
            PublishNews::Returned { queue, id, reason } => {
                self.returned(&queue, id.as_deref(), &reason, now);
            }
            PublishNews::Blocked(reason) => {
                if self.connection.blocked.as_ref() != Some(&reason) {
                    self.tell(Notice::Blocked(reason.clone()));
                }
                self.connection.blocked = Some(reason);
            }
            PublishNews::Unblocked => {
                self.tell(Notice::Unblocked);
                self.connection.blocked = None;
                self.restart_silence(now);
            }
        }
    }

    fn message(&mut self, message: Message<P>, now: Instant) {
        let Message {
            number,
            to,
            payload,
        } = message;
        let suspects = &self.suspects;
        let is_used = |index| suspects.has_route(index);
        let entry = Entry {
            number,
            route: self.routes.find(&to, is_used, now),
            to,
            mark: Mark::None,
            sent: Sent::No,
            payload,
        };
        if self.limits.is_dead_end(&entry.to) {
            return self.confirmed(entry);
        }
        match self.limits.expected(&entry.payload, now) {
            Expected::No(fault) => self.refused(entry, fault, Scope::Message),
            Expected::Hardly => self.suspects.suspect(vec![entry], None),
            Expected::Yes => {
                self.backlog.passed();
                self.routes[entry.route].push(entry);
            }
        }
    }

    fn withdraw(&mut self, number: u64) {
        let waiting = self
            .routes
            .iter_mut()
            .find_map(|route| route.take_number(number))
            .or_else(|| self.suspects.take_number(number));
        let sent = match waiting {
            Some(entry) => Some(entry.sent),
            None => self.withdraw_in_flight(number),
        };
        if let Some(sent) = sent {
            self.outbox.push_back(withdrawn(number, sent));
        }
    }

    /// Whether one in flight may have arrived. `None`: it has its verdict, or gets one later.
    fn withdraw_in_flight(&mut self, number: u64) -> Option<Sent> {
        let is_blocked = self.connection.blocked.is_some();
        let entry = self.in_flight.of_number(number)?;
        if entry.mark == Mark::Returned {
            // No queue took it.
            entry.mark = Mark::Withdrawn;
            return Some(entry.sent);
        }
        if is_blocked {
            // What a blocked broker does not read may take as long as it likes.
            entry.mark = Mark::Withdrawn;
            return Some(Sent::Perhaps);
        }
        entry.mark = Mark::Unwanted;
        None
    }

    fn answered(&mut self, number: u64, now: Instant) {
        self.patience.progress = now;
        self.connection.confirmed();
        let in_flight = self.in_flight.take_number(number);
        for entry in &in_flight {
            self.routes[entry.route].landed(entry.payload.body_len());
        }
        let waiting = self
            .routes
            .iter_mut()
            .find_map(|route| route.take_number(number));
        let suspect = self.suspects.take_number(number);
        for entry in in_flight.into_iter().chain(waiting).chain(suspect) {
            if entry.mark != Mark::Withdrawn {
                self.confirmed(entry);
            }
        }
    }

    fn connected(&mut self, first_channel: FirstChannel, now: Instant) {
        self.connection.opened(now);
        self.limits.connected();
        if first_channel == FirstChannel::LooksForQueue {
            self.routes[Routes::<P>::WORK].declaration.looked_for();
        }
        if let Some(since) = self.patience.down_since.take() {
            self.patience.progress += now.saturating_duration_since(since);
        }
    }

    fn channel_opened(&mut self, now: Instant) {
        // What the one before had in flight is of no more use.
        let left = self.take_in_flight(Sent::Perhaps);
        self.routes.take_back(left);
        self.connection.channel = ConnectionPhase::Open;
        for route in self.routes.iter_mut() {
            route.declaration.channel_opened();
            route.pace.channel_opened(now);
        }
        self.restart_silence(now);
    }

    fn written(&mut self, bytes: u64, now: Instant) {
        let Some(before) = self.connection.left(bytes) else {
            return;
        };
        self.connection.silence.left(before, now);
        let mut refused = false;
        for route in self.routes.iter_mut() {
            route.left(before, now);
            refused |= route.pace.refusal().is_some();
        }
        if self.connection.is_leaving(before) && !refused {
            self.patience.progress = now;
        }
    }

    /// The time that has passed is no silence.
    pub(super) fn restart_silence(&mut self, now: Instant) {
        self.connection.silence.restart(now);
        for route in self.routes.iter_mut() {
            route.silence.restart(now);
        }
    }
}
