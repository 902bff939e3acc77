//! What a service manager is told, by the protocol of `sd_notify(3)`. No I/O and no clock here.

use crate::worker::state::{Phase, State};
use std::time::{Duration, Instant};

/// By how much a time-out of the manager is put off, and how often.
const EXTENSION: Duration = Duration::from_secs(30);
const EXTEND_EVERY: Duration = Duration::from_secs(10);

/// The status is told this often at most.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// What a worker may need after its commands were told to end: to be rid of them, and to settle
/// with the broker.
const AFTER_GRACE: Duration = Duration::from_secs(20);

/// What a service manager is told, and when.
#[derive(Debug)]
pub(super) struct Announcements {
    /// How long the drain may take, if that is limited.
    drain_limit: Option<Duration>,
    /// How often the manager wants to hear of the main loop.
    watchdog: Option<Duration>,
    is_ready: bool,
    stopping_since: Option<Instant>,
    next_extension: Option<Instant>,
    next_watchdog: Option<Instant>,
    status: Status,
}

/// The last status, and when it was told.
#[derive(Debug, Default)]
struct Status {
    told: Option<(Instant, String)>,
    /// Another one is held back until then.
    due: Option<Instant>,
}

impl Announcements {
    /// After `grace` what runs is told to end, and killed `kill_after` later. The manager takes the
    /// process for stuck if it is silent for `watchdog`.
    pub(super) fn new(
        grace: Option<Duration>,
        kill_after: Duration,
        watchdog: Option<Duration>,
    ) -> Self {
        Self {
            drain_limit: grace
                .and_then(|grace| grace.checked_add(kill_after)?.checked_add(AFTER_GRACE)),
            watchdog: watchdog.map(|watchdog| watchdog / 2),
            is_ready: false,
            stopping_since: None,
            next_extension: None,
            next_watchdog: None,
            status: Status::default(),
        }
    }

    /// The main loop has come round: what is to be said now, a line each.
    pub(super) fn tick(&mut self, state: State, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.is_ready && matches!(state.phase, Phase::Consuming | Phase::Busy) {
            self.is_ready = true;
            lines.push("READY=1".to_owned());
        }
        if state.phase == Phase::Draining {
            lines.extend(self.stop(now));
        }
        lines.extend(self.extension(now));
        let text = describe(state);
        lines.extend(self.status.tick(text, now));
        if let Some(every) = self.watchdog {
            if self.next_watchdog.is_none_or(|at| at <= now) {
                self.next_watchdog = Some(now + every);
                lines.push("WATCHDOG=1".to_owned());
            }
        }
        lines
    }

    /// It stops, unless that was said.
    pub(super) fn stop(&mut self, now: Instant) -> Option<String> {
        if self.stopping_since.is_some() {
            return None;
        }
        self.stopping_since = Some(now);
        self.next_extension = None;
        Some("STOPPING=1".to_owned())
    }

    /// Puts off the time-out of a start or a stop that is under way. A drain with a limit gets no
    /// more than that.
    fn extension(&mut self, now: Instant) -> Option<String> {
        if self.is_ready && self.stopping_since.is_none() {
            self.next_extension = None;
            return None;
        }
        if self.next_extension.is_some_and(|at| at > now) {
            return None;
        }
        let ends = self.stopping_since.zip(self.drain_limit);
        let left = ends.map(|(since, limit)| limit.saturating_sub(now - since));
        let by = left.map_or(EXTENSION, |left| left.min(EXTENSION));
        if by.is_zero() {
            self.next_extension = None;
            return None;
        }
        self.next_extension = Some(now + EXTEND_EVERY);
        Some(format!("EXTEND_TIMEOUT_USEC={}", by.as_micros()))
    }

    /// When the main loop is to come round at the latest.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let due = [self.next_extension, self.next_watchdog, self.status.due];
        due.into_iter().flatten().min()
    }
}

impl Status {
    fn tick(&mut self, text: String, now: Instant) -> Option<String> {
        self.due = None;
        if let Some((at, told)) = &self.told {
            if *told == text {
                return None;
            }
            let next = *at + STATUS_EVERY;
            if next > now {
                self.due = Some(next);
                return None;
            }
        }
        let line = format!("STATUS={text}");
        self.told = Some((now, text));
        Some(line)
    }
}

/// The state in a few words, for people.
fn describe(state: State) -> String {
    let before = match (state.phase, state.connected) {
        (Phase::Starting, false) => return "waiting for the broker".to_owned(),
        (Phase::Starting, true) => return "starting".to_owned(),
        (Phase::Consuming, _) => "",
        (Phase::Away, true) => "not consuming, ",
        (Phase::Away, false) => "not connected, ",
        (Phase::Busy, _) => "the host is busy, ",
        (Phase::Draining, _) => "draining, ",
    };
    let State {
        running,
        slots,
        done,
        dead_lettered,
        ..
    } = state;
    format!("{before}{running} of {slots} slots busy, {done} done, {dead_lettered} dead")
}

#[cfg(test)]
mod tests;
