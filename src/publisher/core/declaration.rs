//! Declares one queue before messages go there, and tells when it counts as safe.

use super::age::Age;
use super::plan::{Form, Plan};
use crate::base::fault::Fault;
use crate::base::refusal::{Mismatch, is_missing};
use crate::queues::QueueType;
use std::time::Instant;

/// What follows from a refused declaration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Another form is tried at once.
    Again,
    /// The same is tried after a while.
    Later,
    /// It cannot be declared.
    ForGood,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Do(Form),
    Asked(Form),
    /// Declared without waiting: it may turn out to be refused.
    Unverified,
    Ready,
}

/// What is known of one queue.
#[derive(Debug)]
pub(super) struct Declaration {
    plan: Plan,
    step: Step,
    age: Age,
}

impl Declaration {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            step: first_step(plan),
            age: Age::Enough,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan
    }

    /// What is to be done next, if anything, before messages may go there.
    pub(super) fn wants(&self) -> Option<Form> {
        match self.step {
            Step::Do(form) => Some(form),
            Step::Unverified | Step::Ready if self.age == Age::Unproven => Some(Form::Look),
            Step::Asked(_) | Step::Unverified | Step::Ready => None,
        }
    }

    /// Whether messages may go there.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.step, Step::Ready | Step::Unverified)
    }

    /// Whether the declaration may still turn out to be refused.
    pub(super) fn is_unverified(&self) -> bool {
        self.step == Step::Unverified
    }

    /// Whether it was declared on the publishing channel, and may have been refused there.
    pub(super) fn is_open(&self) -> bool {
        let check = [Step::Do(Form::Check), Step::Asked(Form::Check)];
        self.step == Step::Unverified || check.contains(&self.step)
    }

    /// Whether an answer is awaited.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.step, Step::Asked(_)) || self.age == Age::Asked
    }

    /// A message was confirmed: so it is there.
    pub(super) fn verified(&mut self) {
        if self.step == Step::Unverified {
            self.step = Step::Ready;
        }
    }

    /// Before more is sent there, it must be known whether the declaration was refused.
    pub(super) fn check(&mut self) {
        if self.step == Step::Unverified {
            self.step = Step::Do(Form::Check);
        }
    }

    /// The first channel of a new connection looks for it as it opens.
    pub(super) fn looked_for(&mut self) {
        if self.plan == Plan::LookThenBlind && self.step == Step::Do(Form::Look) {
            self.step = Step::Do(Form::Blind);
        }
    }

    /// The broker says that it is not there, as it closes the channel.
    pub(super) fn missing(&mut self) {
        if matches!(self.plan, Plan::Leave | Plan::Exists | Plan::Results) {
            return;
        }
        self.age = Age::Missing;
        self.step = Step::Do(Form::Make);
    }

    /// What it wants is being done.
    pub(super) fn asked(&mut self) {
        if let Step::Do(form) = self.step {
            self.step = match form {
                Form::Blind => Step::Unverified,
                form => Step::Asked(form),
            };
        } else if self.age == Age::Unproven {
            self.age = Age::Asked;
        }
    }

    /// It was declared, or is there. The work queue is of this type, where that is known.
    pub(super) fn declared(&mut self, queue_type: Option<QueueType>, now: Instant) {
        let Step::Asked(form) = self.step else {
            if self.age == Age::Asked {
                self.age = Age::Enough;
            }
            return;
        };
        self.step = match (self.plan, form) {
            (Plan::LookThenBlind | Plan::DelayThenBlind, Form::Look) => Step::Do(Form::Blind),
            (Plan::LookThenMake | Plan::Delay | Plan::DeadQuorum, Form::Look) => {
                Step::Do(Form::Make)
            }
            _ => Step::Ready,
        };
        if self.plan == Plan::LookThenMake && form == Form::Make {
            // Once is enough.
            self.plan = Plan::LookThenBlind;
        }
        self.age = match (form, self.age) {
            (Form::Make, Age::Missing) if queue_type != Some(QueueType::Classic) => Age::Made(now),
            (_, age @ (Age::Made(_) | Age::Unproven | Age::Asked)) => age,
            // Another worker may have made it a moment ago.
            (Form::Make, Age::Enough) if matches!(self.plan, Plan::Delay | Plan::DeadQuorum) => {
                Age::Made(now)
            }
            (_, Age::Enough | Age::Missing) => Age::Enough,
        };
    }

    /// The question got no answer.
    pub(super) fn ask_again(&mut self) {
        if let Step::Asked(form) = self.step {
            self.step = Step::Do(form);
        } else if self.age == Age::Asked {
            self.age = Age::Unproven;
        }
    }

    /// It is of another type than was declared, and is used all the same.
    pub(super) fn adopted(&mut self) {
        self.plan = Plan::Adopt;
    }

    /// The declaration of this queue was refused.
    pub(super) fn refused(&mut self, queue: &str, fault: &Fault) -> Refused {
        let Step::Asked(form) = self.step else {
            return self.not_proven(queue, fault);
        };
        if fault.is_transient() {
            self.step = Step::Do(form);
            return Refused::Later;
        }
        let next = self.after_refusal(form, queue, fault);
        self.step = next.map_or(first_step(self.plan), Step::Do);
        match next {
            Some(_) => Refused::Again,
            None => Refused::ForGood,
        }
    }

    /// It could not be asked whether it is old enough.
    fn not_proven(&mut self, queue: &str, fault: &Fault) -> Refused {
        if self.age != Age::Asked {
            return Refused::Again;
        }
        if fault.is_transient() {
            self.age = Age::Unproven;
            return Refused::Later;
        }
        if fault.reply().is_some_and(|reply| is_missing(reply, queue)) {
            self.missing();
        } else {
            // This user may make it and not ask for it: the broker stands, at least.
            self.age = Age::Enough;
        }
        Refused::Again
    }

    fn after_refusal(&mut self, form: Form, queue: &str, fault: &Fault) -> Option<Form> {
        let reply = fault.reply();
        let is_missing = reply.is_some_and(|reply| is_missing(reply, queue));
        let differs = reply.and_then(|reply| Mismatch::parse(&reply.text));
        let differs = differs.map(|found| found.argument).unwrap_or_default();
        match (self.plan, form) {
            (plan, Form::Look) if is_missing && !matches!(plan, Plan::Exists | Plan::Results) => {
                self.age = Age::Missing;
                Some(Form::Make)
            }
            (Plan::Dead | Plan::DeadQuorum, Form::Make) if differs == "x-queue-type" => {
                self.age = Age::Enough;
                Some(Form::OtherType)
            }
            (Plan::Dead | Plan::DeadQuorum, Form::Make | Form::OtherType)
                if differs.starts_with("x-") =>
            {
                self.age = Age::Enough;
                Some(Form::AsItIs)
            }
            (Plan::Dead | Plan::DeadQuorum, Form::AsItIs) if is_missing => Some(Form::Make),
            _ => None,
        }
    }

    /// The publishing channel is a new one.
    pub(super) fn channel_opened(&mut self) {
        if self.is_open() {
            self.step = Step::Do(Form::Blind);
        }
    }

    /// Something on the channel was refused, and it may have been this declaration: it is made
    /// once more, and waited for.
    pub(super) fn verify(&mut self) {
        self.step = Step::Do(Form::Make);
    }

    /// No queue of this name took a message, or it does not confirm: it may be gone, and with a young
    /// one what it confirmed.
    pub(super) fn doubt(&mut self) {
        if matches!(self.step, Step::Asked(_)) {
            // An answer that is awaited will show it.
            return;
        }
        match self.age {
            Age::Enough if self.plan == Plan::Results => self.step = Step::Do(Form::Look),
            Age::Enough => self.step = first_step(self.plan),
            Age::Missing | Age::Made(_) | Age::Unproven | Age::Asked => {
                self.age = Age::Missing;
                self.step = Step::Do(Form::Make);
            }
        }
    }

    /// The connection broke, perhaps with the broker: a queue that was young then may not have
    /// survived, and is made once more.
    pub(super) fn connection_lost(&mut self) {
        self.ask_again();
        match self.age {
            age if age.is_young() => {
                self.age = Age::Missing;
                self.step = Step::Do(Form::Make);
            }
            Age::Enough => self.declare_anew(),
            _ => {}
        }
    }

    /// A queue that is declared without waiting is made sure of again over each connection, as that
    /// costs nothing. It is looked for first: we must notice if a quorum queue is gone and made
    /// anew.
    fn declare_anew(&mut self) {
        let is_blind = matches!(self.plan, Plan::LookThenBlind | Plan::DelayThenBlind);
        if is_blind {
            self.step = first_step(self.plan);
        }
    }

    pub(super) fn age(&self) -> Age {
        self.age
    }

    /// What it confirmed is wanted: asks whether it is old enough, as soon as it may be.
    pub(super) fn prove(&mut self, now: Instant) {
        if self.age.may_be_proven_at().is_some_and(|at| at <= now) {
            self.age = Age::Unproven;
        }
    }
}

fn first_step(plan: Plan) -> Step {
    plan.first().map_or(Step::Ready, Step::Do)
}

#[cfg(test)]
mod tests;
