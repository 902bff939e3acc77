//! Makes a group of rows from what workers said. Nothing here draws.

use std::collections::BTreeMap;

use crate::chart::{Block, Group, Row};
use crate::events::{Ending, Event, Kind, Millis};

/// Puts the events of one group in order and makes rows of them.
pub fn group(title: &str, mut events: Vec<Event>) -> Group {
    // Files come one after the other. The sort is stable, so what one worker
    // did within a millisecond stays in order.
    events.sort_by_key(|event| event.time);
    let last = events.last().map_or(0, |event| event.time);

    let mut lanes = Lanes::default();
    for event in events {
        lanes.apply(event);
    }
    let mut rows = lanes.into_rows();
    finish(&mut rows, last);
    let total = to_zero(&mut rows);
    Group {
        title: title.to_owned(),
        rows,
        total,
    }
}

/// Workers in the order in which they appeared, and their slots.
#[derive(Default)]
struct Lanes {
    workers: Vec<String>,
    rows: BTreeMap<(usize, u64), Row>,
}

impl Lanes {
    fn apply(&mut self, event: Event) {
        match event.kind {
            Kind::Waiting => {
                self.worker(event.worker);
            }
            Kind::Received { slot, id, body } => {
                let worker = self.worker(event.worker);
                self.start(worker, slot, event.time, id, body);
            }
            Kind::Ended { id, ending } => {
                let worker = self.worker(event.worker);
                for (_, row) in self.rows.range_mut((worker, 0)..=(worker, u64::MAX)) {
                    row.close(&id, event.time, ending);
                }
            }
        }
    }

    fn worker(&mut self, name: String) -> usize {
        if let Some(known) = self.workers.iter().position(|worker| *worker == name) {
            return known;
        }
        self.workers.push(name);
        self.workers.len() - 1
    }

    /// A task that begins anew was lost where it ran before, and a slot that
    /// begins a task has lost the one it had: neither says so itself when it
    /// is killed.
    fn start(&mut self, worker: usize, slot: u64, start: Millis, id: String, body: String) {
        for row in self.rows.values_mut() {
            row.close(&id, start, Ending::Unfinished);
        }
        let row = self.rows.entry((worker, slot)).or_default();
        if let Some(before) = row.blocks.last_mut() {
            before.end.get_or_insert((start, Ending::Unfinished));
        }
        row.blocks.push(Block {
            id,
            body,
            start,
            end: None,
        });
    }

    /// Every worker has a row, also one that never got a task.
    fn into_rows(self) -> Vec<Row> {
        let mut slots: Vec<Vec<(u64, Row)>> = self.workers.iter().map(|_| Vec::new()).collect();
        for ((worker, slot), row) in self.rows {
            slots[worker].push((slot, row));
        }
        (1..)
            .zip(slots)
            .flat_map(|(number, slots)| worker_rows(number, slots))
            .collect()
    }
}

fn worker_rows(number: usize, mut slots: Vec<(u64, Row)>) -> Vec<Row> {
    if slots.is_empty() {
        slots.push((1, Row::default()));
    }
    let several = slots.len() > 1;
    let label = |slot| {
        if several {
            format!("worker {number}, slot {slot}")
        } else {
            format!("worker {number}")
        }
    };
    slots
        .into_iter()
        .map(|(slot, row)| Row {
            label: label(slot),
            ..row
        })
        .collect()
}

/// What still runs when the events end is drawn up to there.
fn finish(rows: &mut [Row], last: Millis) {
    for block in rows.iter_mut().flat_map(|row| &mut row.blocks) {
        block.end.get_or_insert((last, Ending::Unfinished));
    }
}

/// Moves the first task's beginning to zero; returns when the last one ended.
fn to_zero(rows: &mut [Row]) -> Millis {
    let blocks = || rows.iter().flat_map(|row| &row.blocks);
    let zero = blocks().map(|block| block.start).min().unwrap_or(0);
    let end = blocks().map(Block::end).max().unwrap_or(0);
    for block in rows.iter_mut().flat_map(|row| &mut row.blocks) {
        block.start -= zero;
        block.end = block.end.map(|(end, ending)| (end - zero, ending));
    }
    end - zero
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Chart;

    fn waiting(time: Millis, worker: &str) -> Event {
        event(time, worker, Kind::Waiting)
    }

    fn received(time: Millis, worker: &str, slot: u64, id: &str) -> Event {
        let (id, body) = (id.to_owned(), format!("body of {id}"));
        event(time, worker, Kind::Received { slot, id, body })
    }

    fn ended(time: Millis, worker: &str, id: &str, ending: Ending) -> Event {
        let id = id.to_owned();
        event(time, worker, Kind::Ended { id, ending })
    }

    fn event(time: Millis, worker: &str, kind: Kind) -> Event {
        let worker = worker.to_owned();
        Event { time, worker, kind }
    }

    /// Each row as `label: id start-end ending, ...`.
    fn drawn(group: &Group) -> Vec<String> {
        let block = |block: &Block| {
            let Block { id, start, .. } = block;
            format!("{id} {start}-{} {:?}", block.end(), block.ending())
        };
        let row = |row: &Row| {
            let blocks: Vec<_> = row.blocks.iter().map(block).collect();
            format!("{}: {}", row.label, blocks.join(", "))
        };
        group.rows.iter().map(row).collect()
    }

    #[test]
    fn time_begins_with_the_first_task_whatever_the_files_order() {
        let group = group(
            "",
            vec![
                waiting(900, "a:1"),
                received(1020, "a:1", 1, "y"),
                ended(1320, "a:1", "y", Ending::Failed),
                waiting(800, "b:2"),
                received(1000, "b:2", 1, "x"),
                ended(1500, "b:2", "x", Ending::Done),
                received(1500, "b:2", 1, "z"),
                ended(1600, "b:2", "z", Ending::Done),
            ],
        );
        assert_eq!(
            drawn(&group),
            [
                "worker 1: x 0-500 Done, z 500-600 Done",
                "worker 2: y 20-320 Failed"
            ]
        );
        assert_eq!(group.total, 600);
        assert_eq!(group.rows[0].busy_percent(group.total), 100);
        assert_eq!(group.rows[0].idle(group.total), []);
        assert_eq!(group.rows[1].busy_percent(group.total), 50);
        assert_eq!(group.rows[1].idle(group.total), [(0, 20), (320, 600)]);
    }

    #[test]
    fn slots_have_rows_and_so_has_a_worker_without_tasks() {
        let group = group(
            "",
            vec![
                waiting(0, "a:1"),
                waiting(1, "b:2"),
                received(10, "a:1", 2, "x"),
                received(11, "a:1", 1, "y"),
                ended(20, "a:1", "x", Ending::Done),
                ended(21, "a:1", "y", Ending::Done),
            ],
        );
        assert_eq!(
            drawn(&group),
            [
                "worker 1, slot 1: y 1-11 Done",
                "worker 1, slot 2: x 0-10 Done",
                "worker 2: "
            ]
        );
    }

    #[test]
    fn a_killed_workers_task_ends_where_another_takes_it() {
        let group = group(
            "",
            vec![
                received(0, "a:1", 1, "x"),
                received(400, "b:2", 1, "x"),
                ended(900, "b:2", "x", Ending::Done),
            ],
        );
        assert_eq!(
            drawn(&group),
            ["worker 1: x 0-400 Unfinished", "worker 2: x 400-900 Done"]
        );
    }

    #[test]
    fn a_task_without_an_end_lasts_until_the_slots_next_or_the_last_event() {
        let group = group(
            "",
            vec![
                received(0, "a:1", 1, "x"),
                received(300, "a:1", 1, "y"),
                waiting(700, "b:2"),
            ],
        );
        assert_eq!(
            drawn(&group),
            [
                "worker 1: x 0-300 Unfinished, y 300-700 Unfinished",
                "worker 2: "
            ]
        );
    }

    #[test]
    fn no_tasks_is_no_reason_to_divide_by_zero() {
        let group = group("", vec![waiting(5, "a:1")]);
        assert!(!group.has_tasks());
        assert_eq!(group.rows[0].busy_percent(group.total), 0);
        let chart = Chart {
            groups: vec![group],
        };
        assert_eq!(chart.span(), 1);
    }
}
