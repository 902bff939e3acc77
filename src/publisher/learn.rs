//! What a refusal teaches, so that it is not run into again.

use super::{Event, Parcel, Publisher, faults};
use crate::fault::Fault;

/// What was learnt from a refusal, and is done otherwise from now on.
#[derive(PartialEq, Eq)]
pub(super) enum Learnt {
    /// It will not be refused again.
    Surely,
    /// It may be.
    Doubtful,
}

impl Publisher<'_> {
    /// What the end of a channel teaches, where the connection and the user's wish live on.
    pub(super) fn learn(&mut self, fault: Fault) -> Result<Learnt, Fault> {
        if let Some(learnt) = self.delay.as_mut().and_then(|delay| delay.learn(&fault)) {
            return Ok(learnt);
        }
        if self.age.learn(&fault, &self.queue) {
            return Ok(Learnt::Surely);
        }
        if !self.other_type && self.queue.other_type(&fault).is_some() {
            self.other_type = true;
            return Ok(Learnt::Surely);
        }
        if let Some(max) = faults::largest_body(&fault).filter(|_| self.too_large.is_none()) {
            self.too_large = Some((max, fault.clone()));
            for parcel in self.pending.take_larger_than(max) {
                self.unanswered.forget(parcel.number);
                self.say(Event::Failed(parcel, &fault));
            }
            return self.halted.take().map_or(Ok(Learnt::Surely), Err);
        }
        let is_missing = fault.reply().is_some_and(|reply| reply.code == 404);
        if is_missing && self.may_declare() && self.options.backlog.is_some() {
            // The queue was deleted before its length was asked for; it is declared again. Or it is
            // on a node that is down, which may last.
            self.age.doubt();
            if self.gate.missing_for() < self.options.confirm_timeout {
                return Ok(Learnt::Doubtful);
            }
        }
        Err(fault)
    }

    /// Why the broker would not take this one, if it would not: it would close the channel, and
    /// what is unconfirmed by then would be sent again.
    pub(super) fn too_large(&self, parcel: &Parcel) -> Option<Fault> {
        let (max, fault) = self.too_large.as_ref()?;
        (parcel.task.body.len() > *max).then(|| fault.clone())
    }
}
