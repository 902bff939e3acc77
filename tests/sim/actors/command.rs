//! What the commands of a run do, by task.

use crate::random::Random;
use std::time::Duration;
use work_queue::worker::core::policy::{Ending, Outcome};

/// What becomes of a task when it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sound,
    /// It fails every time.
    Fails,
    /// It fails so often, and then works.
    Flaky(u64),
    /// It fails with a code that says that a retry cannot help.
    Fatal,
    /// It kills its worker so often, and then works.
    Crashes(u64),
    /// It takes minutes.
    Slow,
}

/// The exit code of [`Kind::Fatal`].
pub const FATAL: u8 = 65;

impl Kind {
    pub fn pick(random: &mut Random) -> Self {
        match random.below(60) {
            0..=31 => Self::Sound,
            32..=40 => Self::Fails,
            41..=50 => Self::Flaky(1 + random.below(3)),
            51..=53 => Self::Fatal,
            54..=56 => Self::Crashes(1 + random.below(3)),
            57..=58 => Self::Slow,
            _ => Self::Crashes(u64::MAX),
        }
    }

    /// How long a run takes, and how it ends; `None`: it kills its worker. `before`: how often it
    /// was run before, with an outcome where it is flaky.
    pub fn run(self, before: u64, random: &mut Random) -> (Duration, Option<Outcome>) {
        let (least, most) = match self {
            Self::Slow => (Duration::from_secs(20), Duration::from_secs(150)),
            _ => (Duration::from_micros(100), Duration::from_secs(2)),
        };
        let took = random.between(least, most);
        let ending = match self {
            Self::Fails => Ending::Exit(1),
            Self::Flaky(times) if before < times => {
                if random.chance(30) {
                    Ending::Signal(11)
                } else {
                    Ending::Exit(1)
                }
            }
            Self::Fatal => Ending::Exit(i32::from(FATAL)),
            Self::Crashes(times) if before < times => return (took, None),
            Self::Sound | Self::Flaky(_) | Self::Crashes(_) | Self::Slow => Ending::Exit(0),
        };
        let outcome = Outcome {
            stderr: b"said on stderr".to_vec(),
            ..Outcome::from(ending)
        };
        (took, Some(outcome))
    }
}
