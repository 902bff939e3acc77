//! Publishes on the worker's behalf: retries, dead letters, results.
//!
//! It has a connection of its own, opened when it is first needed: a broker that is low on memory
//! or disk blocks a connection that publishes, and acknowledgements must still pass. Each letter
//! is reported only when the broker has confirmed it; until then it is tried again, for as long as
//! it takes. What the owner acknowledges after that report is safe elsewhere.

use super::Message;
use crate::amqp::{Channel, Confirmation, Confirms, Link, Waited};
use crate::backoff::Backoff;
use crate::confirms::{Outstanding, Verdict};
use crate::connection::{Connector, RetryFor};
use crate::fault::{Fault, Kind};
use crate::refusal::Mismatch;
use crate::task::Task;
use crate::topology::{Auxiliary, Replicated, WorkQueue};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};

/// How many letters are under way at once.
const BATCH: usize = 256;

/// How long a broker that is not blocked may take to confirm before another connection is tried.
const PATIENCE: Duration = Duration::from_secs(60);

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
    /// Starts the postman.
    pub(super) fn start(
        connector: &Connector,
        queue: &WorkQueue,
        replicated: Replicated,
        messages: Sender<Message>,
    ) -> std::io::Result<Self> {
        let (letters, receiver) = unbounded();
        let mut connector = connector.clone();
        connector.retry_for = RetryFor::Forever;
        let round = Round {
            connector,
            queue: queue.clone(),
            replicated,
            found: HashMap::new(),
            line: None,
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

/// An open connection, with what was declared over it. The channel closes before the connection.
struct Line {
    confirms: Confirms,
    channel: Channel,
    link: Link,
    declared: HashSet<String>,
    /// Places in the batch, by delivery tag.
    outstanding: Outstanding<usize>,
}

/// What a queue beside the work queue turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Of the other type: made by a program that took the work queue for one of that type.
    OtherType,
    /// With arguments of its own, and used as it is.
    AsItIs,
}

struct Round {
    connector: Connector,
    queue: WorkQueue,
    replicated: Replicated,
    /// Queues beside the work queue that are not as we declare them.
    found: HashMap<String, Found>,
    line: Option<Line>,
    messages: Sender<Message>,
}

impl Round {
    fn run(mut self, letters: &Receiver<Letter>) {
        while let Ok(first) = letters.recv() {
            let mut batch = vec![first];
            batch.extend(letters.try_iter().take(BATCH - 1));
            self.deliver_all(batch);
        }
        if let Some(line) = self.line.take() {
            let _ = line.link.close();
        }
    }

    /// Delivers the letters, however long it takes; or reports why that is not possible.
    fn deliver_all(&mut self, mut batch: Vec<Letter>) {
        let mut backoff = Backoff::default();
        loop {
            let fault = match self.deliver(&mut batch) {
                Ok(()) if batch.is_empty() => return,
                Ok(()) => None,
                Err(fault) if fault.is_transient() => Some(fault),
                Err(fault) => {
                    if fault.kind == Kind::NotTaken && shorten_answers(&mut batch) {
                        self.line = None;
                        continue;
                    }
                    for letter in batch {
                        self.report(letter.number, Err(fault.clone()));
                    }
                    return;
                }
            };
            // A queue that was full, or whose leader is gone, is tried over a new channel.
            self.line = None;
            if fault.is_some_and(|fault| fault.kind == Kind::Interrupted) {
                return;
            }
            let _ = self.connector.options.when_cut.recv_timeout(backoff.step());
        }
    }

    /// Tries once; what was not delivered stays in `batch`.
    fn deliver(&mut self, batch: &mut Vec<Letter>) -> Result<(), Fault> {
        if self.line.is_none() {
            self.line = Some(self.connect()?);
        }
        let Some(mut line) = self.line.take() else {
            return Ok(());
        };
        if let Err(fault) = self.publish(&mut line, batch) {
            return Err(line.diagnose(fault));
        }
        let settled = line.await_confirms(batch);
        self.line = Some(line);
        let numbers: Vec<u64> = settled.delivered;
        batch.retain(|letter| !numbers.contains(&letter.number));
        for number in numbers {
            self.report(number, Ok(()));
        }
        match settled.interrupted_by {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn connect(&self) -> Result<Line, Fault> {
        let mut link = self.connector.connect(|_| {})?;
        let channel = link.channel()?;
        let confirms = channel.confirms(&link)?;
        Ok(Line {
            confirms,
            channel,
            link,
            declared: HashSet::new(),
            outstanding: Outstanding::default(),
        })
    }

    fn publish(&mut self, line: &mut Line, batch: &[Letter]) -> Result<(), Fault> {
        for (place, letter) in batch.iter().enumerate() {
            let name = match &letter.to {
                Destination::Work => self.queue.name.as_str().to_owned(),
                Destination::Answer(name) => name.clone(),
                Destination::Beside(auxiliary) => {
                    let name = auxiliary.name(&self.queue.name);
                    self.declare(line, auxiliary, &name)?;
                    name
                }
            };
            let task = &letter.task;
            line.channel.publish(&name, &task.properties, &task.body)?;
            line.outstanding.published(place);
        }
        Ok(())
    }

    /// Declares a queue beside the work queue. A delay queue is declared before each publish,
    /// since that begins its own time anew; only the first time is the answer waited for.
    fn declare(&mut self, line: &mut Line, queue: &Auxiliary, name: &str) -> Result<(), Fault> {
        let found = self.found.get(name).copied();
        let replicated = match (self.replicated, found) {
            (Replicated::Yes, Some(Found::OtherType)) => Replicated::No,
            (Replicated::No, Some(Found::OtherType)) => Replicated::Yes,
            (replicated, None | Some(Found::AsItIs)) => replicated,
        };
        let arguments = queue.arguments(&self.queue.name, replicated);
        if line.declared.contains(name) {
            return match queue {
                Auxiliary::Delay(_) => line.channel.declare_nowait(name, &arguments),
                Auxiliary::Dead(_) => Ok(()),
            };
        }
        let declared = match found {
            Some(Found::AsItIs) => line.channel.inspect(name),
            Some(Found::OtherType) | None => line.channel.declare(name, &arguments),
        };
        let Err(fault) = declared else {
            line.declared.insert(name.to_owned());
            return Ok(());
        };
        let mismatch = fault.reply().and_then(|reply| Mismatch::parse(&reply.text));
        let differs = mismatch
            .map(|mismatch| mismatch.argument)
            .unwrap_or_default();
        let found = match (queue, found) {
            (_, None) if differs == "x-queue-type" => Found::OtherType,
            (Auxiliary::Dead(_), _) if differs.starts_with("x-") => Found::AsItIs,
            _ => return Err(fault),
        };
        self.found.insert(name.to_owned(), found);
        // The refusal has closed the channel, so all is done over.
        Err(Fault::new(Kind::Lost, "a queue is not as it was declared"))
    }

    fn report(&self, number: u64, result: Result<(), Fault>) {
        let _ = self.messages.send(Message::Posted { number, result });
    }
}

impl Line {
    /// The most telling reason for the end of this line.
    fn diagnose(self, fault: Fault) -> Fault {
        let Self {
            channel, mut link, ..
        } = self;
        let fault = match channel.why_closed() {
            Some(cause) if fault.reply().is_none() && cause.reply().is_some() => cause,
            _ => fault,
        };
        link.diagnose(fault)
    }

    fn await_confirms(&mut self, batch: &[Letter]) -> Settled {
        let mut settled = Settled::default();
        let mut returned: Vec<Option<String>> = Vec::new();
        let mut blocked = false;
        let never = crossbeam_channel::never::<()>();
        while !self.outstanding.is_empty() {
            match self.confirms.wait(&never, Instant::now() + PATIENCE) {
                Waited::News(Confirmation::Settled {
                    tag,
                    multiple,
                    verdict,
                }) => {
                    for letter in self
                        .outstanding
                        .settle(tag, multiple)
                        .into_iter()
                        .map(|i| &batch[i])
                    {
                        let id = letter.task.properties.id();
                        let came_back = returned.iter().any(|returned| returned.as_deref() == id);
                        let is_answer = matches!(letter.to, Destination::Answer(_));
                        if is_answer || (verdict == Verdict::Ack && !came_back) {
                            settled.delivered.push(letter.number);
                        }
                    }
                }
                Waited::News(Confirmation::Returned { id, .. }) => returned.push(id),
                Waited::News(Confirmation::Blocked(_)) => blocked = true,
                Waited::News(Confirmation::Unblocked) => blocked = false,
                Waited::Timeout if blocked => {}
                Waited::Timeout | Waited::Closed | Waited::Inbox(_) => {
                    let text = "the connection for retries and dead letters broke";
                    settled.interrupted_by = Some(Fault::new(Kind::Lost, text));
                    return settled;
                }
            }
        }
        settled
    }
}

/// What came of a batch.
#[derive(Default)]
struct Settled {
    delivered: Vec<u64>,
    interrupted_by: Option<Fault>,
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
