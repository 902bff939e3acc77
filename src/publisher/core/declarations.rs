//! What the core makes of answers about queues.

use super::Core;
use super::action::{Action, Notice, Scope};
use super::backlog::Measured;
use super::declaration::Refused;
use super::message::Payload;
use super::pace::Refusal;
use super::plan::Plan;
use super::queues::Upkeep;
use super::routes::{Named, Routes};
use crate::base::fault::Fault;
use crate::queues::{Declare, QueueType};
use std::time::Instant;

impl<P: Payload> Core<P> {
    pub(super) fn declared(
        &mut self,
        index: usize,
        queue_type: Option<QueueType>,
        adopted: Option<String>,
        now: Instant,
    ) {
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

    pub(super) fn declaration_refused(&mut self, index: usize, fault: &Fault, now: Instant) {
        self.question_answered(index);
        match self.routes.named_in(fault) {
            // The channel looked for the work queue as well, as the first one of a connection.
            Some(Named::Missing(other)) if other != index => {
                self.routes[other].declaration.missing();
                return self.routes[index].declaration.ask_again();
            }
            Some(Named::Differs(_)) if self.routes.lengthen_delay(index) => return,
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
            Refused::ForGood if route.declaration.plan() == Plan::Results => {
                // All were collected, or nobody came for them.
                let mut entries = route.take_pending();
                entries.extend(self.suspects.take_route(index));
                for entry in entries {
                    self.confirmed(entry);
                }
            }
            Refused::ForGood => self.refuse_route(index, fault),
        }
    }

    /// Nothing can be sent to this destination: all messages that wait for it are refused. Later
    /// ones are tried again.
    pub(super) fn refuse_route(&mut self, index: usize, fault: &Fault) {
        let mut entries = self.routes[index].take_pending();
        entries.extend(self.suspects.take_route(index));
        self.routes[index].wanted = false;
        let upkeep = self.config.queues.upkeep;
        if index == Routes::<P>::WORK && upkeep == Upkeep::Ours {
            // Delayed tasks would not come back without the work queue.
            for route in self.routes.iter_mut() {
                route.wanted = false;
                entries.extend(route.take_pending());
            }
            entries.extend(self.suspects.take_all());
        }
        if entries.is_empty() && upkeep != Upkeep::Others {
            // Nothing can ever be sent.
            self.outbox.push_back(Action::GiveUp(fault.clone()));
        }
        for entry in entries {
            self.refused(entry, fault.clone(), Scope::Destination);
        }
    }

    pub(super) fn measured(&mut self, ready: u32, now: Instant) {
        let queue = &self.config.queues.work.name;
        match self.backlog.measured(ready, queue, now) {
            Measured::Known => {}
            Measured::JustFull => self.tell(Notice::BacklogFull(ready)),
            Measured::TooLong(fault) => self.outbox.push_back(Action::GiveUp(fault)),
        }
    }

    /// The queue was deleted before its length was asked for; it is declared again. Or it is on a
    /// node that is down, which may last.
    pub(super) fn measure_refused(&mut self, fault: Fault, now: Instant) {
        let missing = self.backlog.missing(now);
        self.connection.channel_closed(now);
        let is_missing = fault.reply().is_some_and(|reply| reply.code == 404);
        let may_come = self.config.queues.work.declare == Declare::Yes && is_missing;
        let limit = self.config.confirm_timeout;
        let patient = limit.is_none_or(|limit| missing < limit);
        if (may_come || fault.is_transient()) && patient {
            self.routes[Routes::<P>::WORK].declaration.doubt();
        } else {
            self.outbox.push_back(Action::GiveUp(fault));
        }
    }
}
