//! One run: a world, its actors, the faults, and the verdict at the end.

use crate::actors::{Kind, Sender, WorkerActor};
use crate::broker::method::ConnectionId;
use crate::broker::{Broker, Power, Settings, Time};
use crate::fault::{Ask, Fault, Repair, WORK, mend_all};
use crate::ledger::Ledger;
use crate::random::Random;
use crate::sabotage::Sabotage;
use crate::scenario::{Course, Scenario};
use crate::world::{ActorId, Happening, Port, Trace, Turn, World};
use std::time::{Duration, Instant, SystemTime};
use work_queue::worker::core::policy::OnFailure;

/// When all faults are mended.
const MENDED: Duration = Duration::from_secs(120);

/// When the dead-letter queue, that has refused all from the beginning, is mended.
const MENDED_LATE: Duration = Duration::from_secs(250);

/// How soon a task is done that nothing holds up: after its delay, and three retries with pauses.
const PROMPTLY: Duration = Duration::from_secs(150);

/// When all must be done. A queue without a leader takes 65 s to say so, a transfer that was
/// refused is tried again after 180 s, and a task that takes minutes may come twice.
const DONE: Duration = Duration::from_secs(3600);

/// No run has so many events, unless something goes in circles.
const EVENTS: u64 = 400_000;

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

/// Something to happen at its time.
enum Plan {
    Fault(Fault),
    Repair(Repair),
    /// The client side of a connection to a broker that is frozen gives up.
    HeartbeatMissed(ConnectionId),
    MendAll,
}

/// Without a heartbeat for so long a connection is given up.
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
        while let Some(turn) = self.world.step() {
            self.events += 1;
            if self.world.now > DONE || self.events > EVENTS {
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

    /// A worker that has ended is followed by another one.
    fn after_life(&mut self, actor: ActorId, was: &crate::actors::Life) {
        use crate::actors::Life;
        let worker = &self.workers[actor - self.senders.len()];
        if worker.life == *was {
            return;
        }
        match &worker.life {
            // What it could not finish is told, and is not lost.
            Life::Ended("failed", Some(fault))
                if fault.contains("could not be acknowledged")
                    || fault.contains("could not be put aside") => {}
            // An administrator deleted its queue while it was counting what is in it.
            Life::Ended("failed", Some(fault))
                if fault.contains("no queue") && self.scenario.deletes_the_work_queue() => {}
            Life::Ended("failed", fault) => {
                let text = format!("worker {actor} ended: {fault:?}");
                self.ledger.wrong(text);
            }
            Life::Runs | Life::Crashed | Life::Ended(..) => {}
        }
        let pause = match worker.life {
            Life::Ended("empty", _) => Duration::from_secs(20),
            _ => Duration::from_secs(2),
        };
        let repair = Repair::StartWorker(actor);
        self.plan(self.world.now + pause, Plan::Repair(repair));
    }

    fn happen(&mut self, number: usize) {
        let plan = std::mem::replace(&mut self.plans[number], Plan::MendAll);
        match plan {
            Plan::Fault(fault) => {
                let (ask, repair) = fault.happen(&mut self.world, &mut self.ledger);
                if self.world.broker.power() == Power::Frozen {
                    for id in self.world.connections(None) {
                        let at = self.world.now + HEARTBEATS;
                        self.plan(at, Plan::HeartbeatMissed(id));
                    }
                }
                match ask {
                    Ask::Nothing => {}
                    Ask::Kill(worker) => self.kill(worker),
                    Ask::Stop(worker) => self.stop(worker),
                }
                if let Some((after, repair)) = repair {
                    self.plan(self.world.now + after, Plan::Repair(repair));
                }
            }
            Plan::Repair(Repair::StartWorker(actor)) => self.start(actor),
            Plan::Repair(repair) => repair.happen(&mut self.world),
            Plan::HeartbeatMissed(id) => {
                if self.world.broker.power() == Power::Frozen {
                    let none = Duration::ZERO;
                    self.world.cut(id, none, none);
                }
            }
            Plan::MendAll => {
                self.check_independence();
                mend_all(&mut self.world);
                self.is_mended = true;
            }
        }
    }

    /// A queue that refuses dead letters must not hold up anything else.
    fn check_independence(&mut self) {
        if self.scenario.course != Course::DeadLettersRefused {
            return;
        }
        let retries = match self.scenario.workers[0].on_failure {
            OnFailure::Retry => u64::from(self.scenario.retries),
            _ => 0,
        };
        let undone = self.ledger.undone(|kind| match kind {
            Kind::Sound => true,
            Kind::Flaky(times) => times <= retries,
            _ => false,
        });
        let long_ago = self.world.now.saturating_sub(PROMPTLY);
        let late = undone.into_iter();
        let late = late.filter(|key| self.ledger.was_confirmed_by(*key, long_ago));
        let late: Vec<usize> = late.collect();
        if !late.is_empty() {
            let text = format!("dead letters that are refused hold up tasks {late:?}");
            self.ledger.wrong(text);
        }
    }

    fn kill(&mut self, actor: ActorId) {
        use crate::actors::Life;
        let worker = &mut self.workers[actor - self.senders.len()];
        if worker.life == Life::Runs {
            self.world
                .trace
                .note(self.world.now, || format!("worker {actor} is killed"));
            worker.kill(&mut self.world, &mut self.ledger);
            worker.life = Life::Crashed;
        }
    }

    fn stop(&mut self, actor: ActorId) {
        let worker = &mut self.workers[actor - self.senders.len()];
        worker.signal(&mut self.world, &mut self.ledger);
    }

    fn start(&mut self, actor: ActorId) {
        use crate::actors::Life;
        let worker = &mut self.workers[actor - self.senders.len()];
        if worker.life != Life::Runs {
            let life = worker.life_number() + 1;
            let plan = worker.plan().clone();
            *worker = WorkerActor::new(plan, (actor, life), WORK, &mut self.world);
        }
    }

    /// Whether nothing is left to do.
    fn is_quiet(&self) -> bool {
        let broker = &self.world.broker;
        !self.ledger.is_running()
            && self.senders.iter().all(Sender::is_done)
            && broker.unsettled() == 0
            && broker
                .queue_names()
                .all(|name| name == format!("{WORK}.dead") || broker.stored(name) == 0)
    }

    fn close(&mut self) {
        if !self.is_quiet() {
            let broker = &self.world.broker;
            let mut left = vec![format!(
                "after {:?} and {} events {} deliveries are unsettled",
                self.world.now,
                self.events,
                broker.unsettled()
            )];
            let queues = broker.queue_names();
            left.extend(queues.map(|name| format!("{name} holds {}", broker.stored(name))));
            let senders = self.senders.iter().filter(|sender| !sender.is_done());
            left.extend(senders.map(|sender| format!("a sender: {}", sender.unfinished())));
            self.ledger.wrong(format!("stuck: {}", left.join("; ")));
        }
        let dead = self.world.broker.messages(&format!("{WORK}.dead"));
        let dropped = self.world.broker.take_dropped();
        let movable = self.scenario.smallest_limit();
        self.ledger.close(&dead, &dropped, movable);
        if self.scenario.is_calm() && self.ledger.wrongs().is_empty() {
            self.ledger.check_single_runs();
        }
    }
}
