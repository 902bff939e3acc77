//! How one queue is made sure of before messages go there, and when it counts as safe.

use crate::base::fault::Fault;
use crate::base::refusal::{Mismatch, is_missing};
use crate::queues::QueueType;
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
    /// The same where it may be a quorum queue: it is looked for first.
    LookThenBlind,
    /// The same where its type must be known.
    LookThenMake,
    /// The work queue, which is of another type than a plain declaration would make.
    Adopt,
    /// A quorum queue of ours beside the work queue, for one delay.
    Delay,
    /// The same where nothing else is sent: declared as the work queue is.
    DelayThenBlind,
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
    /// Declared as ours. The work queue: in whatever way accepts the type that it has, unless the
    /// user stated one.
    Make,
    /// Asked for on the publishing channel: whether the declaration there was accepted. A refusal
    /// has closed that channel.
    Check,
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
            Step::Asked(_) | Step::Unverified | Step::Ready => None,
        }
    }

    /// Whether messages may go there.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.step, Step::Ready | Step::Unverified)
    }

    /// Whether nobody knows yet if the declaration was refused.
    pub(super) fn is_unverified(&self) -> bool {
        self.step == Step::Unverified
    }

    /// Whether it is declared on the publishing channel, and that may have been refused.
    pub(super) fn is_open(&self) -> bool {
        let check = [Step::Do(Form::Check), Step::Asked(Form::Check)];
        self.step == Step::Unverified || check.contains(&self.step)
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

    /// It must be known whether it was refused before more goes there.
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
        if matches!(self.plan, Plan::Leave | Plan::Exists) {
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
        }
    }

    /// It was declared, or is there. The work queue is of this type, where that is known.
    pub(super) fn declared(&mut self, queue_type: Option<QueueType>, now: Instant) {
        let Step::Asked(form) = self.step else { return };
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
            (_, age @ Age::Made(_)) => age,
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
        }
    }

    /// It is of another type than was declared, and is used all the same.
    pub(super) fn adopted(&mut self) {
        self.plan = Plan::Adopt;
    }

    /// The declaration of this queue was refused.
    pub(super) fn refused(&mut self, queue: &str, fault: &Fault) -> Refused {
        let Step::Asked(form) = self.step else {
            return Refused::Again;
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

    fn after_refusal(&mut self, form: Form, queue: &str, fault: &Fault) -> Option<Form> {
        let reply = fault.reply();
        let is_missing = reply.is_some_and(|reply| is_missing(reply, queue));
        let differs = reply.and_then(|reply| Mismatch::parse(&reply.text));
        let differs = differs.map(|found| found.argument).unwrap_or_default();
        match (self.plan, form) {
            (
                Plan::LookThenBlind
                | Plan::LookThenMake
                | Plan::Delay
                | Plan::DelayThenBlind
                | Plan::DeadQuorum,
                Form::Look,
            ) if is_missing => {
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
        self.ask_again();
        match self.age {
            Age::Made(at) if now < at + YOUTH => {
                self.age = Age::Missing;
                self.step = Step::Do(Form::Make);
            }
            Age::Made(_) | Age::Enough => {
                self.age = Age::Enough;
                self.declare_anew();
            }
            Age::Missing => {}
        }
    }

    /// What is declared without waiting is declared over each connection, as it costs nothing; but
    /// a quorum queue that has gone meanwhile must not be made without our noticing.
    fn declare_anew(&mut self) {
        match self.plan {
            Plan::Blind | Plan::LookThenBlind | Plan::DelayThenBlind => {
                self.step = first_step(self.plan);
            }
            Plan::Leave
            | Plan::Exists
            | Plan::LookThenMake
            | Plan::Adopt
            | Plan::Delay
            | Plan::Dead
            | Plan::DeadQuorum => {}
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
        Plan::Dead | Plan::Adopt => Step::Do(Form::Make),
        Plan::Exists
        | Plan::LookThenBlind
        | Plan::LookThenMake
        | Plan::Delay
        | Plan::DelayThenBlind
        | Plan::DeadQuorum => Step::Do(Form::Look),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::{Kind, Reply};
    use crate::base::refusal::explain;

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
    fn a_quorum_queue_is_young_when_it_is_made_and_when_others_may_have_made_it() {
        let now = Instant::now();
        let mut there = Declaration::new(Plan::Delay);
        ask(&mut there, Form::Look);
        there.declared(None, now);
        ask(&mut there, Form::Make);
        assert!(!there.is_ready());
        there.declared(None, now);
        assert!(there.is_ready());
        assert_eq!(
            there.young_until(now),
            Some(now + YOUTH),
            "by another worker"
        );

        let mut made = Declaration::new(Plan::Delay);
        ask(&mut made, Form::Look);
        assert_eq!(made.refused("q", &missing()), Refused::Again);
        ask(&mut made, Form::Make);
        made.declared(None, now);
        assert_eq!(made.young_until(now), Some(now + YOUTH));
        assert_eq!(made.young_until(now + YOUTH), None);
    }

    #[test]
    fn a_young_queue_is_made_once_more_after_a_lost_connection() {
        let now = Instant::now();
        let mut made = Declaration::new(Plan::DeadQuorum);
        ask(&mut made, Form::Look);
        made.refused("q", &missing());
        ask(&mut made, Form::Make);
        made.declared(None, now);
        made.connection_lost(now + YOUTH / 2);
        ask(&mut made, Form::Make);
        let later = now + YOUTH;
        made.declared(None, later);
        assert_eq!(made.young_until(later), Some(later + YOUTH));
        made.connection_lost(later + YOUTH);
        assert!(made.is_ready());
        assert_eq!(made.young_until(later), None);
    }

    #[test]
    fn a_dead_letter_queue_of_another_kind_is_used_unless_it_is_not_durable() {
        let mut dead = Declaration::new(Plan::Dead);
        ask(&mut dead, Form::Make);
        assert_eq!(dead.refused("q", &differs("x-queue-type")), Refused::Again);
        ask(&mut dead, Form::OtherType);
        assert_eq!(dead.refused("q", &differs("x-max-length")), Refused::Again);
        ask(&mut dead, Form::AsItIs);
        assert_eq!(dead.refused("q", &missing()), Refused::Again);
        ask(&mut dead, Form::Make);
        assert_eq!(dead.refused("q", &differs("durable")), Refused::ForGood);
    }

    #[test]
    fn what_passes_is_tried_again_in_the_same_form() {
        let mut delay = Declaration::new(Plan::Delay);
        ask(&mut delay, Form::Look);
        let lost = Fault::new(Kind::Lost, "the node is down");
        assert_eq!(delay.refused("q", &lost), Refused::Later);
        ask(&mut delay, Form::Look);
        delay.connection_lost(Instant::now());
        ask(&mut delay, Form::Look);
    }

    #[test]
    fn the_work_queue_is_declared_over_each_connection_until_it_is_adopted() {
        let now = Instant::now();
        let mut work = Declaration::new(Plan::Blind);
        ask(&mut work, Form::Blind);
        assert!(work.is_ready() && work.is_unverified());
        work.channel_opened();
        ask(&mut work, Form::Blind);
        work.verified();
        work.channel_opened();
        assert!(work.is_ready() && !work.is_unverified());
        work.connection_lost(now);
        ask(&mut work, Form::Blind);
        work.verify();
        ask(&mut work, Form::Make);
        work.declared(None, now);
        work.adopted();
        work.connection_lost(now);
        assert!(work.is_ready() && !work.is_unverified());
        work.doubt();
        ask(&mut work, Form::Make);
    }

    #[test]
    fn a_queue_of_an_unknown_type_is_young_unless_it_turns_out_to_be_classic() {
        let now = Instant::now();
        for (queue_type, young) in [
            (Some(QueueType::Classic), None),
            (Some(QueueType::Quorum), Some(now + YOUTH)),
            (None, Some(now + YOUTH)),
        ] {
            let mut work = Declaration::new(Plan::LookThenBlind);
            work.looked_for();
            ask(&mut work, Form::Blind);
            work.missing();
            ask(&mut work, Form::Make);
            work.declared(queue_type, now);
            assert_eq!(work.young_until(now), young);
            work.connection_lost(now + YOUTH);
            ask(&mut work, Form::Look);
        }
    }

    #[test]
    fn the_type_is_asked_for_once() {
        let now = Instant::now();
        let mut work = Declaration::new(Plan::LookThenMake);
        work.looked_for();
        ask(&mut work, Form::Look);
        work.declared(None, now);
        ask(&mut work, Form::Make);
        work.declared(Some(QueueType::Classic), now);
        assert!(work.is_ready());
        work.connection_lost(now);
        work.looked_for();
        ask(&mut work, Form::Blind);
    }

    #[test]
    fn a_declaration_can_be_checked() {
        let mut work = Declaration::new(Plan::Blind);
        ask(&mut work, Form::Blind);
        work.check();
        assert!(!work.is_ready());
        ask(&mut work, Form::Check);
        work.declared(None, Instant::now());
        assert!(work.is_ready() && !work.is_unverified());
    }
}
