//! How often a send goes back and forth, counted by a link that is slow on purpose.

use crate::env::{self, Admin, LongWay};
use std::time::{Duration, Instant};

/// TCP, three for the handshake, publish and confirm, the connection's close. The channel is opened
/// together with the connection, the switch to confirms and the declaration wait for no answer, and
/// the channel is closed by closing the connection.
const FEWEST: u32 = 6;

#[test]
fn a_single_send_makes_six_round_trips() {
    let broker = env::shared();
    let admin = Admin::new(broker, "trips");
    let each_way = Duration::from_millis(20);
    let way = LongWay::to(broker, each_way);
    let mut command = env::command("new_task");
    command.args(["-u", &way.url, "-q", &admin.queue, "x"]);
    let began = Instant::now();
    env::spawn(command).ended().expect(0);
    let took = began.elapsed();
    admin.wait_for_ready(1);
    // The one of TCP itself is not seen by the link.
    assert_eq!(way.round_trips() + 1, FEWEST);
    // It cannot be faster than its round trips, or the link counts too many.
    assert!(took >= each_way * 2 * (FEWEST - 1), "{took:?}");
}
