//! Three nodes.

use crate::env::broker::Nodes;
use crate::run::{self, Course, Options};

/// The leader killed, the leader frozen, two nodes killed, while tasks are sent one by one and in
/// bulk and four workers run. Fails if a task is lost, or if our commands do not go on although
/// another client does.
#[test]
fn three_nodes_lose_nothing_and_both_commands_find_another_one() {
    run::run(&Options {
        seed: u64::from(std::process::id()),
        nodes: Nodes::Three,
        course: Course::Acts,
        sabotage: false,
    });
}
