//! What happened, for people.

use crate::broker::Time;

/// What happened, told for people, where somebody wants to read it.
#[derive(Debug, Default)]
pub enum Trace {
    #[default]
    Off,
    On(Vec<String>),
}

impl Trace {
    pub fn note(&mut self, now: Time, what: impl FnOnce() -> String) {
        if let Self::On(lines) = self {
            lines.push(format!("{:>10.4} {}", now.as_secs_f64(), what()));
        }
    }

    pub fn take(&mut self) -> Vec<String> {
        match self {
            Self::Off => Vec::new(),
            Self::On(lines) => std::mem::take(lines),
        }
    }
}
