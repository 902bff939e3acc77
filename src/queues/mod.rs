//! The work queue, and the queues next to it: how they are named and declared, by both commands.

mod destination;
mod durability;
mod inspect;
mod name;
mod queue_type;
mod results;
mod work_queue;

pub use destination::Destination;
pub use durability::{make_durable, may_forget};
pub use inspect::inspect;
pub use name::{DEFAULT_QUEUE, QueueName};
pub use queue_type::QueueType;
pub use results::{ReplyPolicy, ResultsName, ResultsQueue, results_consumer_timeout};
pub use work_queue::{Declare, KnownQueue, WorkQueue, adoption_note, priority_note};
