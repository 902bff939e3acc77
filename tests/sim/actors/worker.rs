//! A model `worker`: the worker's core, its publishing core, its commands.

use super::command::{FATAL, Kind};
use super::consuming::Consuming;
use super::publishing::{Output, Publishing, Results, unknown};
use super::sender::{type_name, work_queue};
use crate::ledger::Ledger;
use crate::sabotage::Sabotage;
use crate::world::{ActorId, Happening, Line, Port, Rest, Wakes, World};
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::rc::Rc;
use std::time::Duration;
use work_queue::amqp::{AckToken, Prefetch};
use work_queue::publisher::core::{
    Config, Connect, Destination as To, Needed, Queues, Sent, Size, Upkeep,
};
use work_queue::queues::QueueType;
use work_queue::worker::core::policy::{Ack, Ending, FailurePolicy, OnFailure, Outcome};
use work_queue::worker::core::{
    Action, CannotRun, Destination, EndSettings, Event, Input, Moment, Outgoing, Reason, Settings,
    Start, Verdict, Worker, headers,
};

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct WorkerPlan {
    pub slots: usize,
    /// 0: unlimited.
    pub prefetch: u16,
    pub queue_type: Option<QueueType>,
    pub on_failure: OnFailure,
    pub retries: u32,
    pub backoff: Duration,
    pub max_redeliveries: u32,
    pub exit_when_empty: bool,
    pub rate: Option<u64>,
    /// In how many of a hundred cases a command cannot be started for want of something.
    pub scarcity: u64,
}

/// A model `worker`.
pub struct WorkerActor {
    core: Worker,
    publishing: Publishing,
    consuming: Consuming,
    port: Port,
    plan: WorkerPlan,
    runs: BTreeMap<usize, Run>,
    run: u64,
    pub life: Life,
    wakes: Wakes,
}

/// How a worker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    Runs,
    /// A task has killed it.
    Crashed,
    /// It has ended, and why.
    Ended(&'static str, Option<String>),
}

struct Run {
    number: u64,
    key: Option<usize>,
    /// None: it kills its worker.
    outcome: Option<Outcome>,
}

impl WorkerActor {
    pub fn new(
        plan: WorkerPlan,
        (actor, life): (ActorId, u32),
        queue: &str,
        world: &mut World,
    ) -> Self {
        let port = |line| Port { actor, life, line };
        let settings = settings(&plan, queue);
        let ladder = settings.policy.retry_delays();
        let moment = moment(world);
        let work_type = plan.queue_type.map(type_name);
        let dead_type = work_type.filter(|kind| *kind == "quorum");
        let publishing = Publishing::new(
            config(&plan, queue, ladder),
            (port(Line::Publishing), plan.rate),
            (work_type, dead_type),
            Results::Unwanted,
            world,
        );
        let consuming = Consuming::new(port(Line::Consuming), queue, work_type, plan.prefetch);
        world.happen(world.now, port(Line::Consuming), Happening::Starts);
        Self {
            core: Worker::new(settings, moment),
            publishing,
            consuming,
            port: port(Line::Consuming),
            plan,
            runs: BTreeMap::new(),
            run: 0,
            life: Life::Runs,
            wakes: Wakes::default(),
        }
    }

    pub fn life_number(&self) -> u32 {
        self.port.life
    }

    pub fn plan(&self) -> &WorkerPlan {
        &self.plan
    }

    pub fn signal(&mut self, world: &mut World, ledger: &mut Ledger) {
        self.core.handle(moment(world), Input::Signal);
        self.go_on(world, ledger);
    }

    /// The process is killed.
    pub fn kill(&mut self, world: &mut World, ledger: &mut Ledger) {
        self.consuming.end(world, Rest::Some);
        self.publishing.end(world, Rest::Some);
        for (slot, _) in std::mem::take(&mut self.runs) {
            ledger.ended(self.port.actor, slot, None);
        }
    }

    pub fn happen(
        &mut self,
        world: &mut World,
        ledger: &mut Ledger,
        line: Line,
        happening: Happening,
    ) {
        if self.life != Life::Runs {
            return;
        }
        match (line, happening) {
            (Line::Publishing, happening) => self.publishing.happen(world, happening),
            (Line::Consuming, Happening::Ended { slot, run }) => {
                self.ended(world, ledger, slot, run);
            }
            (Line::Consuming, happening) => {
                let input = self.consuming.happen(world, happening);
                self.core
                    .handle(moment(world), input.unwrap_or(Input::Time));
            }
        }
        self.go_on(world, ledger);
    }

    /// Does what the cores want, until both wait.
    fn go_on(&mut self, world: &mut World, ledger: &mut Ledger) {
        while self.life == Life::Runs {
            let mut acted = false;
            while let Some(action) = self.core.poll() {
                acted = true;
                self.act(world, ledger, action);
                if self.life != Life::Runs {
                    return;
                }
            }
            for output in self.publishing.drive(world) {
                acted = true;
                self.take(world, ledger, output);
            }
            if !acted {
                break;
            }
        }
        let wakes = self.core.wakes_at().map(|at| world.time_of(at));
        let deadline = self.consuming.deadline();
        if let Some(at) = [wakes, deadline].into_iter().flatten().min() {
            self.wakes.wake_at(world, self.port, at);
        }
    }

    fn ended(&mut self, world: &mut World, ledger: &mut Ledger, slot: usize, number: u64) {
        if self.runs.get(&slot).is_none_or(|run| run.number != number) {
            return;
        }
        let Some(run) = self.runs.remove(&slot) else {
            return;
        };
        let Some(mut outcome) = run.outcome else {
            // It takes its worker with it.
            ledger.ended(self.port.actor, slot, None);
            self.kill(world, ledger);
            self.life = Life::Crashed;
            return;
        };
        ledger.ended(self.port.actor, slot, Some(&outcome));
        world.trace.note(world.now, || {
            format!(
                "{:?} slot {slot}: task {:?} ended: {:?}",
                self.port, run.key, outcome.ending
            )
        });
        if world.sabotage == Some(Sabotage::TakesFailureForSuccess) {
            outcome.ending = Ending::Exit(0);
        }
        self.core
            .handle(moment(world), Input::Ended { slot, outcome });
    }

    fn act(&mut self, world: &mut World, ledger: &mut Ledger, action: Action) {
        match action {
            Action::Connect => {
                self.consuming.connect_again(world);
            }
            Action::Consume(on) => self.consuming.consume(world, on),
            Action::CancelConsumer => self.consuming.cancel(world),
            Action::Start(start) => self.start(world, ledger, &start),
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
            self.core.handle(moment(world), input);
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
            self.core
                .handle(moment(world), Input::NotStarted { slot, why });
            return;
        }
        let key = crate::ledger::key(task);
        let attempt = headers::attempt(task);
        let kind = key.map_or(Kind::Sound, |key| ledger.kind(key));
        let before = key.map_or(0, |key| ledger.runs(key));
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
        self.publishing.send(world, number, to, Rc::new(task));
        if sabotage == Some(Sabotage::AcksBeforeConfirm) {
            let verdict = Verdict::Confirmed(queue);
            self.core
                .handle(moment(world), Input::Verdict { number, verdict });
        }
    }

    fn take(&mut self, world: &mut World, ledger: &mut Ledger, output: Output) {
        let (number, verdict) = match output {
            Output::Confirmed { number, queue } => (number, Verdict::Confirmed(queue)),
            Output::Refused { number, fault, .. } => (number, Verdict::Refused(fault)),
            Output::Withdrawn { number, sent } => match sent {
                Sent::No => (number, Verdict::Withdrawn),
                Sent::Perhaps => (number, Verdict::Undecided(unknown())),
            },
            Output::Result(_) => return,
            Output::GaveUp(fault) => {
                return ledger.wrong(format!("the publisher of a worker gave up: {fault}"));
            }
        };
        match world.sabotage {
            Some(Sabotage::LosesVerdicts) if world.random.chance(10) => return,
            Some(Sabotage::AcksBeforeConfirm) => return,
            _ => {}
        }
        ledger.verdict(self.port.actor, self.port.life, number);
        self.core
            .handle(moment(world), Input::Verdict { number, verdict });
    }

    fn report(&mut self, world: &mut World, ledger: &mut Ledger, event: Event) {
        world.trace.note(world.now, || {
            format!("{:?} reports {event:.200?}", self.port)
        });
        match event {
            Event::Skipped(of) => ledger.skipped(&of.task),
            Event::Dropped(of) => ledger.dropped(&of.task),
            _ => {}
        }
    }
}

pub fn moment(world: &World) -> Moment {
    Moment {
        instant: world.instant(),
        wall: world.wall(),
    }
}

fn settings(plan: &WorkerPlan, queue: &str) -> Settings {
    let queue = work_queue(queue, None).name;
    let prefetch = NonZeroU16::new(plan.prefetch);
    Settings {
        dead_letters: queue.dead_letters().unwrap(),
        queue,
        host: "host".to_owned(),
        slots: plan.slots,
        prefetch: prefetch.map_or(Prefetch::Unlimited, Prefetch::AtMost),
        ack: Ack::After,
        policy: FailurePolicy {
            on_failure: plan.on_failure,
            retries: plan.retries,
            backoff: plan.backoff,
            backoff_max: Duration::from_secs(20),
            fatal_exit: vec![FATAL],
        },
        max_redeliveries: plan.max_redeliveries,
        ending: EndSettings {
            exit_when_empty: plan.exit_when_empty,
            idle_timeout: None,
            max_tasks: None,
            grace: None,
            kill_after: Some(Duration::from_secs(5)),
        },
        unnoticed_loss: Duration::from_secs(40),
    }
}

fn config(plan: &WorkerPlan, queue: &str, ladder: Vec<Duration>) -> Config {
    Config {
        queues: Queues {
            work: work_queue(queue, plan.queue_type),
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type: plan.queue_type.unwrap_or(QueueType::Classic),
            retry_delays: ladder,
        },
        window: Size {
            messages: 100,
            bytes: 8 << 20,
        },
        backlog: None,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::ZERO,
        connect: Connect::WhenNeeded,
    }
}
