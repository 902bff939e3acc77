//! A model `worker`: the worker's core, its publishing core, its commands.

mod acting;
mod promised;
mod settings;

use super::consuming::Consuming;
use super::publishing::{Output, Publishing, Results, unknown};
use super::sender::type_name;
use crate::ledger::Ledger;
use crate::sabotage::Sabotage;
use crate::world::{ActorId, Happening, Line, Port, Rest, Wakes, World};
use promised::{Promised, begins};
use settings::{config, settings};
use std::collections::BTreeMap;
use std::time::Duration;
use work_queue::publisher::core::Sent;
use work_queue::queues::QueueType;
use work_queue::worker::core::policy::{Ending, OnFailure, Outcome};
use work_queue::worker::core::{Action, Event, Input, Moment, Prefetching, Verdict, Worker};

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct WorkerPlan {
    pub slots: usize,
    /// 0: unlimited.
    pub prefetch: u16,
    pub prefetching: Prefetching,
    pub queue_type: Option<QueueType>,
    pub on_failure: OnFailure,
    pub retries: u32,
    pub backoff: Duration,
    pub max_redeliveries: u32,
    pub exit_when_empty: bool,
    pub rate: Option<u64>,
    /// In how many of a hundred cases a command cannot be started because something is lacking.
    pub scarcity: u64,
}

impl WorkerPlan {
    /// The same with `--prefetch auto`.
    pub fn with_auto_prefetch(self) -> Self {
        Self {
            prefetch: u16::try_from(self.slots).unwrap_or(1),
            prefetching: Prefetching::Auto,
            ..self
        }
    }
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
    host: Host,
    wakes: Wakes,
    /// What slots begin by themselves, while commands end and nothing else happens.
    promised: Promised,
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

/// Whether the host has room for tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Busy,
    Free,
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
        let consuming = Consuming::new(port(Line::Consuming), queue, work_type);
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
            host: Host::Free,
            wakes: Wakes::default(),
            promised: Promised::default(),
        }
    }

    pub fn life_number(&self) -> u32 {
        self.port.life
    }

    pub fn plan(&self) -> &WorkerPlan {
        &self.plan
    }

    pub fn signal(&mut self, world: &mut World, ledger: &mut Ledger) {
        self.tell(world, Input::Signal);
        self.go_on(world, ledger);
    }

    /// The host is busy from now on, or not any more.
    pub fn set_host(&mut self, world: &mut World, ledger: &mut Ledger, host: Host) {
        if self.life == Life::Runs {
            self.host = host;
            let input = match host {
                Host::Busy => Input::Pause("busy".to_owned()),
                Host::Free => Input::Resume,
            };
            self.tell(world, input);
            self.go_on(world, ledger);
        }
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
                if let Some(Input::Delivery(delivery)) = &input {
                    let serial = self.consuming.serial(&delivery.task);
                    ledger.delivered(&delivery.task, serial);
                }
                self.tell(world, input.unwrap_or(Input::Time));
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
        let next = self.promised.next(&self.core);
        self.core
            .handle(moment(world), Input::Ended { slot, outcome });
        let actions: Vec<Action> = std::iter::from_fn(|| self.core.poll()).collect();
        if next.is_some_and(|next| !begins(&actions, slot, &next)) {
            // The slot has begun it by itself.
            ledger.wrong(format!("slot {slot} does not begin the promised task"));
        }
        for action in actions {
            if self.life == Life::Runs {
                self.act(world, ledger, action);
            }
        }
    }

    /// Tells the core of anything but the end of a command.
    fn tell(&mut self, world: &World, input: Input) {
        self.promised.forget();
        self.core.handle(moment(world), input);
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
        self.tell(world, Input::Verdict { number, verdict });
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

fn moment(world: &World) -> Moment {
    Moment {
        instant: world.instant(),
        wall: world.wall(),
    }
}
