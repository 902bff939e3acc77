//! What a worker is told.

use super::delivery::Delivery;
use super::emptiness::Counts;
use super::outgoing::Verdict;
use super::policy::Outcome;
use super::slots::CannotRun;
use crate::amqp::AckToken;
use crate::base::fault::Fault;

/// What has happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// There is a connection. Answers [`super::Action::Connect`].
    Connected,
    /// The queue may have arguments that are not known here, such as `x-single-active-consumer`. Told
    /// before [`Input::Consuming`].
    UnknownArguments,
    /// The consumer has been started. Answers [`super::Action::Consume`].
    Consuming,
    /// A task was delivered.
    Delivery(Delivery),
    /// The consumer is cancelled, and all that it had received was told before. Answers
    /// [`super::Action::CancelConsumer`].
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
    /// What the queues hold. Answers [`super::Action::Count`]. Deliveries that came before the
    /// answer are told before it.
    Counts(Counts),
    /// Ctrl+C, SIGTERM or SIGHUP.
    Signal,
    /// The host is too busy for more tasks; why.
    Pause(String),
    /// It is not any more.
    Resume,
    /// The worker cannot go on: there will be no connection, as the time is up or access is refused.
    Failed(Fault),
    /// Stdout, with the worker's lines and the output of its commands, cannot be written any more.
    OutputLost(Fault),
    /// Time has passed.
    Time,
}
