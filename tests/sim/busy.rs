//! Hosts that are busy for a while, so that their workers take no tasks.

use crate::fault::Fault;
use crate::random::Random;
use std::time::Duration;

/// Some hosts may be busy for a while, also several times. By a copy of chance, so that it changes
/// nothing else.
pub fn with_faults(
    random: &Random,
    mut faults: Vec<(Duration, Fault)>,
    senders: usize,
    workers: usize,
) -> Vec<(Duration, Fault)> {
    let mut random = random.clone();
    if faults.is_empty() || !random.chance(30) {
        return faults;
    }
    for _ in 0..=random.below(3) {
        let at = random.between(Duration::from_millis(1), Duration::from_secs(60));
        let long = random.between(Duration::from_millis(5), Duration::from_secs(40));
        let worker = senders + random.index(workers);
        faults.push((at, Fault::BusyHost(worker, long)));
    }
    faults
}
