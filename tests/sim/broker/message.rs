//! A message in a queue, and what a broker writes into its headers.

use super::declaration::Kind;
use super::method::ConnectionId;
use super::{Series, Time};
use std::rc::Rc;
use work_queue::task::Task;

/// A message in a queue, or delivered and not settled.
#[derive(Clone, Debug)]
pub struct Message {
    /// What its sender published.
    pub task: Rc<Task>,
    /// Who published it; none: the broker itself.
    pub from: Option<ConnectionId>,
    /// Tells it from all others, as long as it is in this queue.
    pub serial: u64,
    /// Its place in the queue: smaller ones are handed out first.
    pub place: u64,
    /// Whether it was handed out before.
    pub redelivered: bool,
    /// How often it came back, as far as a quorum queue counts that.
    pub returns: u64,
    /// How often it was handed out before, which is told from 4.3 on.
    pub acquired: u64,
    /// The queues in which it expired, each with how often.
    pub deaths: Vec<(String, u64)>,
    /// When it expires.
    pub expires: Option<Time>,
    /// Since when it is safe on disk, which its confirm tells.
    pub safe: bool,
    pub stay: Stay,
}

/// Whether a message belongs to its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    Here,
    /// No more: it waits for room in the next queue.
    Expired,
    /// Its copy is on the way there.
    Leaving,
}

impl Message {
    pub fn new(task: Rc<Task>, from: Option<ConnectionId>) -> Self {
        Self {
            task,
            from,
            serial: 0,
            place: 0,
            redelivered: false,
            returns: 0,
            acquired: 0,
            deaths: Vec::new(),
            expires: None,
            safe: false,
            stay: Stay::Here,
        }
    }

    /// If its copy was on the way, that is forgotten.
    pub fn is_back(&mut self) {
        if self.stay == Stay::Leaving {
            self.stay = Stay::Expired;
        }
    }

    /// The same message as it arrives in the next queue when it has expired in `queue`.
    pub fn died_in(&self, queue: &str) -> Self {
        let mut copy = Self::new(Rc::clone(&self.task), None);
        copy.deaths.clone_from(&self.deaths);
        match copy.deaths.iter_mut().find(|(name, _)| name == queue) {
            Some((_, count)) => *count += 1,
            None => copy.deaths.insert(0, (queue.to_owned(), 1)),
        }
        copy
    }

    /// What a client gets from a queue of this kind.
    pub fn delivered(&self, series: Series, kind: Kind, by: By) -> Rc<Task> {
        let counts = kind == Kind::Quorum;
        // 3.10 tells those that fetch one even that it has never come back.
        let tells_zero = by == By::Get && series == Series::V3_10;
        let counted = counts && (self.returns > 0 || tells_zero);
        let acquired = counts && self.acquired > 0 && series >= Series::V4_3;
        if !counted && !acquired && self.deaths.is_empty() {
            return Rc::clone(&self.task);
        }
        let mut properties = self.task.properties.clone();
        if counted {
            properties = properties.with_header("x-delivery-count", self.returns.to_string());
        }
        if acquired {
            properties = properties.with_header("x-acquired-count", self.acquired.to_string());
        }
        for (name, value) in self.death_headers(series) {
            properties = properties.with_header(name, value);
        }
        let body = self.task.body.clone();
        Rc::new(Task { body, properties })
    }

    /// The headers of a message that has expired. Their structure is not modelled, their size is:
    /// the broker adds them to a header frame whose size it does not look at.
    fn death_headers(&self, series: Series) -> Vec<(&'static str, String)> {
        const ENTRY: usize = 130;
        let Some((first, _)) = self.deaths.last() else {
            return Vec::new();
        };
        let entries = self.deaths.iter().map(|(queue, count)| {
            let text = format!("{queue} expired {count}");
            format!("{text:ENTRY$}{queue}")
        });
        let mut headers = vec![
            ("x-death", entries.collect()),
            ("x-first-death-exchange", String::new()),
            ("x-first-death-queue", first.clone()),
            ("x-first-death-reason", "expired".to_owned()),
        ];
        if series >= Series::V4_0 {
            headers.extend([
                ("x-last-death-exchange", String::new()),
                ("x-last-death-queue", self.deaths[0].0.clone()),
                ("x-last-death-reason", "expired".to_owned()),
            ]);
        }
        headers
    }
}

/// How a message is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// To a consumer.
    Delivery,
    /// `basic.get`
    Get,
}
