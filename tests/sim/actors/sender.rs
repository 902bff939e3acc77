//! A model `new_task`: tasks of a list, sent one after the other.

use super::publishing::{Output, Publishing, Results};
use crate::fault::{RESULTS, SMALL};
use crate::ledger::{Ledger, Make, Sent};
use crate::sabotage::Sabotage;
use crate::world::{ActorId, Happening, Line, Port, Rest, Wakes, World};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use work_queue::publisher::core::{
    Backlog, Config, Connect, Destination, Needed, Queues, Scope, Size, Upkeep,
};
use work_queue::queues::{Declare, QueueType, WorkQueue};
use work_queue::task::Task;

/// How tasks are handed to the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// When it has room for one, as from a file.
    AsRoomAllows,
    /// All at once.
    AllAtOnce,
}

/// A task to be sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number in the ledger.
    pub key: usize,
    pub task: Rc<Task>,
    pub to: Destination,
}

/// What a sender does.
#[derive(Clone, Debug)]
pub struct SenderPlan {
    pub mode: Mode,
    pub window: usize,
    pub rate: Option<u64>,
    pub queue_type: Option<QueueType>,
    pub backlog: Option<Backlog>,
    pub waits: bool,
    pub needed: Needed,
    pub orders: Vec<Order>,
    /// The pause between two tasks.
    pub pause: Duration,
}

/// A model `new_task`.
pub struct Sender {
    publishing: Publishing,
    plan: SenderPlan,
    port: Port,
    left: VecDeque<Order>,
    next_number: u64,
    /// What was handed to the core and has no verdict, by number.
    open: BTreeMap<u64, Order>,
    next_at: Duration,
    wakes: Wakes,
    /// It will not send anything more.
    pub is_over: bool,
}

impl Sender {
    pub fn new(plan: SenderPlan, actor: ActorId, queue: &str, world: &mut World) -> Self {
        let port = Port {
            actor,
            life: 0,
            line: Line::Publishing,
        };
        let config = config(&plan, queue);
        let results = if plan.waits {
            Results::Wanted
        } else {
            Results::Unwanted
        };
        let work_type = plan.queue_type.map(type_name);
        let types = (work_type, work_type.filter(|kind| *kind == "quorum"));
        let mut publishing = Publishing::new(config, (port, plan.rate), types, results, world);
        for order in &plan.orders {
            publishing.core.prepare(&order.to, world.instant());
        }
        world.happen(world.now, port, Happening::Starts);
        Self {
            publishing,
            port,
            left: plan.orders.iter().cloned().collect(),
            plan,
            next_number: 0,
            open: BTreeMap::new(),
            next_at: Duration::ZERO,
            wakes: Wakes::default(),
            is_over: false,
        }
    }

    pub fn happen(&mut self, world: &mut World, ledger: &mut Ledger, happening: Happening) {
        if self.is_over {
            return;
        }
        self.publishing.happen(world, happening);
        loop {
            let mut changed = self.drive(world, ledger);
            changed |= self.feed(world);
            // To ask for room may have begun a question to the broker.
            changed |= self.drive(world, ledger);
            if !changed || self.is_over {
                break;
            }
        }
        if self.left.is_empty() && self.open.is_empty() && !self.is_over {
            self.end(world);
        }
    }

    /// Lets the core go on. Whether it decided anything.
    fn drive(&mut self, world: &mut World, ledger: &mut Ledger) -> bool {
        let outputs = self.publishing.drive(world);
        let decided = !outputs.is_empty();
        for output in outputs {
            self.take(world, ledger, output);
        }
        decided
    }

    /// Hands over what may be.
    fn feed(&mut self, world: &mut World) -> bool {
        let mut fed = false;
        while let Some(order) = self.left.front() {
            if self.next_at > world.now {
                self.wakes.wake_at(world, self.port, self.next_at);
                break;
            }
            let now = world.instant();
            if self.plan.mode == Mode::AsRoomAllows
                && !self.publishing.core.has_room(&order.to, now)
            {
                break;
            }
            let Some(order) = self.left.pop_front() else {
                break;
            };
            self.next_number += 1;
            self.next_at = world.now + self.plan.pause;
            let (to, task) = (order.to.clone(), Rc::clone(&order.task));
            self.open.insert(self.next_number, order);
            self.publishing.send(world, self.next_number, to, task);
            fed = true;
        }
        fed
    }

    fn take(&mut self, world: &mut World, ledger: &mut Ledger, output: Output) {
        match output {
            Output::Confirmed { number, .. } => {
                self.verdict(world, ledger, number, Sent::Confirmed);
            }
            Output::Refused {
                number,
                scope,
                fault,
            } => {
                world
                    .trace
                    .note(world.now, || format!("refused {number}: {fault}"));
                let is_innocent = |order: &Order| {
                    let task = &order.task;
                    task.body.len() <= SMALL
                        && task.properties.reply_to().is_none_or(|to| to == RESULTS)
                        && ledger.make(order.key) != Make::Large
                };
                if scope == Scope::Message && self.open.get(&number).is_some_and(is_innocent) {
                    ledger.wrong(format!("message {number} is refused: {fault}"));
                }
                let sent = match scope {
                    Scope::Message => Sent::Refused,
                    Scope::Destination => Sent::Unsent,
                };
                self.verdict(world, ledger, number, sent);
            }
            Output::Withdrawn { number, .. } => {
                ledger.wrong(format!("message {number} of a sender was withdrawn"));
            }
            Output::Result(result) => self.result(world, ledger, &result),
            Output::GaveUp(fault) => {
                world
                    .trace
                    .note(world.now, || format!("{:?} gives up: {fault}", self.port));
                for (number, ..) in self.publishing.core.take_unfinished() {
                    self.verdict(world, ledger, number, Sent::Unsent);
                }
                for order in self.left.drain(..) {
                    ledger.sent(order.key, Sent::Never, world.now);
                }
                self.end(world);
            }
        }
    }

    fn verdict(&mut self, world: &mut World, ledger: &mut Ledger, number: u64, sent: Sent) {
        if world.sabotage == Some(Sabotage::LosesVerdicts) && world.random.chance(10) {
            return;
        }
        match self.open.remove(&number) {
            Some(order) => ledger.sent(order.key, sent, world.now),
            None => ledger.wrong(format!("message {number} of a sender has two verdicts")),
        }
    }

    fn result(&mut self, world: &mut World, ledger: &mut Ledger, result: &Task) {
        let id = result.properties.correlation_id();
        let key = id.and_then(|id| id.parse().ok());
        let Some(key) = key else {
            return ledger.wrong("a result without its task".to_owned());
        };
        ledger.answered(key, result);
        let number = self.open.iter().find(|(_, order)| order.key == key);
        if let Some((number, _)) = number {
            let number = *number;
            self.publishing.answered(world, number);
        }
    }

    fn end(&mut self, world: &mut World) {
        // One that waits for results stays until the end of the run.
        if !self.plan.waits {
            self.publishing.end(world, Rest::All);
        }
        self.is_over = !self.plan.waits;
    }

    /// Whether all that it sent has its verdict.
    pub fn is_done(&self) -> bool {
        self.left.is_empty() && self.open.is_empty()
    }

    /// What has no verdict, for people.
    pub fn unfinished(&self) -> String {
        let open: Vec<usize> = self.open.values().map(|order| order.key).collect();
        format!(
            "{} not handed over, without a verdict: {open:?}",
            self.left.len()
        )
    }
}

fn config(plan: &SenderPlan, queue: &str) -> Config {
    Config {
        queues: Queues {
            work: work_queue(queue, plan.queue_type),
            upkeep: Upkeep::Ours,
            needed: plan.needed,
            queue_type: plan.queue_type.unwrap_or(QueueType::Classic),
            retry_delays: Vec::new(),
        },
        window: Size {
            messages: plan.window,
            bytes: 8 << 20,
        },
        backlog: plan.backlog,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::from_secs(if plan.waits { 60 } else { 0 }),
        connect: Connect::Always,
    }
}

/// The work queue as both commands want it.
pub fn work_queue(name: &str, queue_type: Option<QueueType>) -> WorkQueue {
    WorkQueue {
        name: name.parse().unwrap(),
        queue_type,
        max_priority: None,
        declare: Declare::Yes,
    }
}

pub fn type_name(queue_type: QueueType) -> &'static str {
    match queue_type {
        QueueType::Classic => "classic",
        QueueType::Quorum => "quorum",
    }
}
