//! What the tutorial teaches, lesson by lesson. The numbers are those of README's table.

mod acknowledgements;
mod dispatch;
mod queues;

use crate::env::{self, Admin, Broker, Ended, Running};

/// Sends one task for each body, one after the other.
fn send(broker: &Broker, queue: &str, bodies: &[&str]) {
    for body in bodies {
        env::new_task(broker, queue, &[body]).expect(0);
    }
}

/// Waits until `count` tasks are done, looking at both workers in turn, and ends them.
fn finish(admin: &Admin, workers: Vec<Running>, expected: usize) -> Vec<Ended> {
    admin.wait_for_ready(0);
    let ended: Vec<Ended> = workers.into_iter().map(Running::stopped).collect();
    let done: usize = ended.iter().map(|worker| worker.events("done").len()).sum();
    assert_eq!(done, expected, "{}\n{}", ended[0], ended[1]);
    ended
}
