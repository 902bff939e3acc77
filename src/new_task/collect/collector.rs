//! Receives results, prints them, and notes in the broker that they were collected, before it
//! forgets them.

use super::journal::{self, Replaced};
use super::state::{ResultKey, State};
use crate::amqp::connector::Connector;
use crate::amqp::{AckToken, Delivery};
use crate::base::fault::{Fault, Kind};
use crate::new_task::outcome;
use crate::new_task::reporter::Reporter;
use crate::new_task::results::TaskResult;
use crate::output::progress::{SendProgress, TICK};
use crate::publisher::core::{Core, Input, Notice, Verdict};
use crate::publisher::{ResultsFrom, User};
use crate::queues::{Destination, ResultsQueue};
use crate::task::Task;
use crossbeam_channel::Receiver;
use humantime::format_duration;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often the state is read while nothing comes: others may send, or collect as well.
const LOOK: Duration = Duration::from_secs(2);

/// Bits of a position that are a task's number; above them is the command that sent it.
const NUMBER_BITS: u32 = 40;

/// Results that were printed and are not noted yet.
#[derive(Debug, Default)]
struct Printed {
    part: State,
    tokens: Vec<AckToken>,
}

/// What is known of the results, and what is under way.
pub(super) struct Progress {
    /// What the broker knows.
    pub(super) state: State,
    /// To be noted, and being noted.
    printed: Printed,
    noting: Option<Printed>,
    /// Messages with parts of the state that the next one replaces.
    pub(super) replaced: Option<Replaced>,
    /// How many messages with parts of the state were sent.
    notes: u64,
    /// To be acknowledged.
    noted: Vec<AckToken>,
}

/// Collects results.
pub(super) struct Collector<'a, 'r> {
    pub(super) connector: Connector,
    pub(super) queue: ResultsQueue,
    pub(super) progress: Progress,
    /// What was delivered and is not printed.
    pub(super) arrived: HashMap<AckToken, (ResultKey, bool)>,
    /// The commands that have sent tasks, in the order of their results.
    pub(super) runs: Vec<Uuid>,
    pub(super) reporter: &'a mut Reporter<'r>,
    pub(super) wait_timeout: Option<Duration>,
    /// When something came last, and when the state was read.
    pub(super) last: Instant,
    pub(super) looked: Instant,
}

impl Progress {
    pub(super) fn new(state: State, replaced: Option<Replaced>) -> Self {
        Self {
            state,
            printed: Printed::default(),
            noting: None,
            replaced,
            notes: 0,
            noted: Vec::new(),
        }
    }

    /// A result was printed.
    fn printed(&mut self, key: ResultKey, is_done: bool, token: AckToken) {
        self.printed.part.collected(key, is_done);
        self.printed.tokens.push(token);
    }

    /// Takes care of a result that was printed before. Whether it was.
    fn knows(&mut self, key: ResultKey, token: AckToken) -> bool {
        if self.state.has(key) {
            self.noted.push(token);
        } else if self.printed.part.has(key) {
            self.printed.tokens.push(token);
        } else if let Some(noting) = self.noting.as_mut().filter(|noting| noting.part.has(key)) {
            noting.tokens.push(token);
        } else {
            return false;
        }
        true
    }

    /// What is to be noted next, if nothing is under way.
    fn note(&mut self) -> Option<State> {
        if self.noting.is_some() || (self.printed.part.is_empty() && self.replaced.is_none()) {
            return None;
        }
        let printed = self.noting.insert(std::mem::take(&mut self.printed));
        let mut part = printed.part.clone();
        if self.replaced.is_some() {
            part.merge(&self.state);
        }
        self.notes += 1;
        Some(part)
    }

    /// The broker knows it.
    fn has_noted(&mut self) {
        if let Some(printed) = self.noting.take() {
            self.state.merge(&printed.part);
            self.noted.extend(printed.tokens);
        }
        if let Some(replaced) = self.replaced.take() {
            // What is left is read again, and says the same.
            let _ = replaced.acknowledge();
        }
    }

    /// Whether nothing is under way.
    fn is_settled(&self) -> bool {
        self.printed.part.is_empty() && self.noting.is_none() && self.noted.is_empty()
    }

    /// What was printed and is not known to be noted: it counts as noted from now on.
    pub(super) fn take_unnoted(&mut self) -> Option<State> {
        let mut part = std::mem::take(&mut self.printed).part;
        if let Some(noting) = self.noting.take() {
            part.merge(&noting.part);
        }
        self.state.merge(&part);
        (!part.is_empty()).then_some(part)
    }
}

impl Collector<'_, '_> {
    /// Where a result stands in the order of all of them.
    fn position(&mut self, key: ResultKey) -> u64 {
        let known = self.runs.iter().position(|run| *run == key.run);
        let index = known.unwrap_or_else(|| {
            self.runs.push(key.run);
            self.runs.len() - 1
        });
        ((index as u64) << NUMBER_BITS) + key.number
    }

    /// Prints those whose turn has come, where results are kept in order.
    fn advance(&mut self) -> Result<(), Fault> {
        if !self.reporter.outcomes.are_ordered() {
            return Ok(());
        }
        let mut known = self.progress.state.clone();
        known.merge(&self.progress.printed.part);
        if let Some(noting) = &self.progress.noting {
            known.merge(&noting.part);
        }
        let next = known.next().find_map(|(run, number)| {
            Some(ResultKey {
                run,
                number: number?,
            })
        });
        if let Some(next) = next {
            let next = self.position(next);
            self.reporter.advance(next)?;
            self.take_printed();
        }
        Ok(())
    }

    /// Notes what the reporter has printed.
    fn take_printed(&mut self) {
        for token in std::mem::take(self.reporter.outcomes.written()) {
            if let Some((key, is_done)) = self.arrived.remove(&token) {
                self.progress.printed(key, is_done, token);
            }
        }
    }

    /// Reads what others have noted.
    fn look(&mut self, now: Instant) -> Result<(), Fault> {
        self.looked = now;
        if self.progress.replaced.is_some() {
            return Ok(());
        }
        // Another time, if that does not go well.
        let link = self.connector.connect(None, |_| {});
        let Ok(reading) = link.and_then(|link| journal::read(link, &self.queue)) else {
            return Ok(());
        };
        self.progress.state.merge(&reading.state);
        self.progress.replaced = reading.replaced;
        self.advance()
    }

    /// What was received and must not be lost with a failing end: it is noted over another connection.
    pub(super) fn is_complete(&self) -> bool {
        self.progress.state.is_complete() && self.progress.is_settled()
    }
}

impl User for Collector<'_, '_> {
    type Payload = Task;
    type Arrival = ();

    fn inbox(&self) -> Option<&Receiver<()>> {
        None
    }

    fn accept(&mut self, _came: Option<()>, _core: &mut Core<Task>, _now: Instant) {}

    fn feed(&mut self, core: &mut Core<Task>, now: Instant) {
        let to = Destination::Results(self.queue.state().name);
        if !core.has_room(&to, now) {
            return;
        }
        if let Some(part) = self.progress.note() {
            let message = journal::message(&self.queue, self.progress.notes, &part);
            core.handle(Input::Message(message), now);
        }
    }

    fn verdict(&mut self, verdict: Verdict<Task>) -> Result<(), Fault> {
        match verdict {
            Verdict::Confirmed { .. } => {
                self.progress.has_noted();
                Ok(())
            }
            Verdict::Refused { fault, .. } => Err(fault),
            Verdict::Withdrawn { .. } => Ok(()),
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.reporter.notice(notice);
    }

    fn connected(&mut self, address: &str) {
        self.reporter.connected(address);
    }

    fn retrying(&mut self, fault: &Fault) {
        let text = format!("{fault}; retrying (--retry-for)");
        self.reporter.warn(&text);
    }

    fn give_up(&mut self, fault: Fault, _core: &mut Core<Task>) -> Result<(), Fault> {
        Err(fault)
    }

    fn is_done(&self, core: &mut Core<Task>) -> bool {
        self.is_complete() && core.is_idle()
    }

    fn tick(&mut self, _core: &mut Core<Task>, now: Instant) -> Result<Option<Instant>, Fault> {
        if !self.progress.noted.is_empty() {
            return Ok(Some(now));
        }
        let look = self.last.max(self.looked) + LOOK;
        if look <= now {
            self.look(now)?;
        }
        let mut next = vec![self.last.max(self.looked) + LOOK];
        if let Some(limit) = self.wait_timeout {
            let until = self.last + limit;
            if until <= now {
                let text = format!(
                    "no result arrived for {} (--wait-timeout)",
                    format_duration(limit)
                );
                return Err(Fault::new(Kind::NotTaken, text));
            }
            next.push(until);
        }
        if self.reporter.bar.is_visible() {
            let counts = self.progress.state.counts();
            self.reporter.bar.tick(SendProgress::Results {
                done: counts.done,
                failed: counts.failed,
                tasks: counts.sent,
            });
            next.push(now + TICK);
        }
        Ok(next.into_iter().min())
    }

    fn results(&self) -> Option<ResultsFrom> {
        Some(ResultsFrom::Collected(self.queue.clone()))
    }

    fn results_lost(&mut self) -> Result<(), Fault> {
        let text = format!("the results `{}` were deleted", self.queue.results);
        Err(Fault::new(Kind::Queue, text))
    }

    fn take_written(&mut self) -> Vec<AckToken> {
        std::mem::take(&mut self.progress.noted)
    }

    fn held_results(&self) -> usize {
        self.reporter.outcomes.held()
    }

    fn answered(&mut self, delivery: Delivery) -> Result<Option<u64>, Fault> {
        self.last = Instant::now();
        let key = delivery.properties.correlation_id();
        let Some(key) = key.and_then(ResultKey::parse) else {
            self.reporter
                .warn("a message that is no result was removed from the results queue");
            self.progress.noted.push(delivery.token);
            return Ok(None);
        };
        let token = delivery.token;
        if self.progress.knows(key, token) {
            return Ok(None);
        }
        let result = TaskResult::of_task(delivery);
        let is_done = result.outcome == "done" && outcome::exit_code(&result) == 0;
        let position = self.position(key);
        self.arrived.insert(token, (key, is_done));
        match self.reporter.outcomes.renew(position, token) {
            Some(needless) => {
                self.arrived.remove(&needless);
                self.progress.noted.push(needless);
            }
            None => self.reporter.answered(position, result)?,
        }
        self.take_printed();
        self.advance()?;
        Ok(None)
    }
}
