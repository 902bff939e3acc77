//! Receives results, prints them, and notes in the broker that they were collected, before it
//! forgets them.

use super::journal;
use super::progress::Progress;
use super::state::ResultKey;
use crate::amqp::connector::{Connector, RetryFor};
use crate::amqp::{AckToken, Delivery};
use crate::base::fault::{Fault, Kind};
use crate::new_task::listed_task::ListedTask;
use crate::new_task::outcome;
use crate::new_task::reporter::Reporter;
use crate::new_task::task_result::TaskResult;
use crate::output::progress::{SendProgress, TICK};
use crate::publisher::core::{Core, Input, Notice, Verdict};
use crate::publisher::{Answered, ResultsFrom, User};
use crate::queues::{Destination, ResultsQueue};
use crate::task::{Task, TaskBody};
use crossbeam_channel::Receiver;
use humantime::format_duration;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often the state is read: others may send, or collect as well.
const LOOK: Duration = Duration::from_secs(2);

/// How many commands may have sent tasks with one name.
const RUNS_MAX: usize = 100_000;

/// Bits of a position that are a task's number; above them is the command that sent it.
const NUMBER_BITS: u32 = 40;

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

impl Collector<'_, '_> {
    /// Where a result stands in the order of all of them.
    fn position(&mut self, key: ResultKey) -> u64 {
        ((self.index(key.run) as u64) << NUMBER_BITS) + key.number
    }

    /// The number of the command that sent its task.
    fn index(&mut self, run: Uuid) -> usize {
        let known = self.runs.iter().position(|known| *known == run);
        known.unwrap_or_else(|| {
            self.runs.push(run);
            self.runs.len() - 1
        })
    }

    /// The number of a task in the log: those of a later command follow those of the former. Until it
    /// is known how many these are, another number that no other task has.
    fn logged_number(&mut self, key: ResultKey) -> u64 {
        let before = self.index(key.run);
        match self.progress.known().sent_by(&self.runs[..before]) {
            Some(sent) => sent.saturating_add(key.number),
            None => self.position(key),
        }
    }

    /// Prints those whose turn has come, where results are kept in order.
    fn advance(&mut self) -> Result<(), Fault> {
        if !self.reporter.outcomes.are_ordered() {
            return Ok(());
        }
        let next = self.progress.known().next().find_map(|(run, number)| {
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
        if self.progress.is_replacing() {
            return Ok(());
        }
        // Another time, if that does not go well.
        let mut connector = self.connector.clone();
        // The results go on meanwhile.
        connector.retry_for = RetryFor::AtMost(Duration::ZERO);
        let link = connector.connect(None, |_| {});
        let Ok(reading) = link.and_then(|link| journal::read(link, &self.queue)) else {
            return Ok(());
        };
        self.progress.learn(&reading.state);
        self.progress.replace(reading.replaced);
        self.advance()
    }

    /// Prints a result, in its turn.
    fn take(&mut self, delivery: Delivery) -> Result<(), Fault> {
        self.last = Instant::now();
        let key = delivery.properties.correlation_id();
        let key = key.and_then(ResultKey::parse);
        // No user runs that many commands: these names are made up.
        let is_full = self.runs.len() >= RUNS_MAX;
        let Some(key) = key.filter(|key| !is_full || self.runs.contains(&key.run)) else {
            self.reporter
                .warn("a message that is no result was removed from the results queue");
            self.progress.noted.push(delivery.token);
            return Ok(());
        };
        let token = delivery.token;
        if self.progress.knows(key, token) {
            return Ok(());
        }
        let body = TaskBody::told_by(&delivery.properties).unwrap_or_default();
        let mut result = TaskResult::of_task(delivery);
        let is_done = result.outcome == "done" && outcome::exit_code(&result) == 0;
        let position = self.position(key);
        self.arrived.insert(token, (key, is_done));
        if let Some(needless) = self.reporter.outcomes.renew(position, token) {
            self.arrived.remove(&needless);
            self.progress.noted.push(needless);
        } else {
            let number = self.logged_number(key);
            let is_shown = self.reporter.outcomes.show_tasks();
            result.task = is_shown.then(|| Box::new(ListedTask { number, body }));
            self.reporter.answered(position, result)?;
        }
        self.take_printed();
        self.advance()?;
        Ok(())
    }

    /// What was received and must not be lost with a failing end: it is noted over another connection.
    pub(super) fn is_complete(&self) -> bool {
        self.progress.is_settled() && self.progress.state.is_complete()
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

    fn connected(&mut self, address: &str) -> Result<(), Fault> {
        self.reporter.connected(address);
        Ok(())
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
        if self.looked + LOOK <= now {
            self.look(now)?;
        }
        let mut next = vec![self.looked + LOOK];
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

    fn answered(&mut self, delivery: Delivery) -> Answered {
        Answered {
            number: None,
            taken: self.take(delivery),
        }
    }
}
