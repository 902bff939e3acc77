//! What goes wrong, and how it is mended.

use crate::broker::{QueueState, Settings};
use crate::ledger::Ledger;
use crate::random::Random;
use crate::world::{ActorId, Line, World};
use std::time::Duration;

/// A body that is always taken, in bytes.
pub const SMALL: usize = 500;

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// `kill -9`, and a start after this time.
    KillBroker(Duration),
    /// An orderly stop, and a start after this time.
    RestartBroker(Duration),
    Freeze(Duration),
    Alarm(Duration),
    /// A connection of this process breaks. It notices after the first, the broker after the second
    /// length of time.
    Cut(ActorId, Duration, Duration),
    /// An administrator closes all connections.
    CloseConnections,
    /// A worker is killed, and another one started after this time.
    KillWorker(ActorId, Duration),
    /// A worker is asked to stop, and another one started after this time.
    StopWorker(ActorId, Duration),
    /// The host of a worker is busy for this time.
    BusyHost(ActorId, Duration),
    /// A queue refuses all messages for this time.
    Fill(Queue, Duration),
    LoseLeader(Queue, Duration),
    NodeDown(Duration),
    DeleteQueue(Queue),
    /// The broker takes smaller bodies from now on.
    SmallerBodies(usize),
    /// From now on the broker closes a connection over a body that is larger than this, with this
    /// code.
    DeadlyBodies(usize, u16),
}

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    Work,
    Dead,
    /// The first delay queue there is.
    Delay,
    /// The one that keeps results.
    Results,
}

/// The end of something that went wrong.
#[derive(Clone, Debug)]
pub enum Repair {
    StartBroker,
    Thaw,
    ClearAlarm,
    Empty(String),
    NodeUp,
    StartWorker(ActorId),
    FreeHost(ActorId),
}

/// What a fault asks of the code that runs the actors.
pub enum Ask {
    Nothing,
    Kill(ActorId),
    Stop(ActorId),
    Pause(ActorId),
}

pub const WORK: &str = "work";

/// Keeps results until the end of the run.
pub const RESULTS: &str = "work.results.kept";

/// The name of a queue.
pub fn queue_name(queue: Queue, world: &World) -> String {
    match queue {
        Queue::Work => WORK.to_owned(),
        Queue::Dead => format!("{WORK}.dead"),
        Queue::Results => RESULTS.to_owned(),
        Queue::Delay => {
            let prefix = format!("{WORK}.delay.");
            let mut names = world.broker.queue_names();
            let found = names.find(|name| name.starts_with(&prefix));
            found.unwrap_or(WORK).to_owned()
        }
    }
}

impl Fault {
    /// One of those that may happen at any time.
    pub fn pick(random: &mut Random, senders: usize, workers: usize) -> Self {
        let mut span = |least: u64, most: u64| {
            random.between(Duration::from_millis(least), Duration::from_millis(most))
        };
        let (short, long, notice) = (span(50, 5_000), span(500, 100_000), span(1, 60_000));
        let worker = senders + random.index(workers);
        let anyone = random.index(senders + workers);
        let queue = *random.pick(&[Queue::Work, Queue::Dead, Queue::Delay]);
        match random.below(16) {
            0 | 1 => Self::KillBroker(short),
            2 => Self::RestartBroker(short),
            3 => Self::Freeze(long),
            4 => Self::Alarm(long),
            5 | 6 => Self::Cut(anyone, Duration::from_millis(1), notice),
            7 => Self::Cut(anyone, notice, Duration::from_millis(1)),
            8 => Self::CloseConnections,
            9 | 10 => Self::KillWorker(worker, short),
            11 => Self::StopWorker(worker, short),
            12 => Self::Fill(queue, long),
            13 => Self::LoseLeader(queue, long),
            14 if random.chance(20) => Self::DeleteQueue(queue),
            14 => Self::NodeDown(long),
            _ => Self::SmallerBodies(SMALL),
        }
    }

    /// Lets it happen. Returns what ends it, and when.
    pub fn happen(
        &self,
        world: &mut World,
        ledger: &mut Ledger,
    ) -> (Ask, Option<(Duration, Repair)>) {
        world.trace.note(world.now, || format!("fault: {self:?}"));
        let repair = match self {
            Self::KillBroker(down) => {
                let gone = world.broker.kill();
                excuse_unknowing(world, ledger);
                world.broker_killed(gone);
                Some((*down, Repair::StartBroker))
            }
            Self::RestartBroker(down) => {
                world.broker.stop();
                Some((*down, Repair::StartBroker))
            }
            Self::Freeze(length) => {
                world.broker.freeze();
                world.stall();
                Some((*length, Repair::Thaw))
            }
            Self::Alarm(length) => {
                world.broker.raise_alarm();
                Some((*length, Repair::ClearAlarm))
            }
            Self::Cut(actor, client, broker) => {
                for id in world.connections(Some(*actor)) {
                    if world.random.chance(70) {
                        world.cut(id, *client, *broker);
                    }
                }
                None
            }
            Self::CloseConnections => {
                world
                    .broker
                    .close_all("CONNECTION_FORCED - closed by an administrator");
                None
            }
            Self::KillWorker(worker, down) => {
                let repair = Some((*down, Repair::StartWorker(*worker)));
                return (Ask::Kill(*worker), repair);
            }
            Self::StopWorker(worker, down) => {
                let repair = Some((*down, Repair::StartWorker(*worker)));
                return (Ask::Stop(*worker), repair);
            }
            Self::BusyHost(worker, length) => {
                let repair = Some((*length, Repair::FreeHost(*worker)));
                return (Ask::Pause(*worker), repair);
            }
            Self::Fill(queue, length) => {
                let name = queue_name(*queue, world);
                world.broker.limit_length(&name, Some(0));
                Some((*length, Repair::Empty(name)))
            }
            Self::LoseLeader(queue, length) => {
                let name = queue_name(*queue, world);
                world.broker.lose_leader(&name, *length);
                None
            }
            Self::NodeDown(length) => {
                world.broker.take_node_down(WORK);
                Some((*length, Repair::NodeUp))
            }
            Self::DeleteQueue(queue) => {
                let name = queue_name(*queue, world);
                ledger.excuse_all();
                world.broker.delete_queue(&name);
                None
            }
            Self::SmallerBodies(most) => {
                world.broker.settings.max_message_size = *most;
                None
            }
            Self::DeadlyBodies(most, code) => {
                world.broker.settings.deadly = Some((*most, *code));
                None
            }
        };
        world.settle_broker();
        (Ask::Nothing, repair)
    }
}

/// A queue that was made less than a second before the broker was killed: only its maker can know how
/// old it was.
fn excuse_unknowing(world: &mut World, ledger: &mut Ledger) {
    for lost in world.broker.take_lost() {
        let (_, maker) = lost.made;
        let from = lost.message.from;
        let knows = from.is_some_and(|from| world.owner(from) == world.owner(maker));
        // The work queue's age is its senders' business: a worker that has made it counts returns
        // in it at once, and hands tasks on.
        let is_workers = world.line(maker) == Some(Line::Consuming);
        if !knows || is_workers {
            ledger.excuse(&lost.message.task);
        }
    }
}

impl Repair {
    /// Mends it. The code that runs the actors starts workers.
    pub fn happen(&self, world: &mut World) {
        world.trace.note(world.now, || format!("mended: {self:?}"));
        match self {
            Self::StartBroker => world.broker.start(),
            Self::Thaw => {
                world.broker.advance(world.now);
                world.flow();
                world.broker.thaw();
            }
            Self::ClearAlarm => world.broker.clear_alarm(),
            Self::Empty(name) => world.broker.limit_length(name, None),
            Self::NodeUp => world.broker.bring_node_up(WORK),
            Self::StartWorker(_) | Self::FreeHost(_) => {}
        }
        world.settle_broker();
    }
}

/// Mends all that may still be wrong, as an administrator would.
pub fn mend_all(world: &mut World) {
    for repair in [
        Repair::StartBroker,
        Repair::Thaw,
        Repair::ClearAlarm,
        Repair::NodeUp,
    ] {
        repair.happen(world);
    }
    world.broker.settings.deadly = None;
    let whole = Settings::new(world.broker.settings.series).max_message_size;
    if world.broker.settings.max_message_size < whole {
        // It is read when the broker starts.
        world.broker.settings.max_message_size = whole;
        world.broker.stop();
        world.settle_broker();
        world.broker.start();
    }
    let names: Vec<String> = world.broker.queue_names().map(str::to_owned).collect();
    for name in names {
        world.broker.limit_length(&name, None);
        if world.broker.state_of(&name) == Some(QueueState::Dead) {
            // It was made less than a second before the broker was killed, and nothing else helps.
            world.broker.delete_queue(&name);
        }
    }
    world.settle_broker();
}
