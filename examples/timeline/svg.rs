//! Draws a chart as an SVG that needs nothing else, in light and dark. Task
//! bodies are in it, so everything that is not ours goes through [`escape`].

use std::fmt::Write as _;

use crate::chart::{Block, Chart, Group, Row};
use crate::events::{Ending, Millis};
use crate::scale::{scaled, seconds, tick_label, ticks};

/// Lengths in pixels. The time axis lies between `LEFT` and `LEFT + AXIS`.
const WIDTH: u64 = 880;
const EDGE: u64 = 28;
const LEFT: u64 = 120;
const AXIS: u64 = 620;
const TITLE: u64 = 40;
const ROW: u64 = 38;
const BLOCK: u64 = 26;
const SCALE: u64 = 30;
const GROUP_GAP: u64 = 20;

/// A tick's label with room next to it.
const TICK: u64 = 60;

/// From one dot of idle time to the next, as in the style below.
const DOT: u64 = 10;

/// A character of a block's label, which is set in a fixed-width font.
const CHARACTER: u64 = 8;

/// Colours of GitHub's own light and dark pages. The card has its own ground,
/// so it stays legible where the page's colours and the reader's differ.
const STYLE: &str = "\
text{font:14px -apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#59636e}
.card{fill:#ffffff;stroke:#d1d9e0}
.title{font-size:16px;font-weight:600;fill:#1f2328}
.total{font-weight:600;fill:#1f2328}
.note,.mark{text-anchor:end}
.tick{text-anchor:middle;font-size:12px}
.grid{stroke:#d1d9e0}
.end{stroke:#1f2328;stroke-width:2}
.idle{stroke:#818b98;stroke-width:3;stroke-linecap:round;stroke-dasharray:0 10}
.done{fill:#0969da}
.failed{fill:#cf222e}
.unfinished{fill:#818b98}
.body{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#ffffff}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}
.card{fill:#0d1117;stroke:#3d444d}
.title,.total{fill:#f0f6fc}
.grid{stroke:#2f353d}
.end{stroke:#f0f6fc}
.idle{stroke:#656c76}
.done{fill:#1f6feb}
.failed{fill:#da3633}
.unfinished{fill:#656c76}
.body{fill:#ffffff}
}
";

/// The whole file.
pub fn draw(chart: &Chart) -> String {
    let mut groups = String::new();
    let mut top = EDGE / 2;
    for one in &chart.groups {
        groups += &group(one, top, chart.span());
        top += height(one) + GROUP_GAP;
    }
    let height = top - GROUP_GAP + EDGE / 2;
    let summary = escape(&summary(chart));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{summary}\">\n\
         <title>{summary}</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
         {groups}</svg>\n",
        WIDTH - 1,
        height - 1,
    )
}

/// What a reader who does not see the picture is told.
fn summary(chart: &Chart) -> String {
    let total = |group: &Group| format!("{} {} s", group.title, seconds(group.total, 2));
    let totals: Vec<_> = chart.groups.iter().map(total).collect();
    format!("Timeline of workers: {}", totals.join(", "))
}

fn height(group: &Group) -> u64 {
    TITLE + ROW * group.rows.len() as u64 + SCALE
}

fn x(time: Millis, span: Millis) -> u64 {
    LEFT + scaled(time, span, AXIS)
}

fn group(group: &Group, top: u64, span: Millis) -> String {
    let rows_top = top + TITLE;
    let rows_end = top + height(group) - SCALE;
    let mut drawing = String::new();
    let _ = writeln!(
        drawing,
        "<text class=\"title\" x=\"{EDGE}\" y=\"{}\">{}</text>",
        top + 24,
        escape(&group.title)
    );
    drawing += &scale(span, rows_top, rows_end);
    for (index, row) in (0..).zip(&group.rows) {
        drawing += &lane(row, group.total, rows_top + ROW * index, span);
    }
    drawing += &total(group.total, rows_top, rows_end, span);
    drawing
}

/// The seconds: a line through all rows and a label below.
fn scale(span: Millis, top: u64, end: u64) -> String {
    let mut drawing = String::new();
    for tick in ticks(span, AXIS / TICK) {
        let (x, label) = (x(tick, span), tick_label(tick));
        let _ = writeln!(
            drawing,
            "<path class=\"grid\" d=\"M{x}.5 {top}V{}\"/>\
             <text class=\"tick\" x=\"{x}\" y=\"{}\">{label} s</text>",
            end + 4,
            end + 20
        );
    }
    drawing
}

fn lane(row: &Row, total: Millis, top: u64, span: Millis) -> String {
    let text = top + ROW / 2 + 5;
    let mut drawing = String::new();
    let _ = writeln!(
        drawing,
        "<text x=\"{EDGE}\" y=\"{text}\">{}</text>",
        escape(&row.label)
    );
    for (start, end) in row.idle(total) {
        drawing += &idle(x(start, span), x(end, span), top + ROW / 2);
    }
    for one in &row.blocks {
        drawing += &block(one, top + (ROW - BLOCK) / 2, span);
    }
    let _ = writeln!(
        drawing,
        "<text class=\"note\" x=\"{}\" y=\"{text}\">{} % busy</text>",
        WIDTH - EDGE,
        row.busy_percent(total)
    );
    drawing
}

/// Dots, unless there is room for none.
fn idle(start: u64, end: u64, y: u64) -> String {
    if end - start < DOT {
        return String::new();
    }
    let first = start + DOT / 2 + 1;
    format!("<path class=\"idle\" d=\"M{first} {y}H{end}\"/>\n")
}

/// A pixel at either side parts it from its neighbours and shows the ground.
fn block(block: &Block, top: u64, span: Millis) -> String {
    let left = x(block.start, span) + 1;
    let width = x(block.end(), span).saturating_sub(left + 1).max(2);
    let body = escape(&block.body);
    let class = match block.ending() {
        Ending::Done => "done",
        Ending::Failed => "failed",
        Ending::Unfinished => "unfinished",
    };
    let mut drawing = format!(
        "<g><title>{body}: {} s, {class}</title>\
         <rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{BLOCK}\" rx=\"4\"/>",
        seconds(block.duration(), 2)
    );
    if body.chars().count() as u64 * CHARACTER + 8 <= width {
        let _ = write!(
            drawing,
            "<text class=\"body\" x=\"{}\" y=\"{}\">{body}</text>",
            left + 7,
            top + 18
        );
    }
    drawing + "</g>\n"
}

/// The line at which everything was done, and how long it took.
fn total(total: Millis, top: u64, end: u64, span: Millis) -> String {
    let x = x(total, span);
    format!(
        "<path class=\"end\" d=\"M{x} {}V{end}\"/>\
         <text class=\"total mark\" x=\"{x}\" y=\"{}\">{} s</text>\n",
        top - 4,
        top - 10,
        seconds(total, 2)
    )
}

/// Makes any text fit for XML: markup becomes text, and what XML forbids or
/// what would turn the reading direction is spelt out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => escaped.extend(character.escape_unicode()),
            _ if character.is_control() => escaped.extend(character.escape_default()),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(body: &str) -> Chart {
        let block = Block {
            id: "id".into(),
            body: body.into(),
            start: 0,
            end: Some((2000, Ending::Done)),
        };
        let row = Row {
            label: "worker 1".into(),
            blocks: vec![block],
        };
        let group = Group {
            title: "fair <&> square".into(),
            rows: vec![row],
            total: 2000,
        };
        Chart {
            groups: vec![group],
        }
    }

    #[test]
    fn nothing_of_a_body_becomes_markup() {
        let drawn = draw(&chart("</title><script>'\"&\u{1b}[2J\u{202e}\u{ffff}"));
        assert!(!drawn.contains("<script"));
        assert!(drawn.contains(
            "&lt;/title&gt;&lt;script&gt;&#39;&quot;&amp;\\u{1b}[2J\\u{202e}\\u{ffff}: 2.00 s, done"
        ));
        assert!(drawn.contains("fair &lt;&amp;&gt; square"));
    }

    #[test]
    fn a_label_stays_within_its_block() {
        let labels = |body: &str| draw(&chart(body)).matches("class=\"body\"").count();
        assert_eq!(labels(&".".repeat(76)), 1);
        assert_eq!(labels(&".".repeat(77)), 0);
    }

    #[test]
    fn a_block_reaches_from_its_beginning_to_its_end() {
        let drawn = draw(&chart("x"));
        assert!(drawn.contains("<rect class=\"done\" x=\"121\" y=\"60\" width=\"618\""));
        assert!(drawn.contains("<path class=\"end\" d=\"M740 "));
    }
}
