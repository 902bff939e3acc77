use super::*;

#[test]
fn a_broker_that_drops_connections_is_not_hammered() {
    let now = Instant::now();
    let mut connection = Connection::new(now);
    assert_eq!(connection.pause(), Duration::ZERO);
    connection.opened(now);
    assert_eq!(connection.lost(now), Duration::ZERO);
    assert_eq!(connection.pause(), FIRST);
    connection.opened(now);
    assert_eq!(connection.lost(now + FIRST), FIRST);
    assert_eq!(connection.pause(), 2 * FIRST);
    connection.opened(now);
    connection.confirmed();
    assert_eq!(connection.lost(now + 9 * FIRST), Duration::ZERO);
    assert_eq!(connection.pause(), FIRST);
}

#[test]
fn no_more_is_handed_over_than_the_link_takes() {
    let now = Instant::now();
    let mut connection = Connection::new(now);
    connection.opened(now);
    connection.channel = ConnectionPhase::Open;
    assert!(connection.may_publish(1));
    let mark = connection.hand_over(12_000_000);
    assert!(!connection.may_publish(1));
    assert!(connection.may_publish(0));
    assert_eq!(connection.left(4_000_000), Some(0));
    assert!(connection.may_publish(1));
    assert_eq!(connection.left(4_000_000), None);
    assert_eq!(connection.left(mark + 100), Some(4_000_000));
    assert_eq!(connection.hand_over(1), mark + 101);
}
