//! Three nodes.

use crate::soak;

#[test]
fn three_nodes_lose_nothing_and_both_commands_find_another_one() {
    soak::three_acts();
}
