//! `--prefetch auto`: how many tasks the consumer may have, as things stand.
//!
//! A running consumer keeps its prefetch, so another one takes its place: AMQP's `basic.qos` binds new
//! consumers only. More is taken at once. For less, the consumer is cancelled and the next one starts
//! when what is here has begun; unless a task runs for long: then it goes to others.

use super::consumer::{CancelFor, ConsumerPhase};
use super::delivery::Delivery;
use super::policy::Ack;
use super::worker::Worker;
use super::{ConsumeOn, Moment};
use crate::amqp::Prefetch;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

impl Worker {
    /// How many unsettled tasks the next consumer may have.
    #[must_use]
    pub fn prefetch(&self) -> Prefetch {
        self.consumer.prefetch()
    }

    /// A task was delivered.
    pub(super) fn comes(&mut self, now: Moment, delivery: &mut Delivery) {
        let Some(auto) = &mut self.consumer.auto else {
            return;
        };
        delivery.came = Some(now.instant);
        let was_awaited = !self.slots.is_full() && !self.intake.local.has_ready();
        auto.delivered(now.instant, was_awaited);
        auto.has_priorities |= delivery.task.properties.priority() > Some(0);
    }

    /// A task begins.
    pub(super) fn begins(&mut self, now: Moment, delivery: &Delivery) {
        if let (Some(auto), Some(came)) = (&mut self.consumer.auto, delivery.came) {
            auto.began(now.instant, now.instant.saturating_duration_since(came));
        }
    }

    /// A task has run since then, for so long.
    pub(super) fn has_run(&mut self, began: Instant, took: Duration) {
        if let Some(auto) = &mut self.consumer.auto {
            auto.ran(began, took);
        }
    }

    /// Sees to it that the consumer may have as many tasks as it should.
    pub(super) fn adjust_prefetch(&mut self, now: Moment) {
        let Some(wanted) = self.wanted_prefetch(now.instant) else {
            return;
        };
        let before = self.consumer.prefetch();
        let wants_none = self.consumer.long_runs >= self.settings.slots;
        if wanted != before {
            self.acks.set_prefetch(wanted, self.settings.slots);
            self.consumer.set_prefetch(wanted);
        }
        if self.consumer.phase == ConsumerPhase::Consuming && (wanted != before || wants_none) {
            self.cancel_consumer(if is_more(wanted, before) {
                CancelFor::Renew
            } else {
                CancelFor::Shrink
            });
        }
        if self.consumer.phase != ConsumerPhase::Shrinking {
            return;
        }
        if self.consumer.long_runs > 0 {
            self.hand_on_waiting(now);
        }
        if !self.slots.is_full() && !self.intake.local.has_ready() {
            self.consume(ConsumeOn::Same);
        }
    }

    /// When one more of the running tasks becomes a long one, behind which nothing is to be held.
    pub(super) fn becomes_long_at(&self) -> Option<Instant> {
        self.consumer.next_long.filter(|_| !self.intake.is_paused)
    }

    fn wanted_prefetch(&mut self, now: Instant) -> Option<Prefetch> {
        let auto = self.consumer.auto.as_mut()?;
        let is_off = self.settings.ack != Ack::After
            || self.settings.ending.max_tasks.is_some()
            || auto.has_priorities;
        // Where nothing is held there is nothing to be given away.
        let holds = auto.extra() > 0 || self.intake.local.has_ready();
        let matters = !is_off && (holds || self.consumer.long_runs > 0);
        (self.consumer.long_runs, self.consumer.next_long) = (0, None);
        if matters {
            let long = auto.long_run();
            let ends = self.slots.running_since();
            let mut ends: Vec<Instant> = ends.filter_map(|at| at.checked_add(long)).collect();
            ends.sort_unstable();
            self.consumer.long_runs = ends.partition_point(|end| *end <= now);
            self.consumer.next_long = ends.get(self.consumer.long_runs).copied();
        }
        if is_off || self.consumer.long_runs > 0 {
            auto.hold_nothing();
        }
        let free = self.settings.slots.saturating_sub(self.consumer.long_runs);
        let count = u16::try_from(free as u64 + auto.extra()).unwrap_or(u16::MAX);
        // Where all slots are busy for long nothing is consumed; then this is for later.
        let count = NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN);
        Some(Prefetch::AtMost(count))
    }
}

fn is_more(wanted: Prefetch, before: Prefetch) -> bool {
    match (wanted, before) {
        (Prefetch::AtMost(wanted), Prefetch::AtMost(before)) => wanted > before,
        (Prefetch::Unlimited, _) | (_, Prefetch::Unlimited) => false,
    }
}
