//! What a worker wants done.

use super::event::Event;
use super::outgoing::Outgoing;
use super::stopping::End;
use crate::amqp::AckToken;
use crate::task::Task;
use std::sync::Arc;

/// What is to be done. The order counts.
#[derive(Clone, Debug)]
pub enum Action {
    /// Connect, after a pause if the last connection did not last.
    Connect,
    /// Start a consumer. The first one of a connection gets a new channel, on which the queue is
    /// declared; so does one after [`super::Input::ConsumerCancelled`], and the old channel stays
    /// until its deliveries are settled. Any other runs on the channel of the last one.
    Consume(ConsumeOn),
    /// Cancel the consumer.
    CancelConsumer,
    /// Run the command for a task.
    Start(Start),
    /// Signal all commands that run.
    Signal(Urgency),
    /// Publish a message, and tell what came of it.
    Publish(Box<Outgoing>),
    /// Do not send this message if it has not been sent. It still gets its verdict.
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
