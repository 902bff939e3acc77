//! Between the worker and the engine that publishes.

use crate::amqp::Delivery;
use crate::base::fault::{Fault, Kind};
use crate::base::refusal;
use crate::publisher::core::{self as publishing, Core, Input, Notice, Scope, Sent};
use crate::publisher::{PublishEvent, User};
use crate::queues::{Auxiliary, Declare};
use crate::task::Task;
use crate::worker::core::{Destination, Outgoing, Verdict};
use crate::worker::incoming::Incoming;
use crate::worker::queues::missing;
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use std::time::Instant;

/// So many requests are taken in before anything else is looked at.
const AT_ONCE: usize = 256;

/// A lost connection is told by the worker; if this many follow upon each other, that is told too.
const LOSSES_BEFORE_WARNING: u32 = 5;

/// What the worker wants.
pub(super) enum PublishRequest {
    Publish(Box<Outgoing>),
    Withdraw(u64),
}

/// Passes on what the worker wants, and the verdicts.
pub(super) struct Relay {
    pub(super) requests: Receiver<PublishRequest>,
    /// The worker wants nothing more.
    pub(super) is_over: bool,
    pub(super) messages: Sender<Incoming>,
    pub(super) what: &'static str,
    pub(super) declare: Declare,
    /// Connections lost since something was confirmed.
    pub(super) losses: u32,
}

impl Relay {
    fn verdict(&self, number: u64, verdict: Verdict) {
        // Nobody is there only where the worker has ended.
        let _ = self.messages.send(Incoming::Verdict { number, verdict });
    }

    fn warn(&self, text: String) {
        let _ = self.messages.send(Incoming::Warning(text));
    }

    /// Gives up all that has no verdict.
    pub(super) fn leave(&self, core: &mut Core<Task>, verdict: impl Fn(Sent) -> Verdict) {
        for (number, _, sent) in core.take_unfinished() {
            self.verdict(number, verdict(sent));
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Lost { fault, again } => {
                self.losses += 1;
                if self.losses == LOSSES_BEFORE_WARNING && again > 0 {
                    self.warn(format!("{} wait: {fault}; trying again", self.what));
                }
            }
            Notice::Refused { queue, refusal, .. } => {
                let why = publishing::describe(&refusal, &queue, Declare::Yes);
                self.warn(format!("{} wait: {why}; trying again", self.what));
            }
            Notice::Blocked(reason) => self.warn(format!(
                "the broker takes nothing for now ({reason}); {} wait",
                self.what
            )),
            Notice::Unblocked | Notice::Adopted(_) | Notice::BacklogFull(_) => {}
        }
    }

    /// Why a message is refused, as a worker tells it.
    fn explained(&self, fault: Fault, scope: Scope) -> Fault {
        let is_not_declared = self.declare == Declare::No && scope == Scope::Destination;
        let queue = fault.reply().and_then(refusal::missing_queue);
        match queue.filter(|_| is_not_declared) {
            Some(queue) => missing(queue),
            None => fault,
        }
    }
}

impl User for Relay {
    type Payload = Task;
    type Arrival = PublishRequest;

    fn inbox(&self) -> Option<&Receiver<PublishRequest>> {
        (!self.is_over).then_some(&self.requests)
    }

    fn accept(&mut self, came: Option<PublishRequest>, core: &mut Core<Task>, now: Instant) {
        let input = match came {
            Some(PublishRequest::Publish(outgoing)) => {
                let Outgoing {
                    number,
                    to,
                    mut task,
                } = *outgoing;
                if let Destination::Delay(pause) = &to {
                    // See there.
                    let expiration = Auxiliary::Delay(*pause).expiration(self.declare);
                    if let Some(after) = expiration {
                        task.properties = task.properties.with_expiration(after.as_millis());
                    }
                }
                Input::Message(publishing::Message {
                    number,
                    to,
                    payload: task,
                })
            }
            Some(PublishRequest::Withdraw(number)) => Input::Withdraw(number),
            None => {
                self.is_over = true;
                return;
            }
        };
        core.handle(input, now);
    }

    fn feed(&mut self, core: &mut Core<Task>, now: Instant) {
        for _ in 0..AT_ONCE {
            match self.requests.try_recv() {
                Ok(request) => self.accept(Some(request), core, now),
                Err(TryRecvError::Disconnected) => return self.accept(None, core, now),
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn take(&mut self, event: PublishEvent<'_, Task>) -> Result<(), Fault> {
        match event {
            PublishEvent::Confirmed(number, queue, _) => {
                self.losses = 0;
                let queue = queue.to_string();
                self.verdict(number, Verdict::Confirmed { queue });
            }
            PublishEvent::Refused(number, _, fault, scope) => {
                let fault = self.explained(fault, scope);
                self.verdict(number, Verdict::Refused { fault });
            }
            PublishEvent::Withdrawn(number, Sent::No) => self.verdict(number, Verdict::Withdrawn),
            PublishEvent::Withdrawn(number, Sent::Perhaps) => {
                let fault = Fault::new(Kind::Lost, "the broker has not confirmed it");
                self.verdict(number, Verdict::Undecided { fault });
            }
            PublishEvent::Notice(notice) => self.notice(notice),
            // The worker's own connection tells it.
            PublishEvent::Connected(_) | PublishEvent::Retrying(_) | PublishEvent::Type(..) => {}
        }
        Ok(())
    }

    /// Nobody lets us in. Another message is another try.
    fn give_up(&mut self, fault: Fault, core: &mut Core<Task>) -> Result<(), Fault> {
        if fault.kind == Kind::Interrupted {
            return Err(fault);
        }
        self.leave(core, |_| Verdict::Refused {
            fault: fault.clone(),
        });
        Ok(())
    }

    fn tick(&mut self, _core: &mut Core<Task>, _now: Instant) -> Result<Option<Instant>, Fault> {
        Ok(None)
    }

    fn is_done(&self, core: &mut Core<Task>) -> bool {
        self.is_over && core.is_idle()
    }

    fn publishing(&mut self, _number: u64) {}

    fn answered(&mut self, _delivery: Delivery) -> Result<Option<u64>, Fault> {
        Ok(None)
    }

    fn channel_gone(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}
