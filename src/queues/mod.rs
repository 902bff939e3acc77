//! The work queue, and the queues beside it: how they are named and declared, by both commands.

mod auxiliary;
mod name;
mod queue_type;
mod work_queue;

pub use auxiliary::Auxiliary;
pub use name::QueueName;
pub use queue_type::QueueType;
pub use work_queue::{Declare, Opened, WorkQueue, adoption_note, priority_note};
