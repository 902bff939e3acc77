//! What all of this asks of the system.

use crate::base::fault::{Fault, Kind};
use std::path::Path;

/// How many CPUs this process may use: less than the machine has, by affinity or a cgroup's quota.
pub(super) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

/// The system does not tell.
pub(super) fn untold(what: &str, option: &str, path: &Path) -> Fault {
    let text = format!(
        "{what} of this host is not known: cannot read {} ({option})",
        path.display()
    );
    Fault::new(Kind::SetUp, text)
}
