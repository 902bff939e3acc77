//! The queues beside the work queue: declared, found different, young, stuck.

use super::super::queues::missing;
use super::Destination;
use super::line::Line;
use crate::auxiliary::{Auxiliary, YOUTH};
use crate::fault::{Fault, Kind};
use crate::refusal::Mismatch;
use crate::topology::{Declare, QueueType, WorkQueue};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a queue beside the work queue turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Of the other type: made by a program that took the work queue for one of that type.
    OtherType,
    /// With arguments of its own, and used as it is.
    AsItIs,
}

/// What is known of the queues beside the work queue.
pub(super) struct Beside {
    queue: WorkQueue,
    /// The work queue's type.
    queue_type: QueueType,
    /// Those that are not as we declare them.
    found: HashMap<String, Found>,
    /// Since when the quorum queues are known to be there.
    known: HashMap<String, Instant>,
    /// Delays that are still to be declared ahead.
    ladder: Vec<Duration>,
    /// Delays that are lengthened, by so many milliseconds, because the queue of the exact length
    /// does not confirm.
    detours: HashMap<Duration, u32>,
}

impl Beside {
    pub(super) fn new(queue: WorkQueue, queue_type: QueueType, ladder: Vec<Duration>) -> Self {
        Self {
            queue,
            queue_type,
            found: HashMap::new(),
            known: HashMap::new(),
            ladder,
            detours: HashMap::new(),
        }
    }

    /// The name of the queue that a letter goes to.
    pub(super) fn address(&self, to: &Destination) -> String {
        match to {
            Destination::Work => self.queue.name.as_str().to_owned(),
            Destination::Answer(name) => name.clone(),
            Destination::Beside(auxiliary) => self.detoured(auxiliary).name(&self.queue.name),
        }
    }

    /// Until when the queue is too young for its confirms to count, if it is.
    pub(super) fn young_until(&self, queue: &str) -> Option<Instant> {
        let until = *self.known.get(queue)? + YOUTH;
        (until > Instant::now()).then_some(until)
    }

    /// The connection broke, perhaps with the broker: queues that were young may not have survived.
    pub(super) fn forget_young(&mut self) {
        let now = Instant::now();
        self.known.retain(|_, since| *since + YOUTH <= now);
    }

    /// A task came back from this queue, or it does not confirm: it may have been deleted, and the
    /// next one of its name is young.
    pub(super) fn forget(&mut self, queue: &str) {
        self.known.remove(queue);
    }

    /// The delay queues that these letters went to do not confirm: they have lost their leader, for
    /// good or for now. A queue whose delay is a millisecond longer does as well.
    pub(super) fn detour<'a>(&mut self, stuck: impl Iterator<Item = &'a Destination>) {
        if self.queue.declare == Declare::No {
            // There is none, and none can be made.
            return;
        }
        let mut delays: Vec<Duration> = stuck
            .filter_map(|to| match to {
                Destination::Beside(Auxiliary::Delay(delay)) => Some(*delay),
                _ => None,
            })
            .collect();
        delays.sort();
        delays.dedup();
        for delay in delays {
            *self.detours.entry(delay).or_default() += 1;
        }
    }

    fn detoured(&self, auxiliary: &Auxiliary) -> Auxiliary {
        match auxiliary {
            Auxiliary::Delay(delay) => {
                let detour = self.detours.get(delay).copied().unwrap_or_default();
                Auxiliary::Delay(*delay + Duration::from_millis(u64::from(detour)))
            }
            Auxiliary::Dead(name) => Auxiliary::Dead(name.clone()),
        }
    }

    /// Declares the queue that a letter is about to go to. With the first delay all of the ladder
    /// is declared, so that those queues are no longer young when a task comes to them.
    pub(super) fn declare(&mut self, line: &mut Line, auxiliary: &Auxiliary) -> Result<(), Fault> {
        if matches!(auxiliary, Auxiliary::Delay(_)) {
            for delay in std::mem::take(&mut self.ladder) {
                self.declare_one(line, &Auxiliary::Delay(delay))?;
            }
        }
        self.declare_one(line, auxiliary)
    }

    fn declare_one(&mut self, line: &mut Line, auxiliary: &Auxiliary) -> Result<(), Fault> {
        let queue = self.detoured(auxiliary);
        let name = queue.name(&self.queue.name);
        if line.declared.contains(&name) {
            return Ok(());
        }
        let found = self.found.get(&name).copied();
        let queue_type = match (self.queue_type, found) {
            (QueueType::Quorum, Some(Found::OtherType)) => QueueType::Classic,
            (QueueType::Classic, Some(Found::OtherType)) => QueueType::Quorum,
            (queue_type, None | Some(Found::AsItIs)) => queue_type,
        };
        let declared = match (self.queue.declare, found) {
            (Declare::No, _) | (Declare::Yes, Some(Found::AsItIs)) => line.channel.inspect(&name),
            (Declare::Yes, Some(Found::OtherType) | None) => {
                let arguments = queue.arguments(&self.queue.name, queue_type);
                line.channel.declare(&name, &arguments)
            }
        };
        if let Err(fault) = declared {
            return Err(self.refused(auxiliary, name, found, fault));
        }
        if queue.queue_type(queue_type) == QueueType::Quorum {
            let since = self.known.entry(name.clone());
            since.or_insert_with(Instant::now);
        }
        line.declared.insert(name);
        Ok(())
    }

    /// What a refused declaration teaches. It has closed the channel, so all is done over.
    fn refused(
        &mut self,
        queue: &Auxiliary,
        name: String,
        found: Option<Found>,
        fault: Fault,
    ) -> Fault {
        if self.queue.declare == Declare::No {
            return match fault.kind {
                Kind::Queue => missing(&name),
                _ => fault,
            };
        }
        let again = Fault::new(Kind::Lost, "a queue is not as it was declared");
        if found == Some(Found::AsItIs) {
            // It was there and is gone: ours is made in its place.
            self.found.remove(&name);
            return if fault.kind == Kind::Queue {
                again
            } else {
                fault
            };
        }
        let mismatch = fault.reply().and_then(|reply| Mismatch::parse(&reply.text));
        let differs = mismatch.map(|found| found.argument).unwrap_or_default();
        let learnt = match queue {
            // Somebody else's: it may not bring its tasks back, or may expire with them.
            Auxiliary::Delay(delay) if !differs.is_empty() => {
                *self.detours.entry(*delay).or_default() += 1;
                return again;
            }
            Auxiliary::Dead(_) if differs == "x-queue-type" && found.is_none() => Found::OtherType,
            Auxiliary::Dead(_) if differs.starts_with("x-") => Found::AsItIs,
            Auxiliary::Delay(_) | Auxiliary::Dead(_) => return fault,
        };
        self.found.insert(name, learnt);
        again
    }
}
