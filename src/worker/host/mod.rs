//! Is kind to its host: how many CPUs there are, and whether it is too busy for more tasks.
//!
//! A cgroup's limits count, where there are any: a container has what it was given, not what the
//! machine has. Only the load average is the whole machine's, as Linux keeps none for a cgroup.

mod concurrency;
mod limits;
mod memory;
mod system;
mod watch;

pub(super) use concurrency::concurrency;
pub(super) use limits::HostLimits;
pub(super) use watch::{Change, HostWatch};
