//! What is drawn: who was busy when.

use crate::events::{Ending, Millis};
use crate::scale::scaled;

/// Groups drawn below one another, to one scale.
#[derive(Debug)]
pub struct Chart {
    pub groups: Vec<Group>,
}

/// Workers that shared their tasks; its time begins with the first of them.
#[derive(Debug)]
pub struct Group {
    pub title: String,
    pub rows: Vec<Row>,
    /// From the first task's beginning to the last one's end.
    pub total: Millis,
}

/// One slot of one worker.
#[derive(Debug, Default)]
pub struct Row {
    /// A number in place of host and process id: pictures are shown around.
    pub label: String,
    /// In order of time, without overlap.
    pub blocks: Vec<Block>,
}

/// A slot's time with one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub id: String,
    pub body: String,
    pub start: Millis,
    /// `None` while it runs, and for ever if nothing is heard of it again.
    pub end: Option<(Millis, Ending)>,
}

impl Chart {
    /// The time the drawing's whole width stands for; never zero.
    pub fn span(&self) -> Millis {
        let longest = self.groups.iter().map(|group| group.total).max();
        longest.unwrap_or(0).max(1)
    }
}

impl Group {
    pub fn has_tasks(&self) -> bool {
        self.rows.iter().any(|row| !row.blocks.is_empty())
    }
}

impl Row {
    /// How much of `total` the row was busy, in per cent.
    pub fn busy_percent(&self, total: Millis) -> Millis {
        let busy: Millis = self.blocks.iter().map(Block::duration).sum();
        scaled(busy, total.max(1), 100)
    }

    /// When the row had nothing to do, from zero to `total`.
    pub fn idle(&self, total: Millis) -> Vec<(Millis, Millis)> {
        let starts = self.blocks.iter().map(|block| block.start).chain([total]);
        let ends = [0].into_iter().chain(self.blocks.iter().map(Block::end));
        ends.zip(starts)
            .filter(|(end, start)| end < start)
            .collect()
    }

    /// Ends this task, if it is the one that runs here.
    pub fn close(&mut self, id: &str, end: Millis, ending: Ending) {
        let last = self.blocks.last_mut().filter(|block| block.id == id);
        if let Some(block) = last {
            block.end.get_or_insert((end, ending));
        }
    }
}

impl Block {
    pub fn end(&self) -> Millis {
        self.end.map_or(self.start, |(end, _)| end)
    }

    pub fn duration(&self) -> Millis {
        self.end().saturating_sub(self.start)
    }

    pub fn ending(&self) -> Ending {
        self.end.map_or(Ending::Unfinished, |(_, ending)| ending)
    }
}
