//! What the core makes of what it is told.

use super::action::{FirstChannel, Input, Notice, Scope};
use super::backlog::Measured;
use super::connection::Phase;
use super::declaration::{Plan, Refused};
use super::limits::Expected;
use super::message::{Destination, Entry, Mark, Message, Payload, Sent};
use super::pace::Refusal;
use super::routes::{Named, Routes, Upkeep};
use super::{Core, Output, faults};
use crate::confirms::Verdict;
use crate::fault::{Fault, Kind};
use crate::topology::{Declare, QueueType};
use std::sync::Arc;
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
                    self.outbox.push_back(Output::GiveUp(fault));
                }
            }
            Input::ChannelOpened => self.channel_opened(now),
            Input::Declared {
                to,
                queue_type,
                adopted,
            } => {
                self.declared(&to, queue_type, adopted, now);
            }
            Input::DeclarationRefused { to, fault } => {
                self.declaration_refused(&to, &fault, now);
            }
            Input::Measured(ready) => self.measured(ready, now),
            Input::MeasureRefused(fault) => self.measure_refused(fault, now),
            Input::Settled {
                tag,
                multiple,
                verdict,
            } => self.settled(tag, multiple, verdict, now),
            Input::Returned { queue, id, reason } => {
                self.returned(&queue, id.as_deref(), reason, now);
            }
            Input::ChannelClosed(fault) => self.channel_closed(&fault, now),
            Input::ConnectionLost(fault) => self.connection_lost(fault, now),
            Input::Blocked(reason) => {
                if self.connection.blocked.as_ref() != Some(&reason) {
                    self.tell(Notice::Blocked(reason.clone()));
                }
                self.connection.blocked = Some(reason);
            }
            Input::Unblocked => {
                self.tell(Notice::Unblocked);
                self.connection.blocked = None;
                self.restart_silence(now);
            }
            Input::Written(bytes) => self.written(bytes, now),
        }
    }

    fn message(&mut self, message: Message<P>, now: Instant) {
        let Message {
            number,
            to,
            payload,
        } = message;
        let entry = Entry {
            number,
            route: self.routes.find(&to, now),
            to,
            mark: Mark::None,
            sent: Sent::No,
            payload,
        };
        if self.limits.is_dead_end(&entry.to) {
            return self.confirmed(entry);
        }
        match self.limits.judge(&entry.payload, now) {
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
            Some(entry) => entry.sent,
            // What a blocked broker does not read may take as long as it likes.
            None if self.connection.blocked.is_some() => {
                if !self.in_flight.withdraw(number, Mark::Withdrawn) {
                    return;
                }
                Sent::Perhaps
            }
            None => {
                // It has its verdict, or is on its way and gets one.
                self.in_flight.withdraw(number, Mark::Unwanted);
                return;
            }
        };
        self.outbox.push_back(Output::Withdrawn(number, sent));
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
        self.connection.channel = Phase::Open;
        for route in self.routes.iter_mut() {
            route.declaration.channel_opened();
            route.pace.channel_opened(now);
        }
        self.restart_silence(now);
    }

    fn declared(
        &mut self,
        to: &Destination,
        queue_type: Option<QueueType>,
        adopted: Option<String>,
        now: Instant,
    ) {
        let Some(index) = self.routes.position(to) else {
            return;
        };
        self.question_answered(index);
        let declaration = &mut self.routes[index].declaration;
        declaration.declared(queue_type, now);
        if let Some(adopted) = adopted {
            let known = declaration.plan() == Plan::Adopt;
            declaration.adopted();
            if !known {
                self.tell(Notice::Adopted(adopted));
            }
        }
    }

    /// The broker has read all that was sent before its answer.
    fn question_answered(&mut self, index: usize) {
        if let Some(question) = &self.routes[index].question {
            self.connection.answered(question.mark());
        }
    }

    fn declaration_refused(&mut self, to: &Destination, fault: &Fault, now: Instant) {
        let Some(index) = self.routes.position(to) else {
            return;
        };
        self.question_answered(index);
        match self.routes.named_in(fault) {
            // The channel looked for the work queue as well, as the first one of a connection.
            Some(Named::Missing(other)) if other != index => {
                self.routes[other].declaration.missing();
                return self.routes[index].declaration.ask_again();
            }
            Some(Named::Differs(_)) if self.routes.detour(index) => return,
            _ => {}
        }
        let keep = self.config.keep_channel;
        let route = &mut self.routes[index];
        match route.declaration.refused(&route.queue, fault) {
            Refused::Again => {}
            Refused::Later => {
                let why = Refusal::Undeclared(fault.to_string());
                route.pace.refused(why, keep, now);
            }
            Refused::ForGood => self.refuse_route(index, fault),
        }
    }

    /// Nothing can be sent to this destination: all that waits for it gets that verdict. What
    /// comes later is tried again.
    pub(super) fn refuse_route(&mut self, index: usize, fault: &Fault) {
        let mut entries = self.routes[index].take_pending();
        self.routes[index].wanted = false;
        let upkeep = self.config.queues.upkeep;
        if index == Routes::<P>::WORK && upkeep == Upkeep::Ours {
            // Delayed tasks would not come back without the work queue.
            for route in self.routes.iter_mut() {
                route.wanted = false;
                entries.extend(route.take_pending());
            }
        }
        if entries.is_empty() && upkeep != Upkeep::Others {
            // Nothing can ever be sent.
            self.outbox.push_back(Output::GiveUp(fault.clone()));
        }
        for entry in entries {
            self.refused(entry, fault.clone(), Scope::Destination);
        }
    }

    fn measured(&mut self, ready: u32, now: Instant) {
        let queue = &self.config.queues.work.name;
        match self.backlog.measured(ready, queue, now) {
            Measured::Known => {}
            Measured::JustFull => self.tell(Notice::BacklogFull(ready)),
            Measured::TooLong(fault) => self.outbox.push_back(Output::GiveUp(fault)),
        }
    }

    /// The queue was deleted before its length was asked for; it is declared again. Or it is on a
    /// node that is down, which may last.
    fn measure_refused(&mut self, fault: Fault, now: Instant) {
        let missing = self.backlog.missing(now);
        self.connection.channel_closed(now);
        let is_missing = fault.reply().is_some_and(|reply| reply.code == 404);
        let may_come = self.config.queues.work.declare == Declare::Yes && is_missing;
        let limit = self.config.confirm_timeout;
        let patient = limit.is_none_or(|limit| missing < limit);
        if (may_come || fault.is_transient()) && patient {
            self.routes[Routes::<P>::WORK].declaration.doubt();
        } else {
            self.outbox.push_back(Output::GiveUp(fault));
        }
    }

    fn settled(&mut self, tag: u64, multiple: bool, verdict: Verdict, now: Instant) {
        let mark = self.connection.mark();
        self.connection.silence.heard(mark, now);
        self.suspects.settled();
        let Self {
            in_flight,
            routes,
            outbox,
            config,
            limits,
            ..
        } = self;
        let mut again = Vec::new();
        let mut unroutable = Vec::new();
        let mut taken = false;
        in_flight.settle(tag, multiple, |entry| {
            let young = routes.young_until(entry.route, now).is_some();
            let route = &mut routes[entry.route];
            route.landed(entry.payload.body_len());
            route.silence.heard(mark, now);
            let is_reply = matches!(entry.to, Destination::Reply(_));
            match (verdict, entry.mark) {
                (_, Mark::Withdrawn) => {}
                (Verdict::Nack, Mark::Unwanted) => {
                    outbox.push_back(Output::Withdrawn(entry.number, Sent::No));
                }
                (_, Mark::None | Mark::Unwanted | Mark::Returned) if is_reply => {
                    taken = true;
                    limits.taken(entry.payload.body_len());
                    let queue = Arc::clone(&route.queue);
                    outbox.push_back(Output::Confirmed(entry.number, queue, entry.payload));
                }
                (Verdict::Ack, Mark::None | Mark::Unwanted) => {
                    taken = true;
                    limits.taken(entry.payload.body_len());
                    route.pace.confirmed();
                    route.declaration.verified();
                    if young {
                        route.hold(entry);
                    } else {
                        let queue = Arc::clone(&route.queue);
                        outbox.push_back(Output::Confirmed(entry.number, queue, entry.payload));
                    }
                }
                (Verdict::Ack, Mark::Returned) => unroutable.push(entry),
                (Verdict::Nack, Mark::None | Mark::Returned) => {
                    route.pace.refused(Refusal::Nack, config.keep_channel, now);
                    again.push(entry);
                }
            }
        });
        if self.in_flight.is_empty() {
            self.connection.all_left();
        }
        let routes = self.routes.iter();
        let unconfirmed = routes.map(|route| route.in_flight().bytes).sum();
        self.connection.settled(unconfirmed);
        if taken {
            self.patience.progress = now;
            self.connection.confirmed();
        }
        self.routes.take_back(again);
        self.unroutable(unroutable);
    }

    /// No queue took these.
    fn unroutable(&mut self, entries: Vec<Entry<P>>) {
        let Some(first) = entries.first() else { return };
        let work = &self.config.queues.work;
        let route = &self.routes[first.route];
        let fails = first.route == Routes::<P>::WORK
            && work.declare == Declare::No
            && self.config.queues.upkeep != Upkeep::Others;
        let fault = route.pace.refusal().filter(|_| fails).map(|refusal| {
            let text = faults::refusal(refusal, &route.queue, work.declare);
            Fault::new(Kind::NotTaken, text)
        });
        let Some(fault) = fault else {
            let again = entries.into_iter().map(|entry| Entry {
                mark: Mark::None,
                ..entry
            });
            return self.routes.take_back(again.collect());
        };
        for entry in entries {
            self.refused(entry, fault.clone(), Scope::Destination);
        }
    }

    fn returned(&mut self, queue: &str, id: Option<&str>, reason: String, now: Instant) {
        if is_reply_address(queue) {
            // A result that nobody takes.
            return;
        }
        let index = self.routes.of_queue(queue).unwrap_or(Routes::<P>::WORK);
        for number in self.in_flight.came_back(index, id) {
            self.outbox.push_back(Output::Withdrawn(number, Sent::No));
        }
        let keep = self.config.keep_channel;
        let route = &mut self.routes[index];
        route.pace.refused(Refusal::Unroutable(reason), keep, now);
        route.declaration.doubt();
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

/// Whether results go there.
fn is_reply_address(queue: &str) -> bool {
    queue.starts_with("amq.rabbitmq.reply-to.")
}
