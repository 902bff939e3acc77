//! One bar for what is sent and waited for.

use super::{is_drawn, is_due, park_cursor, style};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState};
use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// The rate is measured over this time: long enough to be steady, short enough to show a change.
const RATE_OVER: Duration = Duration::from_secs(5);

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendProgress {
    /// One task, whose result is waited for.
    OneResult,
    /// Tasks of an input are being sent.
    Sending {
        /// Bytes that were read of it.
        bytes: u64,
        /// All of its bytes, where they are known.
        size: Option<u64>,
        /// Tasks that were read.
        sent: u64,
        /// Tasks that were confirmed.
        confirmed: u64,
    },
    /// All were read, and results are waited for.
    Results {
        /// Tasks that were done.
        done: u64,
        /// Tasks that failed and are not tried again.
        failed: u64,
        /// All tasks.
        tasks: u64,
    },
}

/// The bar, if one is drawn.
#[derive(Default)]
pub struct SendBar {
    drawn: Option<DrawnBar>,
}

struct DrawnBar {
    bar: ProgressBar,
    ticked: Option<Instant>,
    /// How far it was last time.
    shown: Option<SendProgress>,
    /// How many were confirmed at which time.
    history: VecDeque<(Instant, u64)>,
    /// Why the broker takes nothing, if it does not.
    blocked: Option<String>,
}

impl SendBar {
    /// A bar, if stderr is a terminal and the user does not want it `quiet`.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self {
            drawn: is_drawn(quiet).then(DrawnBar::new),
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

    /// Moves the bar, if it is time.
    pub fn tick(&mut self, progress: SendProgress) {
        let Some(drawn) = &mut self.drawn else { return };
        let now = Instant::now();
        if is_due(drawn.ticked, now) {
            drawn.ticked = Some(now);
            drawn.draw(now, progress);
        }
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
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::stderr());
        Self {
            bar,
            ticked: None,
            shown: None,
            history: VecDeque::new(),
            blocked: None,
        }
    }

    fn draw(&mut self, now: Instant, progress: SendProgress) {
        let is_same = |other: SendProgress| {
            std::mem::discriminant(&other) == std::mem::discriminant(&progress)
        };
        let part = part(progress);
        if !self.shown.is_some_and(is_same) {
            let style = style(match part {
                Some(_) => "[{bar:20.green}] {percent:>3} %{left}: {wide_msg}",
                None => "{spinner:.green} {elapsed}: {wide_msg}",
            });
            self.bar.set_style(style.with_key("left", time_left));
            self.bar.reset_eta();
        }
        self.shown = Some(progress);
        if let Some((position, length)) = part {
            self.bar.set_length(length);
            self.bar.set_position(position);
        }
        let mut text = self.text(now, progress);
        if let Some(reason) = &self.blocked {
            text = format!("{text}; blocked by the broker: {reason}");
        }
        self.bar.set_message(text);
        self.bar.tick();
        park_cursor();
    }

    fn text(&mut self, now: Instant, progress: SendProgress) -> String {
        match progress {
            SendProgress::OneResult => "waiting for the result".to_owned(),
            SendProgress::Sending {
                sent, confirmed, ..
            } => format!(
                "sent {}, confirmed {}, {}/s",
                HumanCount(sent),
                HumanCount(confirmed),
                HumanCount(self.rate(now, confirmed))
            ),
            SendProgress::Results {
                done,
                failed,
                tasks,
            } => format!(
                "{} of {} results, {} failed",
                HumanCount(done + failed),
                HumanCount(tasks),
                HumanCount(failed)
            ),
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

/// The time that is left, once there is something to tell it from.
fn time_left(state: &ProgressState, text: &mut dyn Write) {
    if state.pos() > 0 {
        let _ = write!(text, ", {:#} left", HumanDuration(state.eta()));
    }
}

/// How much of how much, where that is known.
fn part(progress: SendProgress) -> Option<(u64, u64)> {
    match progress {
        SendProgress::OneResult | SendProgress::Sending { size: None, .. } => None,
        SendProgress::Sending {
            bytes,
            size: Some(size),
            ..
        } => Some((bytes, size)),
        SendProgress::Results {
            done,
            failed,
            tasks,
        } => Some((done + failed, tasks)),
    }
}
