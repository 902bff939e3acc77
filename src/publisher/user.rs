//! Who wants messages confirmed: `new_task`, a worker, a replay of dead letters.

use super::core::{Core, Notice, Payload, Scope, Sent};
use crate::amqp::{Delivery, Series};
use crate::base::fault::Fault;
use crate::queues::QueueType;
use crate::task::Task;
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::time::Instant;

/// A message with what is published.
pub trait Content: Payload {
    /// What is published.
    fn task(&self) -> &Task;
}

impl Content for Task {
    fn task(&self) -> &Task {
        self
    }
}

/// What a user is told. An error that it answers with ends the publishing.
#[derive(Debug)]
pub enum PublishEvent<'a, P> {
    /// The message of this number is safe in this queue.
    Confirmed(u64, Arc<str>, P),
    /// The broker will never take the message of this number.
    Refused(u64, P, Fault, Scope),
    /// The message of this number is not sent any more; whether it may have arrived.
    Withdrawn(u64, Sent),
    /// Messages are still tried.
    Notice(Notice),
    /// A connection stands, to this address.
    Connected(&'a str),
    /// The broker cannot be reached, and is tried again.
    Retrying(Fault),
    /// The work queue has this type, on a broker of this series.
    Type(QueueType, Series),
}

/// Gives messages, and is told what becomes of them.
pub trait User {
    /// What the messages consist of.
    type Payload: Content;
    /// What comes in.
    type Arrival;

    /// Where something may come in; `None`: there is enough here.
    fn inbox(&self) -> Option<&Receiver<Self::Arrival>>;

    /// This came in; `None`: nothing more will.
    fn accept(&mut self, came: Option<Self::Arrival>, core: &mut Core<Self::Payload>, now: Instant);

    /// Hands over what is here, as far as the core has room.
    fn feed(&mut self, core: &mut Core<Self::Payload>, now: Instant);

    /// Takes note of something.
    fn take(&mut self, event: PublishEvent<'_, Self::Payload>) -> Result<(), Fault>;

    /// It is of no use to go on.
    fn give_up(&mut self, fault: Fault, core: &mut Core<Self::Payload>) -> Result<(), Fault>;

    /// Does what the time demands; when that is next.
    fn tick(
        &mut self,
        core: &mut Core<Self::Payload>,
        now: Instant,
    ) -> Result<Option<Instant>, Fault>;

    /// Whether all is done, and nothing more will come.
    fn is_done(&self, core: &mut Core<Self::Payload>) -> bool;

    /// The message of this number is published on the present channel.
    fn publishing(&mut self, number: u64);

    /// A result came over the present channel. The number of its task.
    fn answered(&mut self, delivery: Delivery) -> Result<Option<u64>, Fault>;

    /// The channel is gone, and with it the way back for results.
    fn channel_gone(&mut self) -> Result<(), Fault>;
}
