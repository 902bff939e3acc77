//! How one queue is made sure of before messages go there, and when it counts as safe.

use crate::fault::{Fault, Kind};
use crate::refusal::Mismatch;
use std::time::{Duration, Instant};

/// How old a quorum queue must be before its confirms count. One that was declared less than a
/// second before the broker is killed comes back empty and without a leader (seen with RabbitMQ
/// 3.10: its directory of members reaches the disk a moment later).
pub const YOUTH: Duration = Duration::from_secs(2);

/// How a queue is made sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Somebody else sees to it, or it needs nothing.
    Leave,
    /// It must be there: this user may not declare it, or was told not to.
    Exists,
    /// The work queue: declared on the publishing channel, without waiting for the answer.
    Blind,
    /// The same for a quorum queue, which is looked for first.
    LookThenBlind,
    /// The work queue, which is of another type than a plain declaration would make.
    Adopt,
    /// A quorum queue of ours beside the work queue, for one delay.
    Delay,
    /// The dead letters, in a classic queue.
    Dead,
    /// The dead letters, in a quorum queue.
    DeadQuorum,
}

/// How a queue is declared, or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Asked for: is it there?
    Look,
    /// Declared on the publishing channel without waiting. A refusal closes that channel, and the
    /// broker discards what was published after it. There is no answer to give to the core.
    Blind,
    /// Declared as ours.
    Make,
    /// The work queue, declared in whatever way accepts the type that it has.
    Adopt,
    /// The dead-letter queue, declared with the type that ours would not have: classic for quorum.
    OtherType,
    /// Asked for: it has arguments of its own, and is used as it is.
    AsItIs,
}

/// What comes of a refused declaration.
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
    /// Declared, and nobody knows yet whether that was refused.
    Unverified,
    /// Declared on its own, and not refused: not declared again over this connection.
    Verified,
    Ready,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Enough,
    /// It was not there when it was looked for.
    Missing,
    /// We made it then.
    Made(Instant),
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
            Step::Asked(_) | Step::Unverified | Step::Verified | Step::Ready => None,
        }
    }

    /// Whether messages may go there.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.step, Step::Ready | Step::Unverified | Step::Verified)
    }

    /// Whether nobody knows yet if the declaration was refused.
    pub(super) fn is_unverified(&self) -> bool {
        self.step == Step::Unverified
    }

    /// Whether an answer is awaited.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.step, Step::Asked(_))
    }

    /// A message was confirmed: so it is there.
    pub(super) fn verified(&mut self) {
        if self.step == Step::Unverified {
            self.step = Step::Ready;
        }
    }

    /// What it wants is being done.
    pub(super) fn asked(&mut self) {
        if let Step::Do(form) = self.step {
            self.step = match form {
                Form::Blind => Step::Unverified,
                form => Step::Asked(form),
            };
        }
    }

    /// It was declared, or is there.
    pub(super) fn declared(&mut self, now: Instant) {
        let Step::Asked(form) = self.step else { return };
        self.step = match (self.plan, form) {
            (Plan::LookThenBlind, Form::Look) => Step::Do(Form::Blind),
            (Plan::Delay | Plan::DeadQuorum, Form::Look) => Step::Do(Form::Make),
            (Plan::Blind | Plan::LookThenBlind, _) => Step::Verified,
            _ => Step::Ready,
        };
        self.age = match (form, self.age) {
            (Form::Make, Age::Missing) => Age::Made(now),
            (_, age @ Age::Made(_)) => age,
            (_, Age::Enough | Age::Missing) => Age::Enough,
        };
    }

    /// It is of another type than was declared, and is used all the same.
    pub(super) fn adopted(&mut self) {
        self.plan = Plan::Adopt;
    }

    /// The declaration was refused.
    pub(super) fn refused(&mut self, fault: &Fault) -> Refused {
        let Step::Asked(form) = self.step else {
            return Refused::Again;
        };
        if fault.is_transient() {
            self.step = Step::Do(form);
            return Refused::Later;
        }
        let next = self.after_refusal(form, fault);
        self.step = next.map_or(first_step(self.plan), Step::Do);
        match next {
            Some(_) => Refused::Again,
            None => Refused::ForGood,
        }
    }

    fn after_refusal(&mut self, form: Form, fault: &Fault) -> Option<Form> {
        let reply = fault.reply();
        let is_missing = fault.kind == Kind::Queue && reply.is_some_and(|reply| reply.code == 404);
        let differs = reply.and_then(|reply| Mismatch::parse(&reply.text));
        let differs = differs.map(|found| found.argument).unwrap_or_default();
        match (self.plan, form) {
            (Plan::LookThenBlind | Plan::Delay | Plan::DeadQuorum, Form::Look) if is_missing => {
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
        let is_blind = matches!(self.plan, Plan::Blind | Plan::LookThenBlind);
        if is_blind && matches!(self.step, Step::Unverified | Step::Ready) {
            // It costs no round trip, and mends what was deleted meanwhile.
            self.step = Step::Do(Form::Blind);
        }
    }

    /// Something on the channel was refused, and it may have been this declaration: it is made
    /// once more, and waited for.
    pub(super) fn verify(&mut self) {
        self.step = Step::Do(match self.plan {
            Plan::LookThenBlind => Form::Make,
            _ => Form::Adopt,
        });
    }

    /// No queue of this name took a message, or it does not confirm: it may be gone.
    pub(super) fn doubt(&mut self) {
        // An answer that is awaited will show it.
        if !matches!(self.step, Step::Asked(_)) {
            self.step = first_step(self.plan);
            self.age = Age::Enough;
        }
    }

    /// The connection broke, perhaps with the broker: a queue that was young then may not have
    /// survived, and is made once more.
    pub(super) fn connection_lost(&mut self, now: Instant) {
        match self.step {
            Step::Asked(form) => self.step = Step::Do(form),
            Step::Verified => self.step = Step::Ready,
            Step::Do(_) | Step::Unverified | Step::Ready => {}
        }
        match self.age {
            Age::Made(at) if now < at + YOUTH => {
                self.age = Age::Missing;
                self.step = Step::Do(Form::Make);
            }
            Age::Made(_) => self.age = Age::Enough,
            Age::Enough | Age::Missing => {}
        }
        if self.plan == Plan::LookThenBlind && self.age == Age::Enough {
            self.step = Step::Do(Form::Look);
        }
    }

    /// Until when what it confirms does not count, if it is too young.
    pub(super) fn young_until(&self, now: Instant) -> Option<Instant> {
        match self.age {
            Age::Made(at) if now < at + YOUTH => Some(at + YOUTH),
            Age::Made(_) | Age::Missing | Age::Enough => None,
        }
    }
}

fn first_step(plan: Plan) -> Step {
    match plan {
        Plan::Leave => Step::Ready,
        Plan::Blind => Step::Do(Form::Blind),
        Plan::Adopt => Step::Do(Form::Adopt),
        Plan::Exists | Plan::LookThenBlind | Plan::Delay | Plan::DeadQuorum => Step::Do(Form::Look),
        Plan::Dead => Step::Do(Form::Make),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Reply;
    use crate::refusal::explain;

    fn differs(argument: &str) -> Fault {
        let text = format!(
            "PRECONDITION_FAILED - inequivalent arg '{argument}' for queue 'q' in vhost '/': \
             received 'a' but current is 'b'"
        );
        explain(Reply { code: 406, text })
    }

    fn missing() -> Fault {
        let text = "NOT_FOUND - no queue 'q' in vhost '/'".to_owned();
        explain(Reply { code: 404, text })
    }

    /// Does what is wanted, which must be this.
    fn ask(declaration: &mut Declaration, form: Form) {
        assert_eq!(declaration.wants(), Some(form));
        declaration.asked();
        assert_eq!(declaration.wants(), None);
    }

    #[test]
    fn a_quorum_queue_that_was_there_is_old_and_one_that_was_not_is_young() {
        let now = Instant::now();
        let mut there = Declaration::new(Plan::Delay);
        ask(&mut there, Form::Look);
        there.declared(now);
        ask(&mut there, Form::Make);
        assert!(!there.is_ready());
        there.declared(now);
        assert!(there.is_ready());
        assert_eq!(there.young_until(now), None);

        let mut made = Declaration::new(Plan::Delay);
        ask(&mut made, Form::Look);
        assert_eq!(made.refused(&missing()), Refused::Again);
        ask(&mut made, Form::Make);
        made.declared(now);
        assert_eq!(made.young_until(now), Some(now + YOUTH));
        assert_eq!(made.young_until(now + YOUTH), None);
    }

    #[test]
    fn a_young_queue_is_made_once_more_after_a_lost_connection() {
        let now = Instant::now();
        let mut made = Declaration::new(Plan::DeadQuorum);
        ask(&mut made, Form::Look);
        made.refused(&missing());
        ask(&mut made, Form::Make);
        made.declared(now);
        made.connection_lost(now + YOUTH / 2);
        ask(&mut made, Form::Make);
        let later = now + YOUTH;
        made.declared(later);
        assert_eq!(made.young_until(later), Some(later + YOUTH));
        made.connection_lost(later + YOUTH);
        assert!(made.is_ready());
        assert_eq!(made.young_until(later), None);
    }

    #[test]
    fn a_dead_letter_queue_of_another_kind_is_used_unless_it_is_not_durable() {
        let mut dead = Declaration::new(Plan::Dead);
        ask(&mut dead, Form::Make);
        assert_eq!(dead.refused(&differs("x-queue-type")), Refused::Again);
        ask(&mut dead, Form::OtherType);
        assert_eq!(dead.refused(&differs("x-max-length")), Refused::Again);
        ask(&mut dead, Form::AsItIs);
        assert_eq!(dead.refused(&missing()), Refused::Again);
        ask(&mut dead, Form::Make);
        assert_eq!(dead.refused(&differs("durable")), Refused::ForGood);
    }

    #[test]
    fn what_passes_is_tried_again_in_the_same_form() {
        let mut delay = Declaration::new(Plan::Delay);
        ask(&mut delay, Form::Look);
        let lost = Fault::new(Kind::Lost, "the node is down");
        assert_eq!(delay.refused(&lost), Refused::Later);
        ask(&mut delay, Form::Look);
        delay.connection_lost(Instant::now());
        ask(&mut delay, Form::Look);
    }

    #[test]
    fn the_work_queue_is_declared_on_each_channel_until_it_is_adopted() {
        let mut work = Declaration::new(Plan::Blind);
        ask(&mut work, Form::Blind);
        assert!(work.is_ready() && work.is_unverified());
        work.verified();
        work.channel_opened();
        ask(&mut work, Form::Blind);
        work.verify();
        ask(&mut work, Form::Adopt);
        work.declared(Instant::now());
        work.channel_opened();
        assert!(work.is_ready() && !work.is_unverified());
        work.connection_lost(Instant::now());
        work.channel_opened();
        ask(&mut work, Form::Blind);
        work.verify();
        ask(&mut work, Form::Adopt);
        work.declared(Instant::now());
        work.adopted();
        work.channel_opened();
        assert!(work.is_ready() && !work.is_unverified());
        work.doubt();
        ask(&mut work, Form::Adopt);
    }
}
