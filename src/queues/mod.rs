//! The work queue, and the queues next to it: how they are named and declared, by both commands.

mod destination;
mod durability;
mod name;
mod queue_type;
mod work_queue;

pub use destination::Destination;
pub use durability::{make_durable, may_forget};
pub use name::QueueName;
pub use queue_type::QueueType;
pub use work_queue::{Declare, KnownQueue, WorkQueue, adoption_note, priority_note};
