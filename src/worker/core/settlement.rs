//! What must be safe elsewhere before a task is acknowledged.
//!
//! A retry, a dead letter and a result are published and confirmed first, and only then is the
//! original acknowledged. A worker that dies in between leaves both: the task may be done twice,
//! but it is not lost.

use super::account::{Account, Detail};
use super::counting::Counting;
use super::delivery::Delivery;
use super::outgoing::Outgoing;
use super::result_message::ResultMessage;
use super::share::half_of_others;
use crate::amqp::Prefetch;
use crate::base::batch::Batch;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// How long a task waits for the copy that counts its return, or goes to other workers. Then it is begun
/// uncounted, or given back, unless the copy is on its way already: a broker that takes nothing for now
/// must not keep sound tasks from being done.
const COUNTING_LIMIT: Duration = Duration::from_secs(2);

/// A settlement that takes longer than this leaves its place to another task. The first message to a
/// new quorum queue takes two seconds: the queue is not safe before.
const TAKES_LONG: Duration = Duration::from_secs(5);

/// The longest wait of a result for others. A result alone costs the broker a write, a confirm, a
/// delivery and an acknowledgement of its own; several share them. Measured with `new_task --wait` and
/// two workers that run `echo`, RabbitMQ 4.3.6: the broker spends 0.9 ms of CPU time for each task without
/// a wait, 0.42 ms with 20 ms, 0.26 ms with 40 ms, 0.21 ms with 80 ms.
const RESULT_LINGER: Duration = Duration::from_millis(80);

/// What becomes of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Nothing more than its result is to be told.
    Done,
    /// The same.
    Drop,
    /// A copy comes back after a pause.
    Retry(Duration),
    /// A copy goes to the end of the queue.
    Requeue,
    /// A copy goes to the dead letters, with this much detail.
    DeadLetter(Detail),
    /// A copy that counts one more return goes to the end of the queue.
    CountReturn,
    /// A copy that counts nothing goes to the end of the queue, for other workers.
    HandOn,
}

/// What is published now, or waits to be.
#[derive(Clone, Debug)]
pub(super) enum SettlementStep {
    /// The copy; the result follows, if one is wanted.
    Copy(Option<ResultMessage>),
    /// The result. It is kept in case it is too long.
    Result(ResultMessage),
}

/// A task that waits for a message to be safe.
#[derive(Debug)]
pub(super) struct Settlement {
    pub(super) delivery: Delivery,
    /// Where it ran, if it did.
    pub(super) slot: Option<usize>,
    pub(super) purpose: Purpose,
    pub(super) step: SettlementStep,
    pub(super) account: Account,
    pub(super) since: Instant,
    /// It takes long.
    pub(super) is_overdue: bool,
}

impl Settlement {
    /// Whether a copy of the task is what waits.
    pub(super) fn publishes_copy(&self) -> bool {
        matches!(self.step, SettlementStep::Copy(_))
    }
}

/// The settlements under way, by the number of their message.
#[derive(Debug)]
pub(super) struct Settlements {
    /// Results that wait for others, to be published together.
    pub(super) results: Batch<Outgoing>,
    pending: BTreeMap<u64, Settlement>,
    next: u64,
    /// Until when the returns under way may be counted, in order.
    counting: VecDeque<(Instant, u64)>,
    /// When each of the others began, in order.
    begun: VecDeque<(Instant, u64)>,
    /// How many of them take long.
    overdue: usize,
}

impl Settlements {
    /// None yet, with at most `prefetch` tasks here, of which `slots` run. Half of the others may wait for their
    /// results to be published; the rest is for those whose results the broker is about to confirm.
    pub(super) fn new(prefetch: Prefetch, slots: usize) -> Self {
        Self {
            results: Batch::new(RESULT_LINGER, half_of_others(prefetch, slots)),
            pending: BTreeMap::new(),
            next: 0,
            counting: VecDeque::new(),
            begun: VecDeque::new(),
            overdue: 0,
        }
    }

    /// There are as many from now on.
    pub(super) fn set_prefetch(&mut self, prefetch: Prefetch, slots: usize) {
        self.results.set_enough(half_of_others(prefetch, slots));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// A number for a message.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The number that the next message will have.
    pub(super) fn next_number(&self) -> u64 {
        self.next + 1
    }

    pub(super) fn insert(&mut self, number: u64, mut settlement: Settlement) {
        settlement.is_overdue = false;
        let since = settlement.since;
        if matches!(settlement.purpose, Purpose::CountReturn | Purpose::HandOn) {
            self.counting.push_back((since + COUNTING_LIMIT, number));
        } else {
            self.begun.push_back((since + TAKES_LONG, number));
        }
        self.pending.insert(number, settlement);
    }

    pub(super) fn take(&mut self, number: u64) -> Option<Settlement> {
        let taken = self.pending.remove(&number)?;
        self.overdue -= usize::from(taken.is_overdue);
        for queue in [&mut self.counting, &mut self.begun] {
            let is_over = |first: &(Instant, u64)| !self.pending.contains_key(&first.1);
            while queue.front().is_some_and(is_over) {
                queue.pop_front();
            }
        }
        Some(taken)
    }

    /// The number of the next return that has waited too long to be counted: its copy is to be
    /// withdrawn, and again after the same time. One that must be counted goes on waiting.
    pub(super) fn uncounted(&mut self, now: Instant) -> Option<u64> {
        while let Some(number) = due(&mut self.counting, now) {
            let Some(settlement) = self.pending.get_mut(&number) else {
                continue;
            };
            if !settlement.is_overdue {
                settlement.is_overdue = true;
                self.overdue += 1;
            }
            if Counting::may_be_left(&settlement.delivery) {
                self.counting.push_back((now + COUNTING_LIMIT, number));
                return Some(number);
            }
        }
        None
    }

    /// Whether a return is being counted. A worker that died now would leave the task and its copy.
    pub(super) fn counts_returns(&self) -> bool {
        !self.counting.is_empty()
    }

    /// Notes those that take long by now.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(number) = due(&mut self.begun, now) {
            if let Some(settlement) = self.pending.get_mut(&number) {
                settlement.is_overdue = true;
                self.overdue += 1;
            }
        }
    }

    /// How many take too long for others to wait for their places.
    pub(super) fn overdue(&self) -> usize {
        self.overdue
    }

    /// When something is due of itself.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let first = |queue: &VecDeque<(Instant, u64)>| queue.front().map(|(at, _)| *at);
        let due = [
            first(&self.counting),
            first(&self.begun),
            self.results.wakes_at(),
        ];
        due.into_iter().flatten().min()
    }

    /// Takes out all of them, with their numbers.
    pub(super) fn drain(&mut self) -> BTreeMap<u64, Settlement> {
        self.counting.clear();
        self.begun.clear();
        self.overdue = 0;
        std::mem::take(&mut self.pending)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Settlement)> {
        let pending = self.pending.iter_mut();
        pending.map(|(number, settlement)| (*number, settlement))
    }
}

/// Takes out the first number whose time has come.
fn due(queue: &mut VecDeque<(Instant, u64)>, now: Instant) -> Option<u64> {
    let (at, _) = queue.front()?;
    if *at > now {
        return None;
    }
    queue.pop_front().map(|(_, number)| number)
}

#[cfg(test)]
mod tests;
