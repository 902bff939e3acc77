//! Between the worker and the engine that publishes.

use crate::base::fault::{Fault, Kind};
use crate::base::refusal;
use crate::publisher::User;
use crate::publisher::core::{self as publishing, Core, Input, Notice, Scope, Sent};
use crate::queues::Declare;
use crate::task::Task;
use crate::worker::core::Verdict;
use crate::worker::incoming::Incoming;
use crate::worker::queues::missing;
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use std::time::Instant;

/// How many groups of requests are taken in before anything else is looked at.
const AT_ONCE: usize = 16;

/// A lost connection is told by the worker; this many in a row are told too.
const LOSSES_BEFORE_WARNING: u32 = 5;

/// Passes on what the worker wants, and the verdicts.
pub(super) struct Relay {
    pub(super) requests: Receiver<Vec<Input<Task>>>,
    /// The worker wants nothing more.
    pub(super) is_over: bool,
    pub(super) messages: Sender<Incoming>,
    pub(super) what: &'static str,
    pub(super) declare: Declare,
    /// Connections lost since something was confirmed.
    pub(super) losses: u32,
}

impl Relay {
    fn tell(&self, number: u64, verdict: Verdict) {
        // Nobody is there only where the worker has ended.
        let _ = self.messages.send(Incoming::Verdict { number, verdict });
    }

    fn warn(&self, text: String) {
        let _ = self.messages.send(Incoming::Warning(text));
    }

    /// Gives up all that has no verdict.
    pub(super) fn leave(&self, core: &mut Core<Task>, verdict: impl Fn(Sent) -> Verdict) {
        for (number, _, sent) in core.take_unfinished() {
            self.tell(number, verdict(sent));
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
    type Arrival = Vec<Input<Task>>;

    fn inbox(&self) -> Option<&Receiver<Vec<Input<Task>>>> {
        (!self.is_over).then_some(&self.requests)
    }

    fn accept(&mut self, came: Option<Vec<Input<Task>>>, core: &mut Core<Task>, now: Instant) {
        match came {
            Some(inputs) => inputs.into_iter().for_each(|input| core.handle(input, now)),
            None => self.is_over = true,
        }
    }

    fn feed(&mut self, core: &mut Core<Task>, now: Instant) {
        for _ in 0..AT_ONCE {
            match self.requests.try_recv() {
                Ok(requests) => self.accept(Some(requests), core, now),
                Err(TryRecvError::Disconnected) => return self.accept(None, core, now),
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn verdict(&mut self, verdict: publishing::Verdict<Task>) -> Result<(), Fault> {
        let (number, verdict) = match verdict {
            publishing::Verdict::Confirmed { number, queue, .. } => {
                self.losses = 0;
                let queue = queue.to_string();
                (number, Verdict::Confirmed(queue))
            }
            publishing::Verdict::Refused {
                number,
                fault,
                scope,
                ..
            } => {
                let fault = self.explained(fault, scope);
                (number, Verdict::Refused(fault))
            }
            publishing::Verdict::Withdrawn { number, sent } => {
                let fault = Fault::new(Kind::Lost, "the broker has not confirmed it");
                let verdict = match sent {
                    Sent::No => Verdict::Withdrawn,
                    Sent::Perhaps => Verdict::Undecided(fault),
                };
                (number, verdict)
            }
        };
        self.tell(number, verdict);
        Ok(())
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Lost { fault, again } => {
                self.losses += 1;
                if self.losses == LOSSES_BEFORE_WARNING && again > 0 {
                    self.warn(format!("{} are waiting: {fault}; retrying", self.what));
                }
            }
            Notice::Refused { queue, refusal, .. } => {
                let why = publishing::describe(&refusal, &queue, Declare::Yes);
                self.warn(format!("{} are waiting: {why}; retrying", self.what));
            }
            Notice::Blocked(reason) => self.warn(format!(
                "the broker accepts no messages for now ({reason}); {} are waiting",
                self.what
            )),
            Notice::Unblocked | Notice::Adopted(_) | Notice::BacklogFull(_) => {}
        }
    }

    /// Nobody lets us in. Another message is another try.
    fn give_up(&mut self, fault: Fault, core: &mut Core<Task>) -> Result<(), Fault> {
        if fault.kind == Kind::Interrupted {
            return Err(fault);
        }
        self.leave(core, |_| Verdict::Refused(fault.clone()));
        Ok(())
    }

    fn is_done(&self, core: &mut Core<Task>) -> bool {
        self.is_over && core.is_idle()
    }
}
