//! Messages of which one has cost a channel or a connection. They are sent one at a time, so that
//! the cause is found and nothing else suffers for it.

use super::blame::Blame;
use super::message::{Entry, Payload, Sent};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often one that was alone may cost the connection before it is refused, where the broker's
/// words leave room for another cause.
const TRIES: u32 = 5;

/// Waits before it is tried again; they double.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(60);

/// This many connections in a row that break without a word, and without anything confirmed, are no
/// chance: a message may be the cause.
const LOSSES: u32 = 3;

/// How often one was alone when a connection broke.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    all: u32,
    /// With words of the broker that may be about it.
    blamed: u32,
}

/// One that was alone when a connection broke, and is tried alone again.
#[derive(Debug)]
struct TriedAgain<P> {
    entry: Entry<P>,
    not_before: Instant,
    tries: Tries,
}

/// The messages under suspicion.
#[derive(Debug)]
pub(super) struct Suspects<P> {
    waiting: VecDeque<Entry<P>>,
    later: Vec<TriedAgain<P>>,
    /// The number of the one in flight, and how often it was tried before.
    alone: Option<(u64, Tries)>,
    /// Connections that broke in a row without a word and without a confirm.
    losses: u32,
}

impl<P> Default for Suspects<P> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            later: Vec::new(),
            alone: None,
            losses: 0,
        }
    }
}

impl<P: Payload> Suspects<P> {
    /// Whether messages must be sent one at a time now: one is, or waits for it and `may` be sent to
    /// its route.
    pub(super) fn is_active(&self, now: Instant, may: impl Fn(usize) -> bool) -> bool {
        self.alone.is_some() || self.next(now, may).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.later.len()
    }

    /// When the next one is tried that waits for its time.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let later = self.later.iter().map(|later| later.not_before);
        later.filter(|at| *at > now).min()
    }

    /// The next one to send alone, of those to routes that `may`.
    pub(super) fn next(&self, now: Instant, may: impl Fn(usize) -> bool) -> Option<&Entry<P>> {
        let later = self.later.iter().filter(|later| later.not_before <= now);
        let mut due = self.waiting.iter().chain(later.map(|later| &later.entry));
        due.find(|entry| may(entry.route))
    }

    /// Whether one waits, for whatever, that goes to this route.
    pub(super) fn has_route(&self, route: usize) -> bool {
        self.iter().any(|entry| entry.route == route)
    }

    /// How many wait that go to this route.
    pub(super) fn count_of(&self, route: usize) -> usize {
        self.iter().filter(|entry| entry.route == route).count()
    }

    /// All that wait.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<P>> {
        let later = self.later.iter().map(|later| &later.entry);
        self.waiting.iter().chain(later)
    }

    /// Takes out the one with this number, to be sent alone.
    pub(super) fn send_alone(&mut self, number: u64) -> Option<Entry<P>> {
        let mut later = self.later.iter();
        let tries = later.find(|later| later.entry.number == number);
        let tries = tries.map(|later| later.tries).unwrap_or_default();
        let entry = self.take_number(number)?;
        self.alone = Some((number, tries));
        Some(entry)
    }

    /// Puts these under suspicion, the most likely first: `code` says what of.
    pub(super) fn suspect(&mut self, mut entries: Vec<Entry<P>>, code: Option<u16>) {
        use crate::queues::Destination::Reply;
        match code {
            // Frame errors: a header that is too large.
            Some(501 | 502) => {
                entries.sort_by_key(|entry| std::cmp::Reverse(entry.payload.header_len()));
            }
            // A reply address that the broker cannot read.
            Some(541) => entries.sort_by_key(|entry| !matches!(entry.to, Reply(_))),
            _ => {}
        }
        self.waiting.extend(entries);
    }

    /// The one that was alone is settled: it was not the cause.
    pub(super) fn settled(&mut self) {
        self.alone = None;
        self.losses = 0;
    }

    /// None is in flight alone any more.
    pub(super) fn none_in_flight(&mut self) {
        self.alone = None;
    }

    /// A connection broke without a word while messages were in flight.
    pub(super) fn lost(&mut self) {
        self.losses += 1;
    }

    /// Whether a message may be the cause that connections break without a word.
    pub(super) fn is_suspicious(&self) -> bool {
        self.alone.is_some() || self.losses > LOSSES
    }

    /// Whether the one in flight is alone by order.
    pub(super) fn is_alone(&self) -> bool {
        self.alone.is_some()
    }

    /// Decides on one that was alone in flight when the channel or connection ended. Gives it back if
    /// the broker will never take it; otherwise it is tried again later.
    pub(super) fn tried(
        &mut self,
        mut entry: Entry<P>,
        blame: Blame,
        now: Instant,
    ) -> Option<Entry<P>> {
        let alone = self.alone.take();
        let tries = alone.filter(|(number, _)| *number == entry.number);
        let mut tries = tries.map(|(_, tries)| tries).unwrap_or_default();
        tries.all += 1;
        tries.blamed += u32::from(blame == Blame::Perhaps);
        if blame == Blame::Surely || (blame == Blame::Perhaps && tries.blamed >= TRIES) {
            return Some(entry);
        }
        entry.sent = Sent::Perhaps;
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(tries.all - 1));
        self.later.push(TriedAgain {
            entry,
            not_before: now + wait.min(MAX_WAIT),
            tries,
        });
        None
    }

    /// The cause is found: the others are let go.
    pub(super) fn release(&mut self) -> Vec<Entry<P>> {
        self.alone = None;
        self.losses = 0;
        std::mem::take(&mut self.waiting).into()
    }

    /// Takes out the one with this number.
    pub(super) fn take_number(&mut self, number: u64) -> Option<Entry<P>> {
        if let Some(at) = self.waiting.iter().position(|entry| entry.number == number) {
            return self.waiting.remove(at);
        }
        let at = self
            .later
            .iter()
            .position(|later| later.entry.number == number)?;
        Some(self.later.swap_remove(at).entry)
    }

    /// Takes out those to this route.
    pub(super) fn take_route(&mut self, route: usize) -> Vec<Entry<P>> {
        let of_route = self.iter().filter(|entry| entry.route == route);
        let numbers: Vec<_> = of_route.map(|entry| entry.number).collect();
        let taken = numbers.into_iter().map(|number| self.take_number(number));
        taken.flatten().collect()
    }

    /// Takes out all.
    pub(super) fn take_all(&mut self) -> Vec<Entry<P>> {
        let mut all = self.release();
        all.extend(self.later.drain(..).map(|later| later.entry));
        all
    }
}

#[cfg(test)]
mod tests;
