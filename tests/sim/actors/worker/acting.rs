//! What the worker's core wants done.

use super::super::command::Kind;
use super::{Host, Life, Run, WorkerActor};
use crate::ledger::{Ledger, Make};
use crate::sabotage::Sabotage;
use crate::world::{Happening, Rest, World};
use std::rc::Rc;
use work_queue::amqp::AckToken;
use work_queue::publisher::core::Destination as To;
use work_queue::worker::core::policy::{Ending, Outcome};
use work_queue::worker::core::{
    Action, CannotRun, Destination, Input, Outgoing, Reason, Start, Verdict, headers,
};

impl WorkerActor {
    pub(super) fn act(&mut self, world: &mut World, ledger: &mut Ledger, action: Action) {
        match action {
            Action::Connect => {
                self.consuming.connect_again(world);
            }
            Action::Consume(on) => {
                let prefetch = self.core.prefetch();
                self.consuming.consume(world, on, prefetch);
            }
            Action::CancelConsumer => self.consuming.cancel(world),
            Action::Start(start) => {
                // A command that could not be started is tried again all the same.
                if self.host == Host::Busy && self.plan.scarcity == 0 {
                    ledger.wrong(format!("{:?} begins a task on a busy host", self.port));
                }
                self.start(world, ledger, &start);
            }
            Action::Signal(urgency) => {
                world
                    .trace
                    .note(world.now, || format!("{:?} signals {urgency:?}", self.port));
                for (slot, run) in &mut self.runs {
                    self.run += 1;
                    run.number = self.run;
                    run.outcome = Some(Outcome::from(Ending::Signal(15)));
                    let (slot, run) = (*slot, run.number);
                    world.happen(world.now, self.port, Happening::Ended { slot, run });
                }
            }
            Action::Publish(outgoing) => self.publish(world, *outgoing),
            Action::Withdraw(number) => self.publishing.withdraw(world, number),
            Action::Acknowledge(tokens) => self.acknowledge(world, tokens),
            Action::Return(token) => {
                self.consuming.give_back(world, token);
            }
            Action::Count(queues) => self.consuming.count(world, queues),
            Action::Report(event) => self.report(world, ledger, event),
            Action::End(end) => {
                // What it has not settled goes back with its connection.
                self.consuming.end(world, Rest::All);
                self.publishing.end(world, Rest::All);
                for slot in self.runs.keys() {
                    ledger.ended(self.port.actor, *slot, None);
                }
                let fault = end.fault.map(|fault| fault.to_string());
                world.trace.note(world.now, || {
                    format!("{:?} ends: {} {fault:?}", self.port, end.reason.name())
                });
                let name = match end.reason {
                    Reason::Failed => "failed",
                    reason => reason.name(),
                };
                self.life = Life::Ended(name, fault);
            }
        }
    }

    fn acknowledge(&mut self, world: &mut World, mut tokens: Vec<AckToken>) {
        let held = tokens.iter().all(|token| self.consuming.holds(*token));
        if !held && world.sabotage != Some(Sabotage::ReusesTokens) {
            let input = Input::NotAcknowledged(tokens);
            self.tell(world, input);
            return;
        }
        if world.sabotage == Some(Sabotage::ReusesTokens) {
            for token in &mut tokens {
                token.channel = self.consuming.newest_channel();
            }
        }
        let joint = world.sabotage == Some(Sabotage::AcksTooMuch);
        self.consuming.acknowledge(world, &tokens, joint);
    }

    fn start(&mut self, world: &mut World, ledger: &mut Ledger, start: &Start) {
        let Start { slot, task, .. } = start;
        let slot = *slot;
        if world.random.chance(self.plan.scarcity) {
            let why = CannotRun::ForNow("out of descriptors".to_owned());
            self.tell(world, Input::NotStarted { slot, why });
            return;
        }
        let key = crate::ledger::key(task);
        let attempt = headers::attempt(task);
        let kind = key.map_or(Kind::Sound, |key| ledger.kind(key));
        let before = key.map_or(0, |key| match ledger.make(key) {
            // There may be several messages of equal tasks.
            Make::Foreign if matches!(kind, Kind::Flaky(_)) => attempt - 1,
            _ => ledger.runs(key),
        });
        let (took, outcome) = kind.run(before, &mut world.random);
        world.trace.note(world.now, || {
            format!(
                "{:?} slot {slot}: task {key:?} begins, attempt {attempt}, {kind:?}",
                self.port
            )
        });
        if self.runs.contains_key(&slot) {
            ledger.wrong(format!("slot {slot} has two tasks at once"));
        }
        ledger.began(self.port.actor, slot, task, self.consuming.serial(task));
        self.run += 1;
        let number = self.run;
        let run = Run {
            number,
            key,
            outcome,
        };
        self.runs.insert(slot, run);
        let ended = Happening::Ended { slot, run: number };
        world.happen(world.now + took, self.port, ended);
    }

    fn publish(&mut self, world: &mut World, outgoing: Outgoing) {
        let sabotage = world.sabotage;
        let Outgoing {
            number,
            to,
            payload: mut task,
        } = outgoing;
        let to = match to {
            Destination::Work => To::Work,
            Destination::Delay(delay) => To::Delay(delay),
            Destination::Dead(queue) => To::Dead(queue),
            Destination::Reply(address) => To::Reply(address),
            Destination::Results(queue) => To::Results(queue),
        };
        if sabotage == Some(Sabotage::CountsRetryTwice) && matches!(to, To::Delay(_)) {
            let attempts = headers::attempt(&task).to_string();
            task.properties = task.properties.with_header(headers::ATTEMPTS, attempts);
        }
        if sabotage == Some(Sabotage::CountsNoRetry) && matches!(to, To::Delay(_)) {
            task.properties = task.properties.without_header(headers::ATTEMPTS);
        }
        if sabotage == Some(Sabotage::DropsReason) && matches!(to, To::Dead(_)) {
            task.properties = task.properties.without_header(headers::ERROR);
        }
        let queue = match &to {
            To::Delay(delay) => format!("work.delay.{}", delay.as_millis()),
            _ => String::new(),
        };
        let is_lost = sabotage == Some(Sabotage::LosesResults)
            && matches!(to, To::Results(_))
            && world.random.chance(20);
        if !is_lost {
            self.publishing.send(world, number, to, Rc::new(task));
        }
        if is_lost || sabotage == Some(Sabotage::AcksBeforeConfirm) {
            let verdict = Verdict::Confirmed(queue);
            self.tell(world, Input::Verdict { number, verdict });
        }
    }
}
