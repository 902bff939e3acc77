//! Where a worker stands, for those who watch it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// What a worker is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It has not consumed yet.
    #[default]
    Starting,
    /// Tasks come.
    Consuming,
    /// It has consumed and does not: the connection is lost, or the broker has cancelled the
    /// consumer.
    Away,
    /// It takes no tasks for now: the host has no room for more.
    Busy,
    /// It takes no more tasks, and ends when those that run are done.
    Draining,
}

/// Where a worker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub phase: Phase,
    /// Whether there is a connection to consume over.
    pub connected: bool,
    /// How many tasks it does at once.
    pub slots: usize,
    pub running: usize,
    /// Tasks that were delivered and have not begun.
    pub prefetched: usize,
    /// Tasks done, and tasks that became dead letters.
    pub done: u64,
    pub dead_lettered: u64,
    /// When a task had its last outcome.
    pub last_outcome: Option<SystemTime>,
}

/// What the main loop does until its next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It waits for the next event, or is busy with one.
    Events,
    /// It waits for the broker's answers. Each is given up after half a minute, by a thread that
    /// ends the connection, so that the loop goes on.
    BrokerCalls,
}

impl Doing {
    /// How long the main loop may take until its next tick. Idle, it ticks every ten seconds. Of
    /// calls, a few may follow each other.
    fn limit(self) -> Duration {
        match self {
            Self::Events => Duration::from_secs(30),
            Self::BrokerCalls => Duration::from_secs(5 * 60),
        }
    }
}

/// The state as the main loop left it at its last tick. Other threads read it.
#[derive(Debug)]
pub struct SharedState(Mutex<Ticked>);

#[derive(Clone, Copy, Debug)]
struct Ticked {
    state: State,
    at: Instant,
    doing: Doing,
}

impl SharedState {
    /// That of a worker that begins now.
    pub fn new(state: State, now: Instant) -> Self {
        Self(Mutex::new(Ticked {
            state,
            at: now,
            doing: Doing::Events,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Ticked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The main loop has come round.
    pub fn tick(&self, state: State, now: Instant) {
        *self.lock() = Ticked {
            state,
            at: now,
            doing: Doing::Events,
        };
    }

    /// The main loop is about to wait for the broker's answers.
    pub fn calls_broker(&self, now: Instant) {
        let mut ticked = self.lock();
        (ticked.at, ticked.doing) = (now, Doing::BrokerCalls);
    }

    /// The state at the last tick.
    pub fn state(&self) -> State {
        self.lock().state
    }

    /// For how long the main loop has not ticked, if that is too long.
    pub fn stuck_for(&self, now: Instant) -> Option<Duration> {
        let ticked = *self.lock();
        let age = now.saturating_duration_since(ticked.at);
        (age > ticked.doing.limit()).then_some(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_broker_may_take_longer() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let shared = SharedState::new(State::default(), now);
        assert_eq!(shared.stuck_for(after(30)), None);
        let stuck = Duration::from_secs(31);
        assert_eq!(shared.stuck_for(after(31)), Some(stuck));
        shared.calls_broker(after(31));
        assert_eq!(shared.stuck_for(after(300)), None);
        assert!(shared.stuck_for(after(332)).is_some());
        shared.tick(State::default(), after(400));
        assert_eq!(shared.stuck_for(after(430)), None);
    }
}
