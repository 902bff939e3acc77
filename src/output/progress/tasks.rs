//! One bar for each running task, and a line with the totals.

use super::{is_drawn, is_due, style};
use crate::base::duration::milliseconds;
use crate::base::escape::escape;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use std::time::{Duration, Instant};

/// As much of a body as is shown beside its bar, in characters.
const BODY_SHOWN: usize = 40;

/// The running tasks, drawn where stderr is a terminal.
pub struct TaskBars {
    /// `None`: nothing is drawn.
    drawn: Option<DrawnTasks>,
}

struct DrawnTasks {
    bars: MultiProgress,
    totals: ProgressBar,
    slots: Vec<Option<SlotBar>>,
    /// `None`: the totals have changed since.
    ticked: Option<Instant>,
}

struct SlotBar {
    bar: ProgressBar,
    started: Instant,
}

impl TaskBars {
    /// Bars for so many `slots`, if stderr is a terminal and the user does not want it `quiet`.
    #[must_use]
    pub fn new(slots: usize, quiet: bool) -> Self {
        Self {
            drawn: is_drawn(quiet).then(|| DrawnTasks::new(slots)),
        }
    }

    /// Whether anything is drawn.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.drawn.is_some()
    }

    /// A task begins in `slot`; `expected` is how long it will take, where that is known.
    pub fn started(&mut self, slot: usize, body: &[u8], expected: Option<Duration>) {
        if let Some(drawn) = &mut self.drawn {
            drawn.started(slot, body, expected);
        }
    }

    /// The task in `slot` has ended.
    pub fn ended(&mut self, slot: usize) {
        let Some(drawn) = &mut self.drawn else { return };
        drawn.ticked = None;
        if let Some(bar) = drawn.slots[slot].take() {
            bar.bar.finish_and_clear();
        }
    }

    /// Moves the bars, and shows the totals as `text` makes them, if it is time.
    pub fn tick(&mut self, text: impl FnOnce() -> String) {
        let Some(drawn) = &mut self.drawn else { return };
        let now = Instant::now();
        if !is_due(drawn.ticked, now) {
            return;
        }
        drawn.ticked = Some(now);
        for slot in drawn.slots.iter().flatten() {
            slot.bar.set_position(milliseconds(slot.started.elapsed()));
        }
        drawn.totals.set_message(text());
        drawn.totals.tick();
    }

    /// Runs `print`, which writes to the terminal, with the bars out of the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.drawn {
            Some(drawn) => drawn.bars.suspend(print),
            None => print(),
        }
    }

    /// Takes the bars away.
    pub fn clear(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            drawn.totals.finish_and_clear();
            let _ = drawn.bars.clear();
        }
    }
}

impl DrawnTasks {
    fn new(slots: usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        // A bar must have its text before it is added: the lines that are drawn are counted then.
        let totals = ProgressBar::new_spinner()
            .with_style(style("{msg:.dim}"))
            .with_message("done 0");
        let totals = bars.add(totals);
        Self {
            bars,
            totals,
            slots: (0..slots).map(|_| None).collect(),
            ticked: None,
        }
    }

    fn started(&mut self, slot: usize, body: &[u8], expected: Option<Duration>) {
        let (bar, template) = match expected {
            Some(expected) => (
                ProgressBar::new(milliseconds(expected)),
                "{prefix:>4} [{bar:20.green}] {elapsed} {msg}",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{prefix:>4} {spinner:.green} {elapsed} {msg}",
            ),
        };
        let shown: String = escape(body).chars().take(BODY_SHOWN).collect();
        let bar = bar
            .with_style(style(template))
            .with_prefix((slot + 1).to_string())
            .with_message(shown);
        let bar = self.bars.insert_before(&self.totals, bar);
        let started = Instant::now();
        self.slots[slot] = Some(SlotBar { bar, started });
    }
}
