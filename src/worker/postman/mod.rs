//! Publishes on the worker's behalf: retries, dead letters, results.
//!
//! It has a connection of its own, opened when it is first needed: a broker that is low on memory
//! or disk blocks a connection that publishes, and acknowledgements must still pass. Each letter
//! is reported only when the broker has confirmed it; until then it is tried again, for as long as
//! it takes. What the owner acknowledges after that report is safe elsewhere.

mod beside;
mod line;

use super::Message;
use crate::auxiliary::Auxiliary;
use crate::backoff::Backoff;
use crate::connection::{Connector, RetryFor};
use crate::fault::{Fault, Kind};
use crate::task::Task;
use crate::topology::{QueueType, WorkQueue};
use beside::Beside;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use line::Line;
use std::thread;
use std::time::{Duration, Instant};

/// How many letters are under way at once.
const BATCH: usize = 256;

/// A lost connection is told by the owner; what goes on for longer is told as well.
const TRIES_BEFORE_WARNING: u32 = 5;

/// Where a letter goes.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// To the end of the work queue.
    Work,
    /// To a queue beside it.
    Beside(Auxiliary),
    /// To whoever waits for the outcome; if nobody does any more, that is all right.
    Answer(String),
}

/// Something to publish.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) number: u64,
    pub(super) to: Destination,
    pub(super) task: Task,
}

/// The way to the postman. Dropping it ends the postman once all letters are delivered.
pub(super) struct Postman {
    letters: Sender<Letter>,
}

impl Postman {
    /// Starts the postman. Of the delays in `ladder` one is likely to follow upon the other.
    pub(super) fn start(
        connector: &Connector,
        queue: &WorkQueue,
        queue_type: QueueType,
        ladder: Vec<Duration>,
        messages: Sender<Message>,
    ) -> std::io::Result<Self> {
        let (letters, receiver) = unbounded();
        let mut connector = connector.clone();
        connector.retry_for = RetryFor::Forever;
        let round = Round {
            connector,
            beside: Beside::new(queue.clone(), queue_type, ladder),
            held: Vec::new(),
            line: None,
            lost: None,
            messages,
        };
        thread::Builder::new()
            .name("postman".to_owned())
            .spawn(move || round.run(&receiver))?;
        Ok(Self { letters })
    }

    /// Hands a letter over. Its number comes back with the report.
    pub(super) fn post(&self, letter: Letter) {
        // The postman ends only when this sender is dropped.
        let _ = self.letters.send(letter);
    }
}

/// A letter whose report waits.
struct Held {
    number: u64,
    queue: String,
    until: Instant,
}

struct Round {
    connector: Connector,
    beside: Beside,
    /// Confirmed by a queue that is too young.
    held: Vec<Held>,
    line: Option<Line>,
    /// Where the last line led.
    lost: Option<String>,
    messages: Sender<Message>,
}

impl Round {
    fn run(mut self, letters: &Receiver<Letter>) {
        loop {
            let first = match self.held.iter().map(|held| held.until).min() {
                None => letters.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(until) => letters.recv_deadline(until),
            };
            self.release_held();
            match first {
                Ok(first) => {
                    let mut batch = vec![first];
                    batch.extend(letters.try_iter().take(BATCH - 1));
                    self.deliver_all(batch);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(line) = self.line.take() {
            let mut link = line.link;
            let _ = link.close();
        }
    }

    /// Delivers the letters, however long it takes; or reports why that is not possible.
    fn deliver_all(&mut self, mut batch: Vec<Letter>) {
        let mut backoff = Backoff::default();
        let mut tries = 0_u32;
        loop {
            let fault = match self.deliver(&mut batch) {
                Ok(()) if batch.is_empty() => return,
                Ok(()) => None,
                Err(fault) if fault.is_transient() => Some(fault),
                Err(fault) => {
                    if fault.kind == Kind::NotTaken && shorten_answers(&mut batch) {
                        self.drop_line();
                        continue;
                    }
                    for letter in batch {
                        let queue = self.beside.address(&letter.to);
                        self.report(letter.number, queue, Err(fault.clone()));
                    }
                    return;
                }
            };
            tries += 1;
            if tries == TRIES_BEFORE_WARNING {
                let why = fault.as_ref().map_or_else(
                    || "the broker does not take them".to_owned(),
                    ToString::to_string,
                );
                let text = format!("retries and dead letters wait: {why}; trying again");
                let _ = self.messages.send(Message::Warning(text));
            }
            // A queue that was full, or whose leader is gone, is tried over a new channel.
            self.drop_line();
            if fault.is_some_and(|fault| fault.kind == Kind::Interrupted) {
                return;
            }
            let _ = self.connector.options.when_cut.recv_timeout(backoff.step());
        }
    }

    /// Tries once; what was not delivered stays in `batch`.
    fn deliver(&mut self, batch: &mut Vec<Letter>) -> Result<(), Fault> {
        if self.line.is_none() {
            let line = Line::open(&self.connector, self.lost.as_deref())?;
            self.lost = Some(line.link.address().to_owned());
            self.line = Some(line);
        }
        let Some(mut line) = self.line.take() else {
            return Ok(());
        };
        if let Err(fault) = self.publish(&mut line, batch) {
            return Err(line.diagnose(fault));
        }
        let settled = line.await_confirms(batch, &self.messages);
        // A refusal of a publish comes after it was handed over, and closes the channel.
        let interrupted_by = match settled.interrupted_by {
            Some(fault) if !settled.timed_out => Some(line.diagnose(fault)),
            fault => {
                self.line = Some(line);
                fault
            }
        };
        let (delivered, left) = std::mem::take(batch)
            .into_iter()
            .partition(|letter: &Letter| settled.delivered.contains(&letter.number));
        *batch = left;
        let delivered: Vec<Letter> = delivered;
        for letter in delivered {
            let queue = self.beside.address(&letter.to);
            match self.beside.young_until(&queue) {
                Some(until) => self.held.push(Held {
                    number: letter.number,
                    queue,
                    until,
                }),
                None => self.report(letter.number, queue, Ok(())),
            }
        }
        // Behind the reports above, which name the queues that the letters went to.
        for letter in batch.iter() {
            let queue = self.beside.address(&letter.to);
            self.beside.forget(&queue);
        }
        if settled.timed_out {
            self.beside.detour(batch.iter().map(|letter| &letter.to));
        }
        match interrupted_by {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn publish(&mut self, line: &mut Line, batch: &[Letter]) -> Result<(), Fault> {
        for (place, letter) in batch.iter().enumerate() {
            if let Destination::Beside(auxiliary) = &letter.to {
                self.beside.declare(line, auxiliary)?;
            }
            line.publish(&self.beside.address(&letter.to), &letter.task, place)?;
        }
        Ok(())
    }

    fn report(&self, number: u64, queue: String, result: Result<(), Fault>) {
        let _ = self.messages.send(Message::Posted {
            number,
            queue,
            result,
        });
    }

    /// Reports what has been held long enough, provided that the broker has stood all the while.
    fn release_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        if !self.line.as_ref().is_some_and(|line| line.link.is_alive()) {
            self.drop_line();
            return;
        }
        let now = Instant::now();
        let (old, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|held| held.until <= now);
        self.held = held;
        let old: Vec<Held> = old;
        for held in old {
            self.report(held.number, held.queue, Ok(()));
        }
    }

    /// The connection is gone, and with it perhaps the broker: queues that were young then may not
    /// have survived, nor what they confirmed.
    fn drop_line(&mut self) {
        self.line = None;
        for held in std::mem::take(&mut self.held) {
            let text = "the connection broke before a new queue was known to be on disk";
            let fault = Fault::new(Kind::Lost, text);
            self.report(held.number, held.queue, Err(fault));
        }
        self.beside.forget_young();
    }
}

/// Makes results short that the broker finds too long. Whether there was anything to shorten.
fn shorten_answers(batch: &mut [Letter]) -> bool {
    let mut shortened = false;
    for letter in batch {
        if matches!(letter.to, Destination::Answer(_)) && !letter.task.body.is_empty() {
            letter.task.body = Vec::new();
            let properties = std::mem::take(&mut letter.task.properties);
            letter.task.properties = properties.with_header("task-truncated", "true".to_owned());
            shortened = true;
        }
    }
    shortened
}
