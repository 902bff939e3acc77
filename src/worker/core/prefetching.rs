//! `--prefetch auto`: how many tasks the consumer may have, as things stand.
//!
//! A running consumer keeps its prefetch, so another one takes its place: AMQP's `basic.qos` binds new
//! consumers only. More is taken at once. For less, the consumer is cancelled and the next one starts
//! when what is here has begun; unless a task runs for long: then it goes to others.

use super::auto_prefetch::AutoPrefetch;
use super::consumer::{CancelFor, ConsumerPhase};
use super::delivery::Delivery;
use super::policy::Ack;
use super::worker::Worker;
use super::{Action, ConsumeOn, Counts, Moment, Prefetching};
use crate::amqp::Prefetch;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

/// How long a worker that is alone keeps a task that has not begun. RabbitMQ up to 4.2 waits 30 minutes for its
/// acknowledgement, in which the task must also run.
const KEEPS: Duration = Duration::from_secs(60);

impl Worker {
    /// How many unsettled tasks the next consumer may have.
    #[must_use]
    pub fn prefetch(&self) -> Prefetch {
        self.consumer.prefetch()
    }

    /// The queue may have a single active consumer. Another worker's would become the active one whenever
    /// this worker's is replaced, while a task runs here.
    pub(super) fn keep_order(&mut self) {
        if self.settings.prefetching == Prefetching::AutoUnlessOrdered {
            self.consumer.auto = None;
            self.set_prefetch(self.settings.prefetch, self.settings.prefetch);
        }
    }

    /// The next consumer may have `own` unsettled tasks, and `all` consumers together that many.
    fn set_prefetch(&mut self, own: Prefetch, all: Prefetch) {
        self.consumer.set_prefetch(own);
        self.acks.set_prefetch(all, self.settings.slots);
        self.settling.set_prefetch(all, self.settings.slots);
    }

    /// Whether it is measured how long the next delivery takes.
    #[must_use]
    pub fn times_delivery(&self) -> bool {
        let auto = self.consumer.auto.as_ref();
        auto.is_some_and(AutoPrefetch::times_delivery)
    }

    /// A task was delivered.
    pub(super) fn comes(&mut self, now: Moment, delivery: &mut Delivery) {
        let Some(auto) = &mut self.consumer.auto else {
            return;
        };
        delivery.came = Some(now.instant);
        let was_awaited = !self.slots.is_full() && !self.intake.local.has_ready();
        auto.delivered(now.instant, was_awaited);
        auto.sends_results |= delivery.task.properties.reply_to().is_some();
        auto.has_priorities |= delivery.task.properties.priority() > Some(0);
    }

    /// A task begins.
    pub(super) fn begins(&mut self, now: Moment, delivery: &Delivery) {
        if let (Some(auto), Some(came)) = (&mut self.consumer.auto, delivery.came) {
            auto.began(now.instant, now.instant.saturating_duration_since(came));
        }
    }

    /// A task that began at this time has ended, and took this long.
    pub(super) fn has_run(&mut self, began: Instant, took: Duration) {
        if let Some(auto) = &mut self.consumer.auto {
            auto.ran(began, took);
        }
    }

    /// How many unsettled tasks a consumer may have that starts now. What earlier ones were delivered
    /// does not count for it: some tasks more that are short do no harm, but of long ones no more may
    /// come than there are slots free. That consumer is too small as soon as another slot is free, and the
    /// next one is, too.
    pub(super) fn size_consumer(&mut self) {
        let Some(auto) = &self.consumer.auto else {
            return;
        };
        let slots = self.settings.slots as u64;
        let free = slots.saturating_sub(self.slots.running() as u64);
        let extra = auto.extra();
        self.consumer.granted = extra;
        let count = if extra > 0 || (auto.runs_are_short() && self.consumer.long_runs == 0) {
            slots + extra
        } else {
            free
        };
        self.set_prefetch(at_most(count), at_most(slots + extra));
    }

    /// Sees to it that the consumer may have as many tasks as it should.
    pub(super) fn adjust_prefetch(&mut self, now: Moment) {
        self.note_long_runs(now.instant);
        let Some(auto) = &self.consumer.auto else {
            return;
        };
        let extra = auto.extra();
        let has_ready = self.intake.local.has_ready();
        let is_full = self.slots.is_full();
        match self.consumer.phase {
            ConsumerPhase::Consuming => {
                let slots = self.settings.slots as u64;
                let may_hold = has_ready || (is_full && self.consumer.has_room());
                let is_behind = self.consumer.long_runs > 0 && may_hold;
                if is_behind || extra < self.consumer.granted {
                    self.cancel_consumer(CancelFor::Shrink);
                } else if extra > self.consumer.granted
                    || (!is_full && !has_ready && self.consumer.is_too_small(slots))
                {
                    self.cancel_consumer(CancelFor::Renew);
                }
            }
            ConsumerPhase::Shrinking => {
                if self.consumer.long_runs > 0 {
                    self.hand_on_waiting(now);
                }
                if !is_full && !self.intake.local.has_ready() {
                    self.consume(ConsumeOn::Same);
                }
            }
            // It was to make sure that the queue is empty, and tasks came at the last moment.
            ConsumerPhase::Paused if self.consumer.long_runs > 0 => self.hand_on_waiting(now),
            _ => {}
        }
    }

    /// When one more of the running tasks becomes a long one, behind which nothing is to be held.
    pub(super) fn becomes_long_at(&self) -> Option<Instant> {
        self.consumer.next_long.filter(|_| !self.intake.is_paused)
    }

    /// Finds the tasks that run for long, where anything is held, or may come to be.
    fn note_long_runs(&mut self, now: Instant) {
        (self.consumer.long_runs, self.consumer.next_long) = (0, None);
        let Some(auto) = &mut self.consumer.auto else {
            return;
        };
        let is_off = self.settings.ack != Ack::After
            || self.settings.ending.max_tasks.is_some()
            || auto.has_priorities
            || !self.intake.counting.may_copy();
        if is_off {
            auto.hold_nothing();
        }
        let long = auto.long_run();
        let ends = self.slots.running_since();
        let mut ends: Vec<Instant> = ends.filter_map(|at| at.checked_add(long)).collect();
        ends.sort_unstable();
        let long_runs = ends.partition_point(|end| *end <= now);
        let next_long = ends.get(long_runs).copied();
        let holds = auto.extra() > 0 || self.intake.local.has_ready();
        if long_runs > 0 && holds && !self.has_others(now) {
            // Elsewhere the answer may be old, and a wake-up would change nothing.
            let asks = self.consumer.auto.as_ref().filter(|_| self.may_count());
            let asks = asks.and_then(|auto| auto.others.wakes_at());
            self.consumer.next_long = [next_long, asks].into_iter().flatten().min();
            return;
        }
        self.consumer.long_runs = long_runs;
        self.consumer.next_long = next_long;
        if let (Some(auto), 1..) = (&mut self.consumer.auto, long_runs) {
            auto.hold_nothing();
        }
    }

    /// Whether other workers could do what is held here, or it was held for too long. The broker is asked now
    /// and then.
    fn has_others(&mut self, now: Instant) -> bool {
        let may_count = self.may_count();
        let Some(auto) = &mut self.consumer.auto else {
            return false;
        };
        let asks = may_count && auto.others.asks(now);
        let are_there = auto.others.are_there(now);
        if asks {
            self.act(Action::Count(Vec::new()));
        }
        let first = self.intake.local.iter().next().and_then(|first| first.came);
        are_there || first.is_some_and(|came| now >= came + KEEPS)
    }

    /// Whether it is known if this worker's consumer is among those that are counted.
    fn may_count(&self) -> bool {
        matches!(
            self.consumer.phase,
            ConsumerPhase::Consuming | ConsumerPhase::Shrinking | ConsumerPhase::Paused
        )
    }

    /// Takes in how many consumers the queue has. Whether that was asked here.
    pub(super) fn count_others(&mut self, now: Moment, counts: Counts) -> bool {
        let own = self.consumer.own(counts.cancelled_count);
        let others = counts.consumers.saturating_sub(own);
        let auto = self.consumer.auto.as_mut();
        auto.is_some_and(|auto| auto.others.counted(now.instant, others))
    }
}

/// At least one: a consumer that may have none does not exist.
fn at_most(count: u64) -> Prefetch {
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    Prefetch::AtMost(NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN))
}
