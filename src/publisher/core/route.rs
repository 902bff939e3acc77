//! One destination: its queue, what waits for it, and how fast it takes messages.

use super::age::Age;
use super::declaration::Declaration;
use super::message::{Entry, Payload};
use super::pace::Pace;
use super::silence::{Question, Silence};
use super::window::Size;
use crate::queues::Destination;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// All that is known of one destination. Results to all addresses share one.
#[derive(Debug)]
pub(super) struct Route<P> {
    pub(super) to: Destination,
    /// The name of its queue; empty for results.
    pub(super) queue: Arc<str>,
    pub(super) declaration: Declaration,
    /// When it was last declared, or asked for.
    pub(super) question: Option<Question>,
    /// Its queue is to be declared even if no message waits for it.
    pub(super) wanted: bool,
    /// To be published, in the order of their numbers.
    pending: VecDeque<Entry<P>>,
    /// Confirmed by a queue that is too young.
    held: Vec<Entry<P>>,
    pub(super) pace: Pace,
    pub(super) silence: Silence,
    /// In flight, on the present channel.
    in_flight: Size,
}

impl<P: Payload> Route<P> {
    pub(super) fn new(
        to: Destination,
        queue: String,
        declaration: Declaration,
        window: Size,
        now: Instant,
    ) -> Self {
        Self {
            to,
            queue: queue.into(),
            declaration,
            question: None,
            wanted: false,
            pending: VecDeque::new(),
            held: Vec::new(),
            pace: Pace::new(window),
            silence: Silence::new(now),
            in_flight: Size::default(),
        }
    }

    /// Whether a message waits to be published.
    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether nothing is under way there, and nothing was refused.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.held.is_empty()
            && self.in_flight.messages == 0
            && self.pace.refusal().is_none()
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    pub(super) fn in_flight(&self) -> Size {
        self.in_flight
    }

    /// The declaration whose answer is awaited.
    pub(super) fn open_question(&self) -> Option<&Question> {
        let question = self.question.as_ref();
        question.filter(|_| self.declaration.is_asked())
    }

    /// Bytes have left over the connection; `before` had left earlier.
    pub(super) fn left(&mut self, before: u64, now: Instant) {
        if self.in_flight.messages > 0 {
            self.silence.left(before, now);
        }
        if let Some(question) = &mut self.question {
            question.left(before, now);
        }
    }

    /// Whether its queue is needed now.
    pub(super) fn is_needed(&self) -> bool {
        self.wanted || !self.pending.is_empty() || self.declaration.age() == Age::Unproven
    }

    /// Bytes of the body of the next message; 0 if there is none.
    pub(super) fn next_body_len(&self) -> usize {
        let next = self.pending.front();
        next.map_or(0, |entry| entry.payload.body_len())
    }

    pub(super) fn push(&mut self, entry: Entry<P>) {
        self.pending.push_back(entry);
    }

    pub(super) fn pop(&mut self) -> Option<Entry<P>> {
        self.pending.pop_front()
    }

    /// Has these sent again, in their turn.
    pub(super) fn take_back(&mut self, entries: Vec<Entry<P>>) {
        if entries.is_empty() {
            return;
        }
        self.pending.extend(entries);
        self.pending
            .make_contiguous()
            .sort_unstable_by_key(|entry| entry.number);
    }

    /// A message of this many `bytes` is published. It has left once byte `mark` of the connection
    /// has.
    pub(super) fn published(&mut self, bytes: usize, mark: u64, now: Instant) {
        if self.in_flight.messages == 0 {
            self.silence.began(mark, now);
        }
        self.in_flight.messages += 1;
        self.in_flight.bytes += bytes;
        self.pace.window.add(bytes);
    }

    /// One of those in flight is settled, or taken out.
    pub(super) fn landed(&mut self, bytes: usize) {
        self.in_flight.messages = self.in_flight.messages.saturating_sub(1);
        self.in_flight.bytes = self.in_flight.bytes.saturating_sub(bytes);
        self.pace.window.remove(bytes);
    }

    /// Keeps a confirmed message until the queue is old enough. It still counts as unconfirmed.
    pub(super) fn hold(&mut self, entry: Entry<P>) {
        self.pace.window.add(entry.payload.body_len());
        self.held.push(entry);
    }

    /// Those that were held.
    pub(super) fn release(&mut self) -> Vec<Entry<P>> {
        let held = std::mem::take(&mut self.held);
        for entry in &held {
            self.pace.window.remove(entry.payload.body_len());
        }
        held
    }

    /// Takes out the message with this number, if it waits here.
    pub(super) fn take_number(&mut self, number: u64) -> Option<Entry<P>> {
        if let Some(at) = self.pending.iter().position(|entry| entry.number == number) {
            return self.pending.remove(at);
        }
        let at = self.held.iter().position(|entry| entry.number == number)?;
        let entry = self.held.swap_remove(at);
        self.pace.window.remove(entry.payload.body_len());
        Some(entry.perhaps())
    }

    /// Takes out all that waits to be published.
    pub(super) fn take_pending(&mut self) -> Vec<Entry<P>> {
        std::mem::take(&mut self.pending).into()
    }

    /// Takes out what waits to be published and is so.
    pub(super) fn take_pending_if(&mut self, wanted: impl Fn(&Entry<P>) -> bool) -> Vec<Entry<P>> {
        let all = std::mem::take(&mut self.pending).into_iter();
        let (taken, left): (VecDeque<_>, _) = all.partition(wanted);
        self.pending = left;
        taken.into()
    }
}
