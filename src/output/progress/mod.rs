//! Progress, drawn where stderr is a terminal.

mod rows;
mod send;
mod tasks;

pub use send::{SendBar, SendProgress};
pub use tasks::TaskBars;

use indicatif::ProgressStyle;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often bars move. Ten times a second looks smooth and costs next to nothing.
pub const TICK: Duration = Duration::from_millis(100);

/// Whether bars are drawn, where the user may want it `quiet`.
fn is_drawn(quiet: bool) -> bool {
    !quiet && io::stderr().is_terminal()
}

/// Whether bars that moved at `ticked` are to move at `now`.
fn is_due(ticked: Option<Instant>, now: Instant) -> bool {
    ticked.is_none_or(|at| now >= at + TICK)
}

/// Puts the cursor where a terminal's echo of Ctrl+C does not wrap into a row that nobody takes away:
/// indicatif leaves it behind the last column.
fn park_cursor() {
    let _ = io::stderr().write_all(b"\r");
}

/// The templates are constants; one that did not parse would be shown plainly.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("=> ")
}
