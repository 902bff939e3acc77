//! What the core wants done, and what it is told.

use super::message::{Message, Sent};
use super::pace::Refusal;
use super::plan::Form;
use crate::amqp::PublishNews;
use crate::base::fault::Fault;
use crate::queues::Destination;
use crate::queues::QueueType;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the core is told, with the present time.
#[derive(Debug)]
pub enum Input<P> {
    /// A message to be confirmed.
    Message(Message<P>),
    /// The message of this number is not to be sent any more. Answered by [`Verdict::Withdrawn`],
    /// or by the verdict that was faster.
    Withdraw(u64),
    /// The result of the task of this number came: so the broker took it, confirmed or not.
    Answered(u64),
    /// Answers [`Action::Connect`].
    Connected(FirstChannel),
    /// Answers [`Action::Connect`]: no further try will help, or it took too long.
    ConnectFailed(Fault),
    /// Answers [`Action::OpenChannel`].
    ChannelOpened,
    /// Answers [`Action::Declare`]: the queue is there.
    Declared {
        /// Its name.
        queue: String,
        /// The work queue's type, where it is known.
        queue_type: Option<QueueType>,
        /// Its type as the broker calls it, where it is another one than was declared.
        adopted: Option<String>,
    },
    /// Answers [`Action::Declare`]: the broker refused. That closes the channel on which it was
    /// asked, which must not be the one that is published on.
    DeclarationRefused {
        /// Its name.
        queue: String,
        /// Why.
        fault: Fault,
    },
    /// Answers [`Action::Measure`]: the number of ready tasks.
    Measured(u32),
    /// Answers [`Action::Measure`]: the broker refused, and has closed the channel.
    MeasureRefused(Fault),
    /// What the broker says of the publishes of the present channel.
    News(PublishNews),
    /// The broker has closed the channel that is published on; the connection stands.
    ChannelClosed(Fault),
    /// The connection is gone. The fault has the broker's code and words if it said why.
    ConnectionLost(Fault),
    /// The number of bytes that have left over this connection so far.
    Written(u64),
}

/// What the first channel of a connection does as it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstChannel {
    /// Nothing more.
    Opens,
    /// It looks for the queue that [`Action::Connect`] names. Where that is missing, the broker
    /// closes the channel with 404, and takes nothing that was published on it.
    LooksForQueue,
}

/// A queue to be declared, or asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose queue.
    pub to: Destination,
    /// The same with the delay that the queue has, which may be somewhat longer.
    pub at: Destination,
    /// Its name.
    pub queue: String,
    /// How.
    pub form: Form,
}

/// What the core wants done next.
#[derive(Debug)]
pub enum Action<'a, P> {
    /// Connect after a pause, to which jitter may be added. Answered by [`Input::Connected`] or
    /// [`Input::ConnectFailed`].
    Connect {
        /// How long to wait first.
        pause: Duration,
        /// A queue that is expected to be there.
        look_for: Option<String>,
    },
    /// End the connection at once: it is given up. No answer.
    Disconnect,
    /// Open a channel with confirms; it replaces the one before. Answered by
    /// [`Input::ChannelOpened`], [`Input::ChannelClosed`] or [`Input::ConnectionLost`].
    OpenChannel,
    /// Declare a queue, or ask for it, on a channel of its own. Answered by [`Input::Declared`],
    /// [`Input::DeclarationRefused`] or [`Input::ConnectionLost`]. But [`Form::Blind`] and
    /// [`Form::Check`] go over the channel that is published on, where a refusal is told by
    /// [`Input::ChannelClosed`].
    Declare(Request),
    /// Ask how many tasks are ready in the work queue. Answered by [`Input::Measured`],
    /// [`Input::MeasureRefused`] or [`Input::ConnectionLost`].
    Measure,
    /// Publish on the present channel, as its next delivery tag.
    Publish {
        /// Where to.
        queue: &'a str,
        /// Which message.
        number: u64,
        /// What.
        payload: &'a P,
    },
    /// What became of a message.
    Verdict(Verdict<P>),
    /// Something for the user to know.
    Tell(Notice),
    /// The limits of the configuration are reached: give up. Messages without a verdict are still
    /// here: take them out, or go on.
    GiveUp(Fault),
    /// Nothing is to be done until something comes in, or this moment.
    Wait(Option<Instant>),
}

/// What became of a message: one of these, once.
#[derive(Debug)]
pub enum Verdict<P> {
    /// It is safe.
    Confirmed {
        /// Which message.
        number: u64,
        /// The queue that took it; empty for a result.
        queue: Arc<str>,
        /// The message.
        payload: P,
    },
    /// The broker will never take it.
    Refused {
        /// Which message.
        number: u64,
        /// The message.
        payload: P,
        /// Why.
        fault: Fault,
        /// What the refusal concerns.
        scope: Scope,
    },
    /// It is not sent any more, as its owner wished.
    Withdrawn {
        /// Which message.
        number: u64,
        /// Whether it may have arrived.
        sent: Sent,
    },
}

/// What a refusal concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This message alone.
    Message,
    /// Whatever is sent to this destination.
    Destination,
}

/// What the user may want to know while messages are still tried.
#[derive(Debug)]
pub enum Notice {
    /// The connection was lost; messages that were in flight are sent again.
    Lost {
        /// Why.
        fault: Fault,
        /// How many.
        again: usize,
    },
    /// A destination does not take messages for now; they are sent again.
    Refused {
        /// Its queue.
        queue: Arc<str>,
        /// How many messages wait.
        waiting: usize,
        /// Why.
        refusal: Refusal,
    },
    /// The work queue is of this type, and is used all the same.
    Adopted(String),
    /// The broker takes nothing for now; why.
    Blocked(String),
    /// The broker takes messages again.
    Unblocked,
    /// The queue is as long as it may be: the number of ready tasks.
    BacklogFull(u32),
}
