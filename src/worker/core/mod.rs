//! The worker's decisions: deliveries in, starts and acknowledgements out.
//!
//! A state machine without I/O, threads, clock or randomness. The shell around it tells what has
//! happened ([`Input`]) and when ([`Moment`]), and carries out what follows ([`Action`]):
//!
//! ```text
//! loop {
//!     while let Some(action) = worker.poll() { carry_out(action) }
//!     let input = wait_for_something_until(worker.wakes_at()).unwrap_or(Input::Time);
//!     worker.handle(now(), input);
//! }
//! ```
//!
//! All that could lose a task, do it twice or leave it undone is decided here. [`Worker`] joins
//! parts which know nothing of each other: `consumer` (the connection, and how many tasks it may
//! deliver), `intake` with `local_queue`, `completed` (had their outcome and may come again),
//! `held_back` (failed and could not be moved) and `counting` (of returns), `slots`, `settlement`
//! (what must be safe before a task is acknowledged), `acks`, `emptiness`, `stopping`. [`policy`],
//! [`messages`], [`headers`] and [`replay`] are functions. Its own steps stand in `arrivals` (a task
//! comes), `settling` (a task ends), `verdicts` (its messages are safe, or cannot be), `idle` and
//! `stop`.

mod account;
mod acks;
mod arrivals;
mod completed;
mod consumer;
mod counting;
mod delivery;
mod emptiness;
mod event;
#[cfg(test)]
mod fuzz;
pub mod headers;
mod held_back;
mod idle;
mod intake;
mod local_queue;
pub mod messages;
mod outgoing;
pub mod policy;
pub mod replay;
mod result_message;
mod settlement;
mod settling;
mod slots;
mod stop;
mod stopping;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdicts;
mod worker;

pub use delivery::Delivery;
pub use emptiness::{Counts, ExitWhenEmpty};
pub use event::{Event, TaskEvent};
pub use outgoing::{Destination, Outgoing, Verdict};
pub use slots::CannotRun;
pub use stopping::{End, Reason};
pub use worker::Worker;

use crate::amqp::{AckToken, Prefetch};
use crate::base::fault::Fault;
use crate::queues::QueueName;
use crate::task::Task;
use policy::{Ack, FailurePolicy, Outcome};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The present time, on both of the shell's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For everything that is measured.
    pub instant: Instant,
    /// For what is shown to people.
    pub wall: SystemTime,
}

impl Moment {
    /// What the system's clocks show.
    #[must_use]
    pub fn now() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}

/// What a worker works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The work queue.
    pub queue: QueueName,
    /// Where dead letters go.
    pub dead_letters: QueueName,
    /// The name of this machine.
    pub host: String,
    /// Tasks at once: at least 1.
    pub slots: usize,
    /// Unsettled tasks that the broker delivers.
    pub prefetch: Prefetch,
    /// When a task is acknowledged.
    pub ack: Ack,
    /// What becomes of failed tasks.
    pub policy: FailurePolicy,
    /// A task that came back so often without an outcome becomes a dead letter; 0: returns are not
    /// counted.
    pub max_redeliveries: u32,
    /// When it ends, and how.
    pub ending: EndSettings,
    /// How long before the end of a connection an acknowledgement may have been lost with it.
    pub unnoticed_loss: Duration,
}

/// When a worker ends by itself, and how it stops.
#[derive(Clone, Debug)]
pub struct EndSettings {
    /// `--exit-when-empty`.
    pub exit_when_empty: ExitWhenEmpty,
    /// `--idle-timeout`.
    pub idle_timeout: Option<Duration>,
    /// `--max-tasks`.
    pub max_tasks: Option<NonZeroU64>,
    /// `--grace`.
    pub grace: Option<Duration>,
    /// `--kill-after`; `None` where the work is pretended and ends at once when it is told to.
    pub kill_after: Option<Duration>,
}

/// What has happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// There is a connection. Answers [`Action::Connect`].
    Connected,
    /// There will be no connection: the time is up, or access is refused.
    CannotConnect(Fault),
    /// The consumer has been started. Answers [`Action::Consume`].
    Consuming,
    /// A task was delivered.
    Delivery(Delivery),
    /// The consumer is cancelled, and all that it had received was told before. Answers
    /// [`Action::CancelConsumer`].
    ConsumerStopped,
    /// The broker has cancelled the consumer: the queue was deleted or moved, or the broker has
    /// waited too long for an acknowledgement. The channel lives on.
    ConsumerCancelled(String),
    /// The connection or its channel is gone, and with it all that it delivered.
    ConnectionLost(Fault),
    /// These acknowledgements could not be sent, or not all of them. [`Input::ConnectionLost`]
    /// follows.
    NotAcknowledged(Vec<AckToken>),
    /// A command has ended.
    Ended {
        /// Where it ran.
        slot: usize,
        /// How.
        outcome: Outcome,
    },
    /// A command could not be started.
    NotStarted {
        /// Where it was to run.
        slot: usize,
        /// Why.
        why: CannotRun,
    },
    /// What came of a message.
    Verdict {
        /// Its number.
        number: u64,
        /// What came of it.
        verdict: Verdict,
    },
    /// What the queues hold. Answers [`Action::Count`]; what was delivered before it is told
    /// before.
    Counts(Counts),
    /// Ctrl+C, SIGTERM or SIGHUP.
    Signal,
    /// The worker cannot go on: nobody reads its output, for example.
    Failed(Fault),
    /// Time has passed.
    Time,
}

/// What is to be done. The order counts.
#[derive(Clone, Debug)]
pub enum Action {
    /// Connect, after a pause if the last connection did not last.
    Connect,
    /// Start a consumer: the first one of a connection on a new channel, on which the queue is
    /// declared; so also after [`Input::ConsumerCancelled`], and the old channel stays until what
    /// it delivered is settled. Another one follows on the same channel.
    Consume(ConsumeOn),
    /// Cancel the consumer.
    CancelConsumer,
    /// Run the command for a task.
    Start(Start),
    /// Signal all commands that run.
    Signal(Urgency),
    /// Publish a message, and tell what came of it.
    Publish(Box<Outgoing>),
    /// Do not send this message if it has not been sent. It takes its verdict all the same.
    Withdraw(u64),
    /// Acknowledge these deliveries. What was reported before must have been written out.
    Acknowledge(Vec<AckToken>),
    /// Give a delivery back: the broker delivers it again.
    Return(AckToken),
    /// Ask what the work queue and these delay queues hold.
    Count(Vec<String>),
    /// Tell people, or programs.
    Report(Event),
    /// It is over: close the connection.
    End(End),
}

/// On which channel a consumer is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumeOn {
    /// A new one, with the queue declared.
    New,
    /// The one that the last consumer ran on.
    Same,
}

/// A task to be run.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where, from 0.
    pub slot: usize,
    /// The task.
    pub task: Arc<Task>,
    /// Whether it was, or may have been, delivered before.
    pub redelivered: bool,
}

/// How commands are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// They are asked to (TERM).
    Term,
    /// They are killed (KILL).
    Kill,
}
