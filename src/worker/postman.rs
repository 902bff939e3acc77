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
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};

/// How many letters are under way at once.
const BATCH: usize = 256;

/// How long a broker that is not blocked may take to confirm before another connection is tried.
const PATIENCE: Duration = Duration::from_secs(20);

/// A lost connection is told by the owner; what goes on for longer is told as well.
const TRIES_BEFORE_WARNING: u32 = 5;

/// How long it may take to hand a letter over for sending. It waits only where tens of megabytes
/// are unsent.
const PUBLISH_LIMIT: Duration = Duration::from_secs(60);

/// How long a quorum queue must have been known before its confirms count. One that was declared
/// less than a second before the broker is killed comes back empty and without a leader (seen with
/// RabbitMQ 3.10: its directory of members reaches the disk a moment later).
const YOUTH: Duration = Duration::from_secs(2);

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
        replicated: Replicated,
        ladder: &[Duration],
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
            known: HashMap::new(),
            ladder: ladder.to_vec(),
            detours: HashMap::new(),
            held: Vec::new(),
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

/// A quorum queue that was declared.
struct Known {
    since: Instant,
    /// Its own time, after which it goes, began anew then.
    renewed: Instant,
}

/// A letter whose report waits.
struct Held {
    number: u64,
    queue: String,
    until: Instant,
}

struct Round {
    connector: Connector,
    queue: WorkQueue,
    replicated: Replicated,
    /// Queues beside the work queue that are not as we declare them.
    found: HashMap<String, Found>,
    /// The quorum queues beside the work queue that are there.
    known: HashMap<String, Known>,
    ladder: Vec<Duration>,
    /// Delays that are lengthened, by so many milliseconds, because the queue of the exact length
    /// does not confirm.
    detours: HashMap<Duration, u32>,
    /// Confirmed by a queue that is too young.
    held: Vec<Held>,
    line: Option<Line>,
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
            let _ = line.link.close();
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
                        let queue = self.address(&letter.to);
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
            self.line = Some(self.connect()?);
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
        if settled.timed_out {
            self.detour(batch, &settled.delivered);
        }
        let (delivered, left) = std::mem::take(batch)
            .into_iter()
            .partition(|letter: &Letter| settled.delivered.contains(&letter.number));
        *batch = left;
        let delivered: Vec<Letter> = delivered;
        for letter in delivered {
            let queue = self.address(&letter.to);
            match self.known.get(&queue).map(|known| known.since + YOUTH) {
                Some(until) if until > Instant::now() => self.held.push(Held {
                    number: letter.number,
                    queue,
                    until,
                }),
                _ => self.report(letter.number, queue, Ok(())),
            }
        }
        match interrupted_by {
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
            let name = self.address(&letter.to);
            if let Destination::Beside(auxiliary) = &letter.to {
                let auxiliary = self.detoured(auxiliary);
                if matches!(auxiliary, Auxiliary::Delay(_)) {
                    self.declare_ladder(line)?;
                }
                self.declare(line, &auxiliary, &name)?;
            }
            let task = &letter.task;
            line.channel
                .publish(&name, &task.properties, &task.body, PUBLISH_LIMIT)?;
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
        self.forget_expired(line, queue, name);
        if line.declared.contains(name) {
            return match queue {
                Auxiliary::Delay(_) => {
                    if let Some(known) = self.known.get_mut(name) {
                        known.renewed = Instant::now();
                    }
                    line.channel.declare_nowait(name, &arguments)
                }
                Auxiliary::Dead(_) => Ok(()),
            };
        }
        let declared = match found {
            Some(Found::AsItIs) => line.channel.inspect(name),
            Some(Found::OtherType) | None => line.channel.declare(name, &arguments),
        };
        let Err(fault) = declared else {
            line.declared.insert(name.to_owned());
            if queue.is_quorum(replicated) {
                let now = Instant::now();
                let known = self.known.entry(name.to_owned()).or_insert(Known {
                    since: now,
                    renewed: now,
                });
                known.renewed = now;
            }
            return Ok(());
        };
        let mismatch = fault.reply().and_then(|reply| Mismatch::parse(&reply.text));
        let differs = mismatch
            .map(|mismatch| mismatch.argument)
            .unwrap_or_default();
        let found = match (queue, found) {
            (Auxiliary::Dead(_), None) if differs == "x-queue-type" => Found::OtherType,
            (_, None | Some(Found::OtherType)) if differs.starts_with("x-") => Found::AsItIs,
            _ => return Err(fault),
        };
        self.found.insert(name.to_owned(), found);
        // The refusal has closed the channel, so all is done over.
        Err(Fault::new(Kind::Lost, "a queue is not as it was declared"))
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
        let now = Instant::now();
        self.known.retain(|_, known| known.since + YOUTH <= now);
    }

    /// A delay queue that was not used for as long as it lives is gone; a new one is young again.
    fn forget_expired(&mut self, line: &mut Line, queue: &Auxiliary, name: &str) {
        /// Our clock and the broker's may differ a little over minutes.
        const MARGIN: Duration = Duration::from_secs(5);
        let Some(lifetime) = queue.lifetime() else {
            return;
        };
        let expired = |known: &Known| known.renewed.elapsed() + MARGIN > lifetime;
        if self.known.get(name).is_some_and(expired) {
            self.known.remove(name);
            line.declared.remove(name);
        }
    }

    /// Declares the delay queues that a task will come through if it goes on to fail, so that they
    /// are no longer young then.
    fn declare_ladder(&mut self, line: &mut Line) -> Result<(), Fault> {
        for delay in std::mem::take(&mut self.ladder) {
            let queue = self.detoured(&Auxiliary::Delay(delay));
            let name = queue.name(&self.queue.name);
            self.declare(line, &queue, &name)?;
        }
        Ok(())
    }

    /// The queue that a letter goes to.
    fn address(&self, to: &Destination) -> String {
        match to {
            Destination::Work => self.queue.name.as_str().to_owned(),
            Destination::Answer(name) => name.clone(),
            Destination::Beside(auxiliary) => self.detoured(auxiliary).name(&self.queue.name),
        }
    }

    fn detoured(&self, auxiliary: &Auxiliary) -> Auxiliary {
        match auxiliary {
            Auxiliary::Delay(delay) => {
                let detour = self.detours.get(delay).copied().unwrap_or_default();
                Auxiliary::Delay(*delay + Duration::from_millis(u64::from(detour)))
            }
            Auxiliary::Dead(name) => Auxiliary::Dead(name.clone()),
        }
    }

    /// The delay queues of these letters do not confirm: they have lost their leader for good, or
    /// for now. A queue whose delay is a millisecond longer does as well.
    fn detour(&mut self, batch: &[Letter], delivered: &[u64]) {
        let stuck = batch
            .iter()
            .filter(|letter| !delivered.contains(&letter.number))
            .filter_map(|letter| match &letter.to {
                Destination::Beside(Auxiliary::Delay(delay)) => Some(*delay),
                _ => None,
            });
        let stuck: HashSet<Duration> = stuck.collect();
        for delay in stuck {
            *self.detours.entry(delay).or_default() += 1;
        }
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

    fn await_confirms(&mut self, batch: &[Letter], messages: &Sender<Message>) -> Settled {
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
                        let came_back = returned.iter().any(|back| back.as_deref() == id);
                        let is_answer = matches!(letter.to, Destination::Answer(_));
                        if is_answer || (verdict == Verdict::Ack && !came_back) {
                            settled.delivered.push(letter.number);
                        }
                    }
                }
                Waited::News(Confirmation::Returned { id, .. }) => returned.push(id),
                Waited::News(Confirmation::Blocked(reason)) => {
                    let text = format!(
                        "the broker takes nothing for now ({reason}); retries and dead letters wait"
                    );
                    let _ = messages.send(Message::Warning(text));
                    blocked = true;
                }
                Waited::News(Confirmation::Unblocked) => blocked = false,
                Waited::Timeout if blocked => {}
                other @ (Waited::Timeout | Waited::Closed | Waited::Inbox(_)) => {
                    settled.timed_out = matches!(other, Waited::Timeout);
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
    /// The broker did not confirm in time.
    timed_out: bool,
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
