//! One run: a world, its actors, the faults, and the verdict at the end.

mod checks;
mod plan;

use crate::actors::{Sender, WorkerActor};
use crate::broker::{Broker, Settings, Time};
use crate::fault::{RESULTS, WORK};
use crate::ledger::Ledger;
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::scenario::{Course, Scenario};
use crate::world::{Happening, Port, Trace, Turn, World};
use plan::Plan;
use std::time::{Duration, Instant, SystemTime};

/// When all faults are mended.
const MENDED: Duration = Duration::from_secs(120);

/// When the dead-letter queue, that has refused all from the beginning, is mended.
const MENDED_LATE: Duration = Duration::from_secs(250);

/// How soon a task is done that nothing holds up: after its delay, and three retries with pauses.
const PROMPTLY: Duration = Duration::from_secs(150);

/// When all must be done. A queue without a leader takes 65 s to say so, a transfer that was
/// refused is tried again after 180 s, and of tasks that take minutes there may be many messages,
/// where connections broke before they were confirmed, and one worker for all.
const DONE: Duration = Duration::from_secs(6 * 3600);

/// No run has this many events, unless something goes in circles.
const EVENTS: u64 = 400_000;

/// The same with what happens within the model alone.
const STEPS: u64 = 20_000_000;

/// Whether what happens is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    No,
    Yes,
}

/// What came of a run.
pub struct Report {
    pub seed: u64,
    pub wrongs: Vec<String>,
    pub trace: Vec<String>,
    pub events: u64,
}

/// Runs the schedule of a seed.
pub fn run(seed: u64, sabotage: Option<Sabotage>, record: Record) -> Report {
    let mut random = Random::new(seed);
    let (scenario, ledger) = Scenario::new(&mut random);
    let mut run = Run::new(scenario, ledger, random, sabotage, record);
    run.go();
    Report {
        seed,
        wrongs: run.ledger.wrongs().to_vec(),
        trace: run.world.trace.take(),
        events: run.events,
    }
}

struct Run {
    world: World,
    ledger: Ledger,
    scenario: Scenario,
    senders: Vec<Sender>,
    workers: Vec<WorkerActor>,
    plans: Vec<Plan>,
    events: u64,
    is_mended: bool,
}

/// Without a heartbeat for this time a connection is given up.
const HEARTBEATS: Duration = Duration::from_secs(40);

impl Run {
    fn new(
        scenario: Scenario,
        ledger: Ledger,
        mut random: Random,
        sabotage: Option<Sabotage>,
        record: Record,
    ) -> Self {
        let settings = Settings {
            default_type: scenario.default_type,
            consumer_timeout: scenario.consumer_timeout,
            ..Settings::new(scenario.series)
        };
        let broker = Broker::new(settings, Random::new(random.next()));
        let trace = match record {
            Record::No => Trace::Off,
            Record::Yes => Trace::On(Vec::new()),
        };
        let epoch = (
            Instant::now(),
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        );
        let mut world = World::new(broker, random, trace, epoch);
        world.sabotage = sabotage;
        world.trace.note(Time::ZERO, || format!("{scenario:#?}"));
        if let Some(kind) = scenario.existing {
            let typed = match kind {
                crate::broker::declaration::Kind::Classic => None,
                crate::broker::declaration::Kind::Quorum => Some("quorum"),
            };
            let arguments = crate::actors::typed(typed);
            world.broker.make_queue(WORK, kind, arguments);
        }
        let results = crate::broker::declaration::Kind::Classic;
        world
            .broker
            .make_queue(RESULTS, results, crate::actors::typed(Some("classic")));
        let senders: Vec<Sender> = scenario
            .senders
            .iter()
            .enumerate()
            .map(|(actor, plan)| Sender::new(plan.clone(), actor, WORK, &mut world))
            .collect();
        let workers = scenario
            .workers
            .iter()
            .enumerate()
            .map(|(index, plan)| {
                let actor = senders.len() + index;
                WorkerActor::new(plan.clone(), (actor, 0), WORK, &mut world)
            })
            .collect();
        let mut run = Self {
            world,
            ledger,
            senders,
            workers,
            plans: Vec::new(),
            scenario,
            events: 0,
            is_mended: false,
        };
        for (at, fault) in run.scenario.faults.clone() {
            run.plan(at, Plan::Fault(fault));
        }
        let mended = match run.scenario.course {
            Course::DeadLettersRefused => MENDED_LATE,
            Course::Any if run.scenario.is_calm() => Duration::ZERO,
            Course::Any => MENDED,
        };
        run.plan(mended, Plan::MendAll);
        run
    }

    fn plan(&mut self, at: Time, plan: Plan) {
        self.plans.push(plan);
        self.world.fault_at(at, self.plans.len() - 1);
    }

    fn go(&mut self) {
        let mut steps = 0;
        while let Some(turn) = self.world.step() {
            // What only the model does by itself is cheap, and grows with what lies in its queues.
            self.events += u64::from(!matches!(turn, Turn::Nothing));
            steps += 1;
            if self.world.now > DONE || self.events > EVENTS || steps > STEPS {
                break;
            }
            match turn {
                Turn::Nothing => continue,
                Turn::Fault(number) => self.happen(number),
                Turn::Happens(port, happening) => self.turn(port, happening),
            }
            if self.is_mended && self.is_quiet() {
                break;
            }
        }
        self.close();
    }

    fn turn(&mut self, port: Port, happening: Happening) {
        let (world, ledger) = (&mut self.world, &mut self.ledger);
        if let Some(sender) = self.senders.get_mut(port.actor) {
            sender.happen(world, ledger, happening);
            return;
        }
        let index = port.actor - self.senders.len();
        let worker = &mut self.workers[index];
        if worker.life_number() != port.life {
            return;
        }
        let was = worker.life.clone();
        worker.happen(world, ledger, port.line, happening);
        self.after_life(port.actor, &was);
    }
}
