//! Draws a chart with plain characters. Only labels made here and titles of
//! the user's own are drawn: no byte of a task reaches the terminal.

use std::fmt::Write as _;

use crate::chart::{Block, Chart, Group, Row};
use crate::events::{Ending, Millis};
use crate::scale::{scaled, seconds, tick_label, ticks};

/// Narrower than this, blocks say nothing; the lines then grow too long.
const LEAST_CELLS: usize = 20;

/// A mark of the axis, its label and the space next to it.
const TICK_CELLS: usize = 7;

/// The chart in lines of at most `width` columns.
pub fn draw(chart: &Chart, width: usize) -> String {
    let rows = || chart.groups.iter().flat_map(|group| &group.rows);
    let margin = rows().map(|row| row.label.len()).max().unwrap_or(0);
    let notes = chart.groups.iter().flat_map(notes);
    let note = notes.map(|note| note.len()).max().unwrap_or(0);
    let paper = Paper {
        margin,
        cells: width.saturating_sub(margin + note + 4).max(LEAST_CELLS),
        span: chart.span(),
    };
    let groups: Vec<_> = chart.groups.iter().map(|one| group(one, &paper)).collect();
    groups.join("\n")
}

/// What all lines have in common.
struct Paper {
    /// Columns left of the cells.
    margin: usize,
    cells: usize,
    /// The time all the cells stand for.
    span: Millis,
}

impl Paper {
    fn cell(&self, time: Millis) -> usize {
        let cell = scaled(time, self.span, self.cells as u64);
        usize::try_from(cell).unwrap_or(self.cells).min(self.cells)
    }
}

fn group(group: &Group, paper: &Paper) -> String {
    let mut drawing = String::new();
    if !group.title.is_empty() {
        drawing = group.title.clone() + "\n";
    }
    for (row, note) in group.rows.iter().zip(notes(group)) {
        let (label, margin) = (&row.label, paper.margin);
        let cells = cells(row, group.total, paper);
        let _ = writeln!(drawing, "{label:margin$}  {cells}  {note}");
    }
    let _ = writeln!(drawing, "{:1$}  {2}", "", paper.margin, axis(paper));
    let _ = writeln!(drawing, "total {} s", seconds(group.total, 2));
    drawing
}

/// What is said of each row at its end.
fn notes(group: &Group) -> Vec<String> {
    let note = |row: &Row| format!("{:>3} % busy", row.busy_percent(group.total));
    group.rows.iter().map(note).collect()
}

/// Dots as long as the group's work lasts, and the blocks upon them.
fn cells(row: &Row, total: Millis, paper: &Paper) -> String {
    let mut cells = vec![' '; paper.cells];
    cells[..paper.cell(total)].fill('·');
    for block in &row.blocks {
        let end = paper.cell(block.end()).max(1);
        let start = paper.cell(block.start).min(end - 1);
        cells[start..end].fill(busy(block));
        // Half a cell parts a block from the next one.
        if block.ending() == Ending::Done {
            cells[end - 1] = '▌';
        }
    }
    cells.into_iter().collect()
}

fn busy(block: &Block) -> char {
    match block.ending() {
        Ending::Done => '█',
        Ending::Failed => '▒',
        Ending::Unfinished => '░',
    }
}

/// The labels, each beginning in the cell of its second. The last one may
/// reach beyond the cells, where the rows' notes leave room for it.
fn axis(paper: &Paper) -> String {
    let mut axis = String::new();
    for tick in ticks(paper.span, (paper.cells / TICK_CELLS) as u64) {
        let gap = paper.cell(tick).saturating_sub(axis.len());
        let _ = write!(axis, "{:gap$}{} s", "", tick_label(tick));
    }
    axis
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, blocks: &[(Millis, Millis, Ending)]) -> Row {
        let block = |&(start, end, ending)| Block {
            id: String::new(),
            body: String::new(),
            start,
            end: Some((end, ending)),
        };
        Row {
            label: label.to_owned(),
            blocks: blocks.iter().map(block).collect(),
        }
    }

    fn chart() -> Chart {
        let unfair = Group {
            title: "unfair".into(),
            rows: vec![
                row(
                    "worker 1",
                    &[(0, 2000, Ending::Done), (2000, 4000, Ending::Done)],
                ),
                row(
                    "worker 2",
                    &[(0, 200, Ending::Done), (3990, 4000, Ending::Failed)],
                ),
            ],
            total: 4000,
        };
        let fair = Group {
            title: "fair".into(),
            rows: vec![row("worker 1", &[(1000, 2000, Ending::Unfinished)])],
            total: 2000,
        };
        Chart {
            groups: vec![unfair, fair],
        }
    }

    #[test]
    fn groups_have_one_scale() {
        assert_eq!(
            draw(&chart(), 52),
            "\
unfair
worker 1  ██████████████▌██████████████▌  100 % busy
worker 2  █▌···························▒    5 % busy
          0 s     1 s    2 s     3 s    4 s
total 4.00 s

fair
worker 1  ········░░░░░░░                  50 % busy
          0 s     1 s    2 s     3 s    4 s
total 2.00 s
"
        );
    }

    #[test]
    fn lines_fit() {
        for width in [50, 80, 133] {
            for line in draw(&chart(), width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_narrow_terminal_still_gets_a_drawing() {
        assert!(draw(&chart(), 0).contains('█'));
    }
}
