//! The state of results, in the broker: a queue with messages, each of which says a part of it.

use super::state::State;
use crate::amqp::connector::{Connector, RetryFor};
use crate::amqp::{AckToken, Channel, Link, Properties};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::base::refusal::is_missing;
use crate::publisher::core::{
    Config, Connect, Core, Input, Message, Needed, Notice, Queues, Size, Upkeep, Verdict,
};
use crate::publisher::{Driver, User, WINDOW_BYTES};
use crate::queues::{
    Destination, QueueType, ResultsQueue, WorkQueue, inspect, make_durable, may_forget,
};
use crate::task::Task;
use crossbeam_channel::{Receiver, TryRecvError, never};
use std::thread;
use std::time::{Duration, Instant};

/// So long after it is made a quorum queue may be forgotten by a broker that is killed.
const YOUNG: Duration = Duration::from_secs(2);

/// How long the end of a command may take that notes which tasks it has sent.
const LIMIT: Duration = Duration::from_secs(10);

/// The same after Ctrl+C.
const IMPATIENT: Duration = Duration::from_secs(2);

/// More messages than these are replaced by one that says the same.
const MANY: usize = 32;

/// What was read.
pub(super) struct Reading {
    pub(super) state: State,
    /// Many messages that say it, to be acknowledged when one says it.
    pub(super) replaced: Option<Replaced>,
}

/// Messages that are held until another one says the same. They return to their queue with the
/// connection.
pub(super) struct Replaced {
    tokens: Vec<AckToken>,
    channel: Channel,
    link: Link,
}

impl Replaced {
    /// Another message says the same.
    pub(super) fn acknowledge(mut self) -> Result<(), Fault> {
        self.channel.ack_all(self.tokens)?;
        drop(self.channel);
        self.link.close()
    }
}

/// Reads all messages.
pub(super) fn read(mut link: Link, queue: &ResultsQueue) -> Result<Reading, Fault> {
    let name = queue.state().name;
    let mut state = State::default();
    let mut tokens = Vec::new();
    if inspect(&mut link, &name)?.is_none() {
        let _ = link.close();
        return Ok(Reading {
            state,
            replaced: None,
        });
    }
    lock(&mut link, &name)?;
    let channel = link.channel()?;
    loop {
        let delivery = match channel.get(&name) {
            Ok(Some(delivery)) => delivery,
            Ok(None) => break,
            // Another collector has just found all to be collected.
            Err(fault) if is_gone(&fault, &name) => break,
            Err(fault) => return Err(fault),
        };
        // What is no such message is nobody's, and goes with the others.
        if let Some(part) = State::parse(&delivery.body) {
            state.merge(&part);
        }
        tokens.push(delivery.token);
    }
    let replaced = (tokens.len() > MANY).then_some(Replaced {
        tokens,
        channel,
        link,
    });
    Ok(Reading { state, replaced })
}

fn is_gone(fault: &Fault, queue: &str) -> bool {
    fault.reply().is_some_and(|reply| is_missing(reply, queue))
}

/// Lets this connection alone read the state, until it ends: what one reader has in hand, another one
/// would not see.
fn lock(link: &mut Link, name: &str) -> Result<(), Fault> {
    const RESOURCE_LOCKED: u16 = 405;
    let deadline = Instant::now() + LIMIT;
    loop {
        let channel = link.channel()?;
        let Err(fault) = channel.declare_exclusive(&format!("{name}.lock")) else {
            return Ok(());
        };
        let is_locked = fault
            .reply()
            .is_some_and(|reply| reply.code == RESOURCE_LOCKED);
        if !is_locked || Instant::now() > deadline {
            return Err(fault);
        }
        drop(channel);
        thread::sleep(Duration::from_millis(20));
    }
}

/// The same queues where they must have been made beforehand.
pub(in crate::new_task) fn expect(link: &mut Link, queue: &ResultsQueue) -> Result<(), Fault> {
    for name in [queue.name.clone(), queue.state().name] {
        if inspect(link, &name)?.is_none() {
            let text = format!(
                "there is no queue `{}`; with --no-declare it must be made beforehand",
                escape(name.as_bytes())
            );
            return Err(Fault::new(Kind::Queue, text));
        }
    }
    Ok(())
}

/// Whether the queues of results were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::new_task) enum Found {
    All,
    /// At least one was made now.
    NotAll,
}

/// Makes the queues of results that are collected later, where they are missing. They are safe when
/// this returns.
pub(in crate::new_task) fn make(link: &mut Link, queue: &ResultsQueue) -> Result<Found, Fault> {
    let mut found = Found::All;
    for queue in [queue.clone(), queue.state()] {
        if inspect(link, &queue.name)?.is_some() {
            continue;
        }
        found = Found::NotAll;
        let channel = link.channel()?;
        channel.declare(&queue.name, &queue.arguments())?;
        match queue.queue_type {
            QueueType::Quorum => thread::sleep(YOUNG),
            QueueType::Classic if may_forget(link.series()) => {
                make_durable(channel, &queue.name)?;
            }
            QueueType::Classic => {}
        }
    }
    Ok(found)
}

/// A message with a part of the state.
pub(super) fn message(queue: &ResultsQueue, number: u64, part: &State) -> Message<Task> {
    let properties = Properties::persistent().with_content_type("application/json".to_owned());
    Message {
        number,
        to: Destination::Results(queue.state().name),
        payload: Task {
            body: part.to_json(),
            properties,
        },
    }
}

/// How messages are published.
pub(super) fn config(work: WorkQueue, retry_for: RetryFor) -> Config {
    Config {
        queues: Queues {
            work,
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type: QueueType::Classic,
            retry_delays: Vec::new(),
        },
        window: Size {
            messages: 1,
            bytes: WINDOW_BYTES,
        },
        backlog: None,
        confirm_timeout: Some(LIMIT),
        retry_for: match retry_for {
            RetryFor::Forever => None,
            RetryFor::AtMost(limit) => Some(limit),
        },
        keep_channel: Duration::MAX,
        connect: Connect::Always,
    }
}

/// Adds a part to the state, also where the user has asked to stop. The queue is there.
pub(in crate::new_task) fn add(
    connector: &Connector,
    work: WorkQueue,
    queue: &ResultsQueue,
    part: &State,
) -> Result<(), Fault> {
    let connector = patient(connector);
    let now = Instant::now();
    let mut core = Core::new(config(work, connector.retry_for), now);
    let message = message(queue, 1, part);
    core.handle(Input::Message(message), now);
    let mut addition = Addition(Err(Fault::new(Kind::NotTaken, "it was not confirmed")));
    let (_, ended) = Driver::new(connector, core, &mut addition).run();
    ended.and(addition.0)
}

/// The same where the queue may not be there.
pub(in crate::new_task) fn note(
    connector: &Connector,
    work: WorkQueue,
    queue: &ResultsQueue,
    part: &State,
) -> Result<Found, Fault> {
    let mut link = patient(connector).connect(None, |_| {})?;
    let found = make(&mut link, queue)?;
    let _ = link.close();
    add(connector, work, queue, part)?;
    Ok(found)
}

/// The same connector, for what must be done although the user has asked to stop.
fn patient(connector: &Connector) -> Connector {
    let mut connector = connector.clone();
    let cancelled = &connector.options.when_cancelled;
    let is_cancelled = cancelled.try_recv() == Err(TryRecvError::Disconnected);
    connector.retry_for = RetryFor::AtMost(if is_cancelled { IMPATIENT } else { LIMIT });
    connector.options.when_cancelled = never();
    connector
}

/// One message, and what became of it.
struct Addition(Result<(), Fault>);

impl User for Addition {
    type Payload = Task;
    type Arrival = ();

    fn inbox(&self) -> Option<&Receiver<()>> {
        None
    }

    fn accept(&mut self, _came: Option<()>, _core: &mut Core<Task>, _now: Instant) {}

    fn feed(&mut self, _core: &mut Core<Task>, _now: Instant) {}

    fn verdict(&mut self, verdict: Verdict<Task>) -> Result<(), Fault> {
        match verdict {
            Verdict::Confirmed { .. } => self.0 = Ok(()),
            Verdict::Refused { fault, .. } => self.0 = Err(fault),
            Verdict::Withdrawn { .. } => {}
        }
        Ok(())
    }

    fn notice(&mut self, _notice: Notice) {}

    fn give_up(&mut self, fault: Fault, _core: &mut Core<Task>) -> Result<(), Fault> {
        Err(fault)
    }

    fn is_done(&self, core: &mut Core<Task>) -> bool {
        core.is_idle()
    }
}
