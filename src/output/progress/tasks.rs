//! A row for each slot of a worker, and its status.

use super::rows::{RunningTask, rows};
use super::{is_drawn, is_due, park_cursor};
use crate::base::escape::escape;
use crate::output::screen::{Size, size};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// As much of a body as can be shown, in bytes, on the widest of terminals.
const SHOWN: usize = 4096;

/// The slots of a worker, drawn where stderr is a terminal.
pub struct TaskBars {
    /// `None`: nothing is drawn.
    drawn: Option<DrawnTasks>,
}

struct DrawnTasks {
    bar: ProgressBar,
    slots: Vec<Option<StartedTask>>,
    /// `None`: the status has changed since.
    ticked: Option<Instant>,
    /// How wide the rows are that stand there, and how wide the terminal was.
    widths: Vec<usize>,
    columns: Cell<usize>,
}

struct StartedTask {
    at: Instant,
    body: String,
    expected: Option<Duration>,
}

impl TaskBars {
    /// Rows for `slots` slots, if stderr is a terminal and the user does not want it `quiet`.
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
        let Some(drawn) = &mut self.drawn else { return };
        drawn.slots[slot] = Some(StartedTask {
            at: Instant::now(),
            body: shown(body),
            expected,
        });
    }

    /// The task in `slot` has ended.
    pub fn ended(&mut self, slot: usize) {
        let Some(drawn) = &mut self.drawn else { return };
        drawn.ticked = None;
        drawn.slots[slot] = None;
    }

    /// Draws the rows, and the status as `text` makes it, if it is time.
    pub fn tick(&mut self, text: impl FnOnce() -> String) {
        let Some(drawn) = &mut self.drawn else { return };
        let now = Instant::now();
        if is_due(drawn.ticked, now) {
            drawn.ticked = Some(now);
            drawn.draw(now, &text());
        }
    }

    /// Runs `print`, which writes to the terminal, with the rows out of the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.drawn {
            Some(drawn) => {
                drawn.heed_size();
                drawn.bar.suspend(print)
            }
            None => print(),
        }
    }

    /// Takes the rows away.
    pub fn clear(&mut self) {
        if let Some(drawn) = self.drawn.take() {
            drawn.bar.finish_and_clear();
        }
    }
}

impl DrawnTasks {
    fn new(slots: usize) -> Self {
        // It is drawn when there is something to show.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg}");
        Self {
            bar: bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())),
            slots: (0..slots).map(|_| None).collect(),
            ticked: None,
            widths: Vec::new(),
            columns: Cell::new(0),
        }
    }

    fn draw(&mut self, now: Instant, status: &str) {
        let size = self.heed_size();
        let slots: Vec<_> = (self.slots.iter())
            .map(|slot| {
                slot.as_ref().map(|task| RunningTask {
                    body: task.body.clone(),
                    elapsed: now.saturating_duration_since(task.at),
                    expected: task.expected,
                })
            })
            .collect();
        let rows = rows(size, &slots, status);
        let width = |row: &String| console::measure_text_width(row);
        self.widths = rows.iter().map(width).collect();
        self.bar.set_message(rows.join("\n"));
        self.bar.tick();
        park_cursor();
    }

    /// How large the terminal is now.
    fn heed_size(&self) -> Size {
        // A terminal that does not tell is as large as most.
        let size = size(io::stderr()).unwrap_or(Size {
            columns: 80,
            rows: 24,
        });
        let before = self.columns.replace(size.columns);
        if before == 0 {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        } else if size.columns < before {
            self.unwrap(size.columns);
        }
        size
    }

    /// A terminal that became narrower has wrapped the rows that stood there: takes away those that
    /// came of it, which the bar does not know of.
    fn unwrap(&self, columns: usize) {
        let extra: usize = (self.widths.iter())
            .map(|width| width.saturating_sub(1) / columns.max(1))
            .sum();
        if extra > 0 {
            self.bar.suspend(|| {
                let _ = write!(io::stderr(), "\r\x1b[{extra}A\x1b[J");
            });
        }
    }
}

/// As much of a body as can be shown: the end of what looks like a path.
fn shown(body: &[u8]) -> String {
    let part = if body.len() <= SHOWN {
        body
    } else if body.contains(&b'/') {
        &body[body.len() - SHOWN..]
    } else {
        &body[..SHOWN]
    };
    escape(part).chars().filter(|c| !joins(*c)).collect()
}

/// Whether it makes one sign of its neighbours in some terminals, and not in others: nobody knows how
/// wide a row with it becomes. Without, each of them stands by itself.
fn joins(c: char) -> bool {
    // The joiner, variation selectors, skin tones.
    matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}
