//! What a seed decides.

use crate::actors::{Kind, Mode, Order, SenderPlan, WorkerPlan};
use crate::broker::declaration::Kind as QueueKind;
use crate::broker::{ASKS, DIRECT_REPLY, Series};
use crate::busy;
use crate::deadly;
use crate::fault::{Fault, Queue, RESULTS};
use crate::kept;
use crate::ledger::{Ledger, Make, body};
use crate::random::Random;
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;
use work_queue::amqp::Properties;
use work_queue::publisher::core::{Backlog, Destination, Needed};
use work_queue::queues::QueueType;
use work_queue::task::Task;
use work_queue::worker::core::Prefetching;
use work_queue::worker::core::policy::OnFailure;

/// All that a seed decides beforehand.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub series: Series,
    pub default_type: QueueKind,
    /// The work queue, where another client has made it before.
    pub existing: Option<QueueKind>,
    pub consumer_timeout: Duration,
    pub senders: Vec<SenderPlan>,
    pub workers: Vec<WorkerPlan>,
    pub faults: Vec<(Duration, Fault)>,
    pub retries: u32,
    pub course: Course,
}

/// What kind of course a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Whatever may happen does.
    Any,
    /// The dead-letter queue refuses all from the beginning on, and nothing else goes wrong: all but
    /// dead letters must go on.
    DeadLettersRefused,
}

impl Scenario {
    /// The scenario of a seed; its tasks are entered into the ledger.
    pub fn new(random: &mut Random) -> (Self, Ledger) {
        let course = match random.below(40) {
            0 => Course::DeadLettersRefused,
            _ => Course::Any,
        };
        let queue_type = match random.below(4) {
            0 => Some(QueueType::Quorum),
            1 => Some(QueueType::Classic),
            _ => None,
        };
        let retries = u32::try_from(random.below(4)).unwrap_or(0);
        let all = worker(random, queue_type, retries);
        let mut ledger = Ledger::new(match all.on_failure {
            OnFailure::Retry => retries,
            _ => 0,
        });
        let senders = 1 + random.index(2);
        let workers = 1 + random.index(3);
        let senders: Vec<SenderPlan> = (0..senders)
            .map(|_| sender(random, course, &all, &mut ledger))
            .collect();
        let workers: Vec<WorkerPlan> = {
            let each = |random: &mut Random| WorkerPlan {
                slots: 1 + random.index(3),
                prefetch: u16::try_from(random.below(6)).unwrap_or(1),
                scarcity: random.below(2) * random.below(30),
                ..all.clone()
            };
            let each = |random: &mut Random| {
                let plan = each(random);
                // By a copy of chance, so that it changes nothing else.
                match random.clone().below(4) {
                    0 => plan.with_auto_prefetch(),
                    _ => plan,
                }
            };
            (0..workers).map(|_| each(random)).collect()
        };
        let series = *random.pick(&[Series::V3_10, Series::V4_0, Series::V4_3]);
        let faults = match random.below(8) {
            0 => 0,
            most => random.below(2 * most),
        };
        let faults = (0..faults).map(|_| {
            let at = random.between(Duration::from_millis(1), Duration::from_secs(60));
            (at, Fault::pick(random, senders.len(), workers.len()))
        });
        let faults = match course {
            Course::Any => faults.collect(),
            Course::DeadLettersRefused => {
                let long = Duration::from_secs(1000);
                vec![(Duration::ZERO, Fault::Fill(Queue::Dead, long))]
            }
        };
        let faults = kept::with_fault(random, faults, &senders);
        let faults = deadly::with_fault(random, faults, course);
        let faults = busy::with_faults(random, faults, senders.len(), workers.len());
        let existing = match random.below(4) {
            0 => Some(QueueKind::Quorum),
            1 => Some(QueueKind::Classic),
            _ => None,
        };
        let scenario = Self {
            series,
            default_type: QueueKind::Classic,
            existing: existing.filter(|_| queue_type.is_none()),
            consumer_timeout: match all.max_redeliveries {
                // A task that takes longer would come back without end.
                0 => Duration::from_secs(1800),
                // The same of those that cannot be told from equal ones.
                _ if ledger.has_slow_ones_alike() => Duration::from_secs(1800),
                _ => {
                    let picked =
                        *random.pick(&[Duration::from_secs(30), Duration::from_secs(1800)]);
                    // Over a slow link a copy and a result may take longer than half a minute. Then
                    // the task comes back each time, and its copies grow without end.
                    all.rate.map_or(picked, |_| Duration::from_secs(1800))
                }
            },
            senders,
            workers,
            faults,
            retries,
            course,
        };
        (scenario, ledger)
    }

    /// The tasks whose results a queue keeps.
    pub fn kept(&self) -> BTreeSet<usize> {
        kept::keys(&self.senders)
    }

    /// The smallest body that is too large at some time is larger than this.
    pub fn smallest_limit(&self) -> usize {
        let limits = self.faults.iter().filter_map(|(_, fault)| match fault {
            Fault::SmallerBodies(most) | Fault::DeadlyBodies(most, _) => Some(*most),
            _ => None,
        });
        limits.min().unwrap_or(usize::MAX)
    }

    /// Whether an administrator may delete the work queue.
    pub fn deletes_the_work_queue(&self) -> bool {
        let mut faults = self.faults.iter();
        // Where there is no other queue yet it is that one.
        faults.any(|(_, fault)| matches!(fault, Fault::DeleteQueue(_)))
    }

    /// Whether nothing goes wrong but what tasks do themselves.
    pub fn is_calm(&self) -> bool {
        let mut orders = self.senders.iter().flat_map(|sender| &sender.orders);
        // The connection may end with an answer to such an address.
        let has_address = orders.any(|order| {
            let reply_to = order.task.properties.reply_to();
            reply_to.is_some_and(|reply_to| reply_to != RESULTS)
        });
        // Over a slow link what was sent may be given up, and sent again.
        let is_slow = self.senders.iter().any(|sender| sender.rate.is_some());
        !has_address
            && !is_slow
            && self.faults.is_empty()
            && self.consumer_timeout > Duration::from_secs(1000)
    }
}

fn sender(
    random: &mut Random,
    course: Course,
    worker: &WorkerPlan,
    ledger: &mut Ledger,
) -> SenderPlan {
    let waits = random.chance(20);
    let delays = random.chance(15) && !waits;
    // It is `new_task` that waits.
    let ours = random.chance(80) || waits;
    let count = random.between(Duration::from_micros(1), Duration::from_micros(30));
    let mut last = None;
    let orders = (0..count.as_micros()).map(|_| {
        let kind = match Kind::pick(random) {
            Kind::Crashes(_) | Kind::Slow if course != Course::Any => Kind::Sound,
            // Nobody would ever stop it.
            Kind::Crashes(_) if worker.max_redeliveries == 0 => Kind::Sound,
            kind => kind,
        };
        let make = match ours {
            // With a slow link it would not be moved within the time that a consumer has, and with
            // the address of its sender it could not be moved at all.
            true if random.chance(3) && worker.rate.is_none() && !waits => Make::Large,
            true => Make::Ours,
            false => Make::Foreign,
        };
        let kind = match kind {
            // What takes no count is begun again and again.
            Kind::Crashes(_) if make == Make::Large => Kind::Sound,
            kind => kind,
        };
        // Another program may send equal tasks, and means each of them.
        let equal = last.filter(|_| make == Make::Foreign && random.chance(30));
        let key = equal.unwrap_or_else(|| ledger.add(kind, make));
        last = Some(key);
        let size = match random.below(10) {
            0 => 2000,
            _ => 10,
        };
        let to = if delays {
            Destination::Delay(Duration::from_millis(1 << random.below(14)))
        } else {
            Destination::Work
        };
        Order {
            key,
            task: Rc::new(task(random, key, size, make, waits)),
            to,
        }
    });
    let orders = orders.collect();
    SenderPlan {
        mode: *random.pick(&[Mode::AsRoomAllows, Mode::AllAtOnce]),
        window: 1 + random.index(20),
        rate: random.chance(15).then(|| 200 << random.below(6)),
        queue_type: worker.queue_type,
        backlog: random.chance(10).then(|| Backlog {
            max: NonZeroU32::MIN.saturating_add(3),
            timeout: Duration::from_secs(100_000),
        }),
        waits,
        needed: *random.pick(&[Needed::Nothing, Needed::Nothing, Needed::Type]),
        orders,
        pause: random.between(Duration::from_micros(1), Duration::from_secs(4)),
    }
}

/// A task as `new_task` makes it, or as another program does.
fn task(random: &mut Random, key: usize, size: usize, make: Make, waits: bool) -> Task {
    let mut properties = Properties::persistent();
    if make != Make::Foreign {
        let mut rest = [0; 10];
        rest[..8].copy_from_slice(&random.next().to_be_bytes());
        let id = uuid::Builder::from_unix_timestamp_millis(1_700_000_000_000, &rest);
        properties = properties
            .with_id(id.into_uuid().to_string())
            .with_timestamp(1_700_000_000);
    }
    if waits {
        properties = properties
            .with_reply_to(ASKS.to_owned())
            .with_correlation_id(key.to_string());
    }
    // By a copy of chance, so that it changes nothing else.
    if make == Make::Ours && !waits && random.clone().chance(40) {
        properties = properties
            .with_reply_to(RESULTS.to_owned())
            .with_correlation_id(key.to_string());
    }
    if make == Make::Foreign && random.clone().chance(5) {
        // No channel ever had this address, and some series fall over it.
        properties = properties.with_reply_to(format!("{DIRECT_REPLY}no.address"));
    }
    if make == Make::Large {
        let large = "h".repeat(130_000 + random.index(1100));
        properties = properties.with_header("large", large);
    }
    Task {
        body: body(key, size),
        properties,
    }
}

fn worker(random: &mut Random, queue_type: Option<QueueType>, retries: u32) -> WorkerPlan {
    let on_failure = match random.below(8) {
        0 => OnFailure::DeadLetter,
        1 => OnFailure::Drop,
        _ => OnFailure::Retry,
    };
    WorkerPlan {
        slots: 1,
        prefetch: 1,
        prefetching: Prefetching::Fixed,
        queue_type,
        on_failure,
        retries,
        backoff: Duration::from_millis(100 << random.below(6)),
        max_redeliveries: *random.pick(&[0, 2, 3, 4, 20]),
        exit_when_empty: random.chance(20),
        rate: random.chance(10).then(|| 500 << random.below(6)),
        scarcity: 0,
    }
}
