//! What the core makes of confirms and of messages that come back.

use super::action::Scope;
use super::message::{Entry, Mark, Payload, Sent};
use super::pace::Refusal;
use super::queues::Upkeep;
use super::routes::Routes;
use super::{Core, confirmed, faults, withdrawn};
use crate::amqp::Confirm;
use crate::base::fault::{Fault, Kind};
use crate::queues::Declare;
use crate::queues::Destination;
use std::time::Instant;

impl<P: Payload> Core<P> {
    pub(super) fn settled(&mut self, tag: u64, multiple: bool, verdict: Confirm, now: Instant) {
        let mark = self.connection.mark();
        self.connection.silence.heard(mark, now);
        let open = self.in_flight.len();
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
            let young = routes.is_young(entry.route);
            let route = &mut routes[entry.route];
            route.landed(entry.payload.body_len());
            route.silence.heard(mark, now);
            let is_reply = matches!(entry.to, Destination::Reply(_));
            match (verdict, entry.mark) {
                (_, Mark::Withdrawn) => {}
                (Confirm::Nack, Mark::Unwanted) => {
                    outbox.push_back(withdrawn(entry.number, entry.sent));
                }
                (_, Mark::None | Mark::Unwanted | Mark::Returned) if is_reply => {
                    taken = true;
                    limits.taken(entry.payload.body_len());
                    outbox.push_back(confirmed(entry, &route.queue));
                }
                (Confirm::Ack, Mark::None | Mark::Unwanted) => {
                    taken = true;
                    limits.taken(entry.payload.body_len());
                    route.pace.confirmed();
                    route.declaration.verified();
                    match entry.mark {
                        _ if !young => outbox.push_back(confirmed(entry, &route.queue)),
                        // It would have to be sent again.
                        Mark::Unwanted => {
                            outbox.push_back(withdrawn(entry.number, Sent::Perhaps));
                        }
                        _ => route.hold(entry),
                    }
                }
                (Confirm::Ack, Mark::Returned) => unroutable.push(entry),
                (Confirm::Nack, Mark::None | Mark::Returned) => {
                    route.pace.refused(Refusal::Nack, config.keep_channel, now);
                    again.push(entry);
                }
            }
        });
        if self.in_flight.len() < open {
            self.suspects.settled();
        }
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

    pub(super) fn returned(&mut self, queue: &str, id: Option<&str>, reason: &str, now: Instant) {
        // Work queues have no such names: it is an address that the broker made up.
        if queue.starts_with("amq.") {
            // A result that nobody takes.
            return;
        }
        let mut routes = self.routes.all_of_queue(queue);
        if routes.is_empty() {
            routes.push(Routes::<P>::WORK);
        }
        for (number, sent) in self.in_flight.came_back(&routes, id) {
            self.outbox.push_back(withdrawn(number, sent));
        }
        let keep = self.config.keep_channel;
        for index in routes {
            let route = &mut self.routes[index];
            route.declaration.doubt();
            if !matches!(route.to, Destination::Results(_)) {
                let reason = reason.to_owned();
                route.pace.refused(Refusal::Unroutable(reason), keep, now);
            }
        }
    }
}
