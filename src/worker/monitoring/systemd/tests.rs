use super::*;

fn state(phase: Phase) -> State {
    State {
        phase,
        connected: phase == Phase::Consuming,
        slots: 4,
        ..State::default()
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_start_is_extended_until_it_is_ready() {
    let now = Instant::now();
    let mut said = Announcements::new(None, seconds(5), None);
    let first = said.tick(state(Phase::Starting), now);
    let expected = [
        "EXTEND_TIMEOUT_USEC=30000000",
        "STATUS=waiting for the broker",
    ];
    assert_eq!(first, expected);
    assert_eq!(said.wakes_at(), Some(now + seconds(10)));
    let none: [&str; 0] = [];
    assert_eq!(said.tick(state(Phase::Starting), now + seconds(9)), none);
    let again = said.tick(state(Phase::Starting), now + seconds(10));
    assert_eq!(again, expected[..1]);
    let ready = said.tick(state(Phase::Consuming), now + seconds(11));
    assert_eq!(
        ready,
        ["READY=1", "STATUS=0 of 4 slots busy, 0 done, 0 dead"]
    );
    assert_eq!(said.wakes_at(), None);
    let away = said.tick(state(Phase::Away), now + seconds(60));
    let lost = "STATUS=not connected, 0 of 4 slots busy, 0 done, 0 dead";
    assert_eq!(away, [lost]);
    let back = said.tick(state(Phase::Consuming), now + seconds(70));
    assert!(!back.contains(&"READY=1".to_owned()), "once is enough");
}

#[test]
fn a_drain_is_extended_as_long_as_its_grace_allows() {
    let now = Instant::now();
    let mut said = Announcements::new(Some(seconds(15)), seconds(5), None);
    said.tick(state(Phase::Consuming), now);
    let lines = said.tick(state(Phase::Draining), now + seconds(1));
    assert_eq!(lines[..2], ["STOPPING=1", "EXTEND_TIMEOUT_USEC=30000000"]);
    // 15 s of grace, 5 s until the commands are killed, 20 s to end.
    for (at, extension) in [(11, Some(30)), (21, Some(20)), (31, Some(10)), (41, None)] {
        let lines = said.tick(state(Phase::Draining), now + seconds(at));
        let expected = extension.map(|by| format!("EXTEND_TIMEOUT_USEC={by}000000"));
        assert_eq!(lines, Vec::from_iter(expected), "after {at} s");
    }
    assert_eq!(said.wakes_at(), None);
    let mut endless = Announcements::new(None, seconds(5), None);
    endless.tick(state(Phase::Draining), now);
    let lines = endless.tick(state(Phase::Draining), now + seconds(100_000));
    assert_eq!(lines, ["EXTEND_TIMEOUT_USEC=30000000"]);
}

#[test]
fn the_status_is_told_once_a_second() {
    let now = Instant::now();
    let mut said = Announcements::new(None, seconds(5), None);
    let busy = |running, done| State {
        running,
        done,
        dead_lettered: 1,
        ..state(Phase::Consuming)
    };
    said.tick(busy(1, 0), now);
    let soon = now + Duration::from_millis(400);
    assert!(said.tick(busy(2, 117), soon).is_empty());
    assert_eq!(said.wakes_at(), Some(now + seconds(1)));
    let lines = said.tick(busy(2, 118), now + seconds(1));
    assert_eq!(lines, ["STATUS=2 of 4 slots busy, 118 done, 1 dead"]);
    assert!(said.tick(busy(2, 118), now + seconds(5)).is_empty());
}

#[test]
fn the_watchdog_hears_of_the_loop_at_half_its_time() {
    let now = Instant::now();
    let mut said = Announcements::new(None, seconds(5), Some(seconds(8)));
    let ticks = |said: &mut Announcements, at| {
        let lines = said.tick(state(Phase::Consuming), now + seconds(at));
        lines.contains(&"WATCHDOG=1".to_owned())
    };
    assert!(ticks(&mut said, 0));
    assert!(!ticks(&mut said, 3));
    assert_eq!(said.wakes_at(), Some(now + seconds(4)));
    assert!(ticks(&mut said, 4));
    assert!(ticks(&mut said, 9), "late, but it comes");
}

#[test]
fn an_end_that_nothing_announced_is_told_once() {
    let now = Instant::now();
    let mut said = Announcements::new(None, seconds(5), None);
    assert_eq!(said.stop(now), Some("STOPPING=1".to_owned()));
    assert_eq!(said.stop(now), None);
}
