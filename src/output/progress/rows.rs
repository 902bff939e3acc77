//! What the terminal shows of a worker: a row for each slot, and the status below them.

use crate::output::screen::{Size, fit};
use anstyle::{AnsiColor, Effects, Style};
use std::time::Duration;

/// Rows that are left to what stands above: the shell's prompt, and lines about tasks.
const ABOVE: usize = 4;

/// A task that runs.
pub(super) struct RunningTask {
    /// Its body, escaped.
    pub(super) body: String,
    pub(super) elapsed: Duration,
    /// How long it takes in all, where that is known.
    pub(super) expected: Option<Duration>,
}

/// The rows, each narrower than the terminal. Slots keep their rows; where there are more than fit,
/// the last ones are only counted.
pub(super) fn rows(size: Size, slots: &[Option<RunningTask>], status: &str) -> Vec<String> {
    // A full row would leave the cursor on the next one in some terminals.
    let columns = size.columns.saturating_sub(1);
    let room = size.rows.saturating_sub(ABOVE).max(1);
    let shown = if slots.len() <= room {
        slots.len()
    } else {
        room - 1
    };
    let mut rows: Vec<String> = (slots.iter().take(shown).enumerate())
        .map(|(slot, task)| row(slot + 1, task.as_ref(), columns))
        .collect();
    if shown < slots.len() {
        let running = slots[shown..].iter().flatten().count();
        let more = format!("   + {} more, {running} running", slots.len() - shown);
        rows.push(dim(&fit(&more, columns)));
    }
    rows.push(dim(&fit(status, columns)));
    rows
}

fn row(slot: usize, task: Option<&RunningTask>, columns: usize) -> String {
    let Some(task) = task else {
        return dim(&fit(&format!("{slot:>4} idle"), columns));
    };
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let clock = clock(task.elapsed);
    // What a narrow terminal has no room for goes first.
    let cells = if columns < 50 { 8 } else { 20 };
    let (begin, drawn, end) = match task.expected {
        Some(expected) => ("[", bar(task.elapsed, expected, cells), "]"),
        None => ("", spinner(task.elapsed).to_string(), ""),
    };
    let left = if task.expected.is_some() {
        cells + 2
    } else {
        1
    };
    let head = format!("{slot:>4} ");
    let tail = format!(" {clock:>4} ");
    let used = head.len() + left + tail.len();
    if used > columns {
        return fit(&head, columns);
    }
    let body = fit(&task.body, columns - used);
    format!("{head}{begin}{green}{drawn}{green:#}{end}{tail}{body}")
}

fn bar(elapsed: Duration, expected: Duration, cells: usize) -> String {
    let part = if expected.is_zero() {
        1.0
    } else {
        (elapsed.as_secs_f64() / expected.as_secs_f64()).min(1.0)
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part of a few cells"
    )]
    let full = (part * cells as f64) as usize;
    let head = if full < cells { ">" } else { "" };
    format!("{:<cells$}", "=".repeat(full) + head)
}

fn spinner(elapsed: Duration) -> char {
    const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    let tick = elapsed.as_millis() / super::TICK.as_millis();
    FRAMES[(tick % FRAMES.len() as u128) as usize]
}

/// `7s`, `1:07`, `1:02:03`.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

fn dim(text: &str) -> String {
    let dim = Style::new().effects(Effects::DIMMED);
    format!("{dim}{text}{dim:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "done 3 · failed 2 · running 1 · held 4 · in queue 0";

    fn plain(rows: &[String]) -> Vec<String> {
        let strip = |row: &String| console::strip_ansi_codes(row).into_owned();
        rows.iter().map(strip).collect()
    }

    fn running(body: &str, elapsed: u64, expected: Option<u64>) -> RunningTask {
        RunningTask {
            body: body.to_owned(),
            elapsed: Duration::from_secs(elapsed),
            expected: expected.map(Duration::from_secs),
        }
    }

    #[test]
    fn each_slot_keeps_its_row() {
        let size = Size {
            columns: 60,
            rows: 20,
        };
        let slots = [
            Some(running("photo.jpg....", 1, Some(4))),
            None,
            Some(running(
                "/videos/2026/summer/holiday/at the sea/last day.mov",
                67,
                None,
            )),
        ];
        assert_eq!(
            plain(&rows(size, &slots, STATUS)),
            [
                "   1 [=====>              ]   1s photo.jpg....",
                "   2 idle",
                "   3 ⠋ 1:07 …os/2026/summer/holiday/at the sea/last day.mov",
                STATUS,
            ]
        );
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        let slots = [Some(running(&"世".repeat(200), 4000, Some(5000))), None];
        for columns in 1..200 {
            let size = Size { columns, rows: 5 };
            for row in plain(&rows(size, &slots, STATUS)) {
                assert!(console::measure_text_width(&row) < columns.max(2), "{row}");
            }
        }
    }

    #[test]
    fn more_slots_than_rows_are_counted() {
        let slots: Vec<_> = (0..30).map(|_| Some(running("x", 0, None))).collect();
        let size = Size {
            columns: 80,
            rows: 24,
        };
        let rows = plain(&rows(size, &slots, STATUS));
        assert_eq!(rows.len(), 21);
        assert_eq!(rows[19], "   + 11 more, 11 running");
        assert_eq!(rows[20], STATUS);
    }
}
