//! Who wants messages confirmed: `new_task`, a worker, a replay of dead letters.

use super::core::{Core, Notice, Payload, Verdict};
use crate::amqp::{AckToken, Delivery, Series};
use crate::base::fault::Fault;
use crate::queues::{QueueType, ResultsQueue};
use crate::task::Task;
use crossbeam_channel::Receiver;
use std::time::Instant;

/// A message with what is published.
pub trait Content: 'static {
    /// What is published.
    fn task(&self) -> &Task;
}

impl Content for Task {
    fn task(&self) -> &Task {
        self
    }
}

impl<C: Content> Payload for C {
    fn id(&self) -> Option<&str> {
        self.task().properties.id()
    }

    fn body_len(&self) -> usize {
        self.task().body.len()
    }

    fn header_len(&self) -> usize {
        self.task().properties.header_len()
    }
}

/// Where results come from.
#[derive(Clone, Debug)]
pub enum ResultsFrom {
    /// Straight to the channel that the tasks are published on. What is on its way when that ends is
    /// lost.
    DirectReply,
    /// From a queue of this command, which keeps them until they are acknowledged.
    Queue(ResultsQueue),
    /// From such a queue that is there.
    Collected(ResultsQueue),
}

/// Gives messages, and is told what becomes of them. An error that it answers with ends the
/// publishing.
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

    /// Takes note of what became of a message.
    fn verdict(&mut self, verdict: Verdict<Self::Payload>) -> Result<(), Fault>;

    /// Takes note of something while messages are still tried.
    fn notice(&mut self, notice: Notice);

    /// The core gives up.
    fn give_up(&mut self, fault: Fault, core: &mut Core<Self::Payload>) -> Result<(), Fault>;

    /// Whether all is done, and nothing more will come.
    fn is_done(&self, core: &mut Core<Self::Payload>) -> bool;

    /// Does what the time demands; when that is next.
    fn tick(
        &mut self,
        _core: &mut Core<Self::Payload>,
        _now: Instant,
    ) -> Result<Option<Instant>, Fault> {
        Ok(None)
    }

    /// A connection stands, to this address. Nothing was sent over it yet.
    fn connected(&mut self, _address: &str) -> Result<(), Fault> {
        Ok(())
    }

    /// The broker cannot be reached, and is tried again.
    fn retrying(&mut self, _fault: &Fault) {}

    /// The work queue has this type, on a broker of this series.
    fn queue_is_of(&mut self, _queue_type: QueueType, _series: Series) {}

    /// Where results are waited for, if they are.
    fn results(&self) -> Option<ResultsFrom> {
        None
    }

    /// The broker refuses the results queue. An error, or results come from elsewhere now.
    fn results_refused(&mut self, fault: Fault) -> Result<(), Fault> {
        Err(fault)
    }

    /// The results queue is gone, with all that was in it.
    fn results_lost(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    /// Results that need not be kept any longer: their output is written.
    fn take_written(&mut self) -> Vec<AckToken> {
        Vec::new()
    }

    /// How many results wait here for their turn.
    fn held_results(&self) -> usize {
        0
    }

    /// Whether the results queue has served its purpose when all is done.
    fn deletes_results(&self) -> bool {
        false
    }

    /// When to find out how many consume from the work queue, if that matters.
    fn wants_consumers(&self, _core: &mut Core<Self::Payload>) -> Option<Instant> {
        None
    }

    /// This many do; `None`: that cannot be found out.
    fn consumers(&mut self, _count: Option<u32>, _now: Instant) {}

    /// The message of this number is published on the present channel.
    fn publishing(&mut self, _number: u64) {}

    /// A result came.
    fn answered(&mut self, _delivery: Delivery) -> Answered {
        Answered {
            number: None,
            taken: Ok(()),
        }
    }

    /// The channel is gone, and with it the way back for results.
    fn channel_gone(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// What came of a result.
#[derive(Debug)]
pub struct Answered {
    /// The number of its task, if it was waited for: the task is in the queue, or was.
    pub number: Option<u64>,
    /// Whether the result could be taken.
    pub taken: Result<(), Fault>,
}
