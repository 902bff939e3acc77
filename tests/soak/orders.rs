//! What a worker is told by the run, by signals.

use rustix::process::{Pid, Signal, kill_process};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

/// What a worker was told by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// To work.
    Work,
    /// To end at once (KILL).
    Die,
    /// To finish what runs (TERM).
    Stop,
    /// To end what runs and give it back (TERM twice).
    GiveBack,
}

/// A worker that runs, or has ended and was not waited for: its pid is its own.
pub(super) struct Current {
    pid: Pid,
    told: Told,
    told_at: Instant,
}

impl Current {
    /// A worker that was just started.
    pub(super) fn new(child: &Child) -> Self {
        Self {
            pid: Pid::from_child(child),
            told: Told::Work,
            told_at: Instant::now(),
        }
    }

    /// What it was told last.
    pub(super) fn told(&self) -> Told {
        self.told
    }

    /// How long ago that was.
    pub(super) fn told_for(&self) -> Duration {
        self.told_at.elapsed()
    }

    /// Tells it something.
    pub(super) fn tell(&mut self, told: Told) {
        let signals: &[Signal] = match told {
            Told::Work => &[],
            Told::Die => &[Signal::KILL],
            Told::Stop => &[Signal::TERM],
            Told::GiveBack => &[Signal::TERM, Signal::TERM],
        };
        for signal in signals {
            self.signal(*signal);
            // Two signals at once would be one.
            thread::sleep(Duration::from_millis(20));
        }
        self.told = told;
        self.told_at = Instant::now();
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }
}
