//! Which results were printed, and which of these the broker knows to be.

use super::journal::Replaced;
use super::state::{ResultKey, State};
use crate::amqp::AckToken;

/// Results that were printed and are not noted yet.
#[derive(Debug, Default)]
struct Printed {
    part: State,
    tokens: Vec<AckToken>,
}

/// What is known of the results, and what is under way.
pub(super) struct Progress {
    /// What the broker knows, and the same with all that was printed.
    pub(super) state: State,
    known: State,
    /// To be noted, and being noted.
    printed: Printed,
    noting: Option<Printed>,
    /// Messages with parts of the state that the next one replaces.
    pub(super) replaced: Option<Replaced>,
    /// How many messages with parts of the state were sent.
    pub(super) notes: u64,
    /// To be acknowledged.
    pub(super) noted: Vec<AckToken>,
}

impl Progress {
    pub(super) fn new(state: State, replaced: Option<Replaced>) -> Self {
        Self {
            known: state.clone(),
            state,
            printed: Printed::default(),
            noting: None,
            replaced,
            notes: 0,
            noted: Vec::new(),
        }
    }

    /// The state with all that was printed.
    pub(super) fn known(&self) -> &State {
        &self.known
    }

    /// Others have noted this.
    pub(super) fn learn(&mut self, state: &State) {
        self.state.merge(state);
        self.known.merge(state);
    }

    /// A result was printed.
    pub(super) fn printed(&mut self, key: ResultKey, is_done: bool, token: AckToken) {
        self.known.collected(key, is_done);
        self.printed.part.collected(key, is_done);
        self.printed.tokens.push(token);
    }

    /// Takes care of a result that was printed before. Whether it was.
    pub(super) fn knows(&mut self, key: ResultKey, token: AckToken) -> bool {
        if self.state.has(key) {
            self.noted.push(token);
        } else if self.printed.part.has(key) {
            self.printed.tokens.push(token);
        } else if let Some(noting) = self.noting.as_mut().filter(|noting| noting.part.has(key)) {
            noting.tokens.push(token);
        } else {
            return false;
        }
        true
    }

    /// What is to be noted next, if nothing is under way.
    pub(super) fn note(&mut self) -> Option<State> {
        if self.noting.is_some() || (self.printed.part.is_empty() && self.replaced.is_none()) {
            return None;
        }
        let printed = self.noting.insert(std::mem::take(&mut self.printed));
        let mut part = printed.part.clone();
        if self.replaced.is_some() {
            part.merge(&self.state);
        }
        self.notes += 1;
        Some(part)
    }

    /// The broker knows it.
    pub(super) fn has_noted(&mut self) {
        if let Some(printed) = self.noting.take() {
            self.state.merge(&printed.part);
            self.noted.extend(printed.tokens);
        }
        if let Some(replaced) = self.replaced.take() {
            // What is left is read again, and says the same.
            let _ = replaced.acknowledge();
        }
    }

    /// Whether nothing is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.printed.part.is_empty()
            && self.noting.is_none()
            && self.noted.is_empty()
            && self.replaced.is_none()
    }

    /// What was printed and is not known to be noted: it counts as noted from now on.
    pub(super) fn take_unnoted(&mut self) -> Option<State> {
        let mut part = std::mem::take(&mut self.printed).part;
        if let Some(noting) = self.noting.take() {
            part.merge(&noting.part);
        }
        self.state.merge(&part);
        (!part.is_empty()).then_some(part)
    }
}
