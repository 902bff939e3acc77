//! How often a send goes back and forth, counted by a link that is slow on purpose.

use crate::env::{self, Admin, Kind, LongWay, Version};
use std::time::{Duration, Instant};

/// TCP, three for the handshake, publish and confirm, the connection's close. The channel is opened
/// together with the connection, the switch to confirms and the declaration wait for no answer, and
/// the channel is closed by closing the connection.
const FEWEST: u32 = 6;

/// What it takes besides where the queue is not there: another channel, the declaration, and the
/// question what type of queue it made, which brokers before 3.11 leave no doubt of.
const FOR_A_NEW_QUEUE: u32 = 3;

#[test]
fn a_single_send_makes_six_round_trips() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "trips", Kind::Plain);
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

    let fresh = Admin::new(broker, "trips");
    let way = LongWay::to(broker, Duration::from_millis(1));
    let mut command = env::command("new_task");
    command.args(["-u", &way.url, "-q", &fresh.queue, "x"]);
    env::spawn(command).ended().expect(0);
    let more = way.round_trips() + 1 - FEWEST;
    let type_is_known = u32::from(broker.version() < Version(3, 11, 0));
    let is_made_durable = u32::from(broker.version() < Version(4, 3, 0));
    let expected = FOR_A_NEW_QUEUE - type_is_known + is_made_durable;
    // The refusal comes behind the channel's opening. Where the client speaks in between, the link
    // counts them as two answers.
    assert!((expected..=expected + 1).contains(&more), "{more}");
}
