//! What is planned: faults and their ends, and the lives of workers.

use super::{HEARTBEATS, Run};
use crate::actors::{Host, Life, WorkerActor};
use crate::broker::Power;
use crate::broker::method::ConnectionId;
use crate::fault::{Ask, Fault, Repair, WORK, mend_all};
use crate::world::ActorId;
use std::time::Duration;

/// Something to happen at its time.
pub enum Plan {
    Fault(Fault),
    Repair(Repair),
    /// The client side of a connection to a broker that is frozen gives up.
    HeartbeatMissed(ConnectionId),
    MendAll,
}

impl Run {
    /// A worker that has ended is followed by another one.
    pub(super) fn after_life(&mut self, actor: ActorId, was: &Life) {
        let worker = &self.workers[actor - self.senders.len()];
        if worker.life == *was {
            return;
        }
        match &worker.life {
            // What it could not finish is told, and is not lost.
            Life::Ended("failed", Some(fault))
                if fault.contains("could not be acknowledged")
                    || fault.contains("could not be moved") => {}
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

    pub(super) fn happen(&mut self, number: usize) {
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
                    Ask::Pause(worker) => self.set_host(worker, Host::Busy),
                }
                if let Some((after, repair)) = repair {
                    self.plan(self.world.now + after, Plan::Repair(repair));
                }
            }
            Plan::Repair(Repair::StartWorker(actor)) => self.start(actor),
            Plan::Repair(Repair::FreeHost(actor)) => self.set_host(actor, Host::Free),
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

    fn kill(&mut self, actor: ActorId) {
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

    fn set_host(&mut self, actor: ActorId, host: Host) {
        let worker = &mut self.workers[actor - self.senders.len()];
        worker.set_host(&mut self.world, &mut self.ledger, host);
    }

    fn start(&mut self, actor: ActorId) {
        let worker = &mut self.workers[actor - self.senders.len()];
        if worker.life != Life::Runs {
            let life = worker.life_number() + 1;
            let plan = worker.plan().clone();
            *worker = WorkerActor::new(plan, (actor, life), WORK, &mut self.world);
        }
    }
}
