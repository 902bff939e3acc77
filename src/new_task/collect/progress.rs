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

/// A message that is being noted: what it adds, and what it stands for besides.
struct Noting {
    printed: Printed,
    /// These go only when this message is safe. Others may have been read since it was sent.
    replaced: Option<Replaced>,
}

/// What is known of the results, and what is under way.
pub(super) struct Progress {
    /// What the broker knows, and the same with all that was printed.
    pub(super) state: State,
    known: State,
    /// To be noted, and being noted.
    printed: Printed,
    noting: Option<Noting>,
    /// Messages with parts of the state that the next one replaces.
    replaced: Option<Replaced>,
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

    /// The next message is to stand for these as well.
    pub(super) fn replace(&mut self, replaced: Option<Replaced>) {
        self.replaced = replaced;
    }

    /// Whether messages with parts of the state are held here, which nobody else can read now.
    pub(super) fn is_replacing(&self) -> bool {
        let noting = self.noting.as_ref();
        self.replaced.is_some() || noting.is_some_and(|noting| noting.replaced.is_some())
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
        } else if let Some(noting) = &mut self.noting {
            let is_known = noting.printed.part.has(key);
            if is_known {
                noting.printed.tokens.push(token);
            }
            return is_known;
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
        let noting = self.noting.insert(Noting {
            printed: std::mem::take(&mut self.printed),
            replaced: self.replaced.take(),
        });
        let mut part = noting.printed.part.clone();
        if noting.replaced.is_some() {
            part.merge(&self.state);
        }
        self.notes += 1;
        Some(part)
    }

    /// The broker knows it.
    pub(super) fn has_noted(&mut self) {
        let Some(Noting { printed, replaced }) = self.noting.take() else {
            return;
        };
        self.state.merge(&printed.part);
        self.noted.extend(printed.tokens);
        if let Some(replaced) = replaced {
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
            part.merge(&noting.printed.part);
        }
        self.state.merge(&part);
        (!part.is_empty()).then_some(part)
    }
}
