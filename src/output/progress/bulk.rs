//! One bar for a bulk send.

use super::{is_drawn, is_due, park_cursor, style};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The rate is that of so much time: long enough to be steady, short enough to show a change.
const RATE_OVER: Duration = Duration::from_secs(5);

/// The bar, if one is drawn.
#[derive(Default)]
pub struct BulkBar {
    drawn: Option<DrawnBar>,
}

struct DrawnBar {
    bar: ProgressBar,
    ticked: Option<Instant>,
    /// When so many were confirmed.
    history: VecDeque<(Instant, u64)>,
    /// Why the broker takes nothing, if it does not.
    blocked: Option<String>,
}

impl BulkBar {
    /// A bar over so many bytes, if stderr is a terminal and the user does not want it `quiet`.
    #[must_use]
    pub fn new(size: Option<u64>, quiet: bool) -> Self {
        Self {
            drawn: is_drawn(quiet).then(|| DrawnBar::new(size)),
        }
    }

    /// Whether anything is drawn.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.drawn.is_some()
    }

    /// The broker takes nothing, for this reason; or takes tasks again.
    pub fn set_blocked(&mut self, reason: Option<String>) {
        if let Some(drawn) = &mut self.drawn {
            drawn.blocked = reason;
        }
    }

    /// Moves the bar, if it is time: so many bytes were read, tasks sent and confirmed.
    pub fn tick(&mut self, bytes: u64, sent: u64, confirmed: u64, outcomes: Option<u64>) {
        let Some(drawn) = &mut self.drawn else { return };
        let now = Instant::now();
        if !is_due(drawn.ticked, now) {
            return;
        }
        drawn.ticked = Some(now);
        let rate = drawn.rate(now, confirmed);
        let mut text = format!(
            "sent {}, confirmed {}, {}/s",
            HumanCount(sent),
            HumanCount(confirmed),
            HumanCount(rate)
        );
        if let Some(outcomes) = outcomes {
            text = format!("{text}, outcomes {}", HumanCount(outcomes));
        }
        if let Some(reason) = &drawn.blocked {
            text = format!("{text}; blocked by the broker: {reason}");
        }
        drawn.bar.set_message(text);
        drawn.bar.set_position(bytes);
        drawn.bar.tick();
        park_cursor();
    }

    /// Runs `print`, which writes to the terminal, with the bar out of the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.drawn {
            Some(drawn) => drawn.bar.suspend(print),
            None => print(),
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            drawn.bar.finish_and_clear();
        }
    }
}

impl DrawnBar {
    fn new(size: Option<u64>) -> Self {
        let (bar, template) = match size {
            Some(size) => (
                ProgressBar::new(size),
                "[{bar:20.green}] {percent:>3} %, {eta} left: {msg}",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{spinner:.green} {elapsed}: {msg}",
            ),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        Self {
            bar: bar.with_style(style(template)),
            ticked: None,
            history: VecDeque::new(),
            blocked: None,
        }
    }

    /// Confirms a second, lately.
    fn rate(&mut self, now: Instant, confirmed: u64) -> u64 {
        self.history.push_back((now, confirmed));
        while self.history.len() > 2 && self.history[1].0 + RATE_OVER < now {
            self.history.pop_front();
        }
        let (since, before) = self.history[0];
        let seconds = (now - since).as_secs_f64();
        if seconds < 0.05 {
            return 0;
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is positive and far below what the type holds"
        )]
        let rate = ((confirmed - before) as f64 / seconds) as u64;
        rate
    }
}
