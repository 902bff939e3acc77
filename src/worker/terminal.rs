//! What is shown of the loop, on a terminal and to those who watch, and how long it may wait.

use super::session::{Place, Session};
use super::state::{Phase, State};
use crate::base::fault::Fault;
use crate::output::progress;
use std::time::{Duration, Instant};

/// How often the count on the terminal is renewed. One question costs the broker about 0.1 ms.
const COUNT: Duration = Duration::from_secs(1);

/// A year stands for ever.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Session<'_> {
    /// How long nothing is due.
    pub(super) fn patience(&self) -> Duration {
        let is_visible = self.teller.bars.is_visible();
        let tick = is_visible.then(|| Instant::now() + progress::TICK);
        let watched = self.monitoring.wakes_at(Instant::now());
        let own = [self.core.wakes_at(), self.work.wakes_at()];
        let due = own.into_iter().chain([self.host.wakes_at(), watched, tick]);
        let due = due.flatten().min();
        due.map_or(FOR_EVER, |at| at.saturating_duration_since(Instant::now()))
    }

    /// The loop has come round: tells those who watch where the worker stands.
    pub(super) fn tick(&mut self) {
        let phase = match (self.core.is_stopping(), self.core.is_consuming()) {
            (true, _) => Phase::Draining,
            (false, true) if self.core.is_paused() => Phase::Busy,
            (false, true) => Phase::Consuming,
            (false, false) if self.teller.has_waited() => Phase::Away,
            (false, false) => Phase::Starting,
        };
        let state = State {
            phase,
            connected: self.core.is_connected(),
            slots: self.settings.core.slots,
            running: self.core.running(),
            prefetched: self.core.waiting(),
            done: self.teller.totals.done,
            dead_lettered: self.teller.totals.dead_lettered,
            last_outcome: None,
        };
        if let Err(text) = self.monitoring.tick(state, Instant::now()) {
            self.teller.warn(&text);
        }
    }

    /// Renews the count that is shown.
    pub(super) fn count_for_the_terminal(&mut self, place: &Place<'_, '_>) -> Result<(), Fault> {
        let now = Instant::now();
        let is_due = self.known.next_count.is_none_or(|at| at <= now);
        // Once commands are being ended a request would end the connection, and with it their tasks'
        // deliveries.
        if is_due && self.teller.bars.is_visible() && !self.core.is_stopping() {
            self.known.ready = Some(self.inspect(place)?.ready);
            self.known.next_count = Some(now + COUNT);
        }
        Ok(())
    }

    /// Draws what runs, and the numbers as they are now.
    pub(super) fn draw(&mut self) {
        let (totals, held) = (self.teller.totals, self.core.waiting());
        let running = self.core.running();
        let queue = match (self.known.ready, self.teller.is_disconnected()) {
            (_, true) => " · not connected".to_owned(),
            (Some(ready), _) => format!(" · in queue {ready}"),
            (None, _) => String::new(),
        };
        self.teller.bars.tick(|| {
            let (done, failed) = (totals.done, totals.failed);
            format!("done {done} · failed {failed} · running {running} · held {held}{queue}")
        });
    }
}
