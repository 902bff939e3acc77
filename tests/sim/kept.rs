//! Tasks whose results a queue keeps until the end of the run.

use crate::actors::SenderPlan;
use crate::fault::{Fault, Queue, RESULTS};
use crate::random::Random;
use std::collections::BTreeSet;
use std::time::Duration;

/// The tasks whose results a queue keeps.
pub fn keys(senders: &[SenderPlan]) -> BTreeSet<usize> {
    let orders = senders.iter().flat_map(|sender| &sender.orders);
    let kept = orders.filter(|order| order.task.properties.reply_to() == Some(RESULTS));
    kept.map(|order| order.key).collect()
}

/// The queue of the results may be full for a while. By a copy of chance, so that it changes nothing
/// else.
pub fn with_fault(
    random: &Random,
    mut faults: Vec<(Duration, Fault)>,
    senders: &[SenderPlan],
) -> Vec<(Duration, Fault)> {
    let mut random = random.clone();
    if !faults.is_empty() && !keys(senders).is_empty() && random.chance(50) {
        let at = random.between(Duration::from_millis(1), Duration::from_secs(20));
        let long = random.between(Duration::from_millis(500), Duration::from_secs(60));
        faults.push((at, Fault::Fill(Queue::Results, long)));
    }
    faults
}
