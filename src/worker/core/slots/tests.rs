use super::super::testing::{delivery, moment, task};
use super::*;

#[test]
fn the_first_free_slot_is_taken() {
    let now = moment().instant;
    let mut slots = Slots::new(2);
    for slot in [0, 1] {
        assert_eq!(slots.free(), Some(slot));
        slots.put(slot, delivery(task("x")), now);
    }
    assert_eq!(slots.free(), None);
    assert!(slots.take(0).is_some() && slots.take(0).is_none());
    assert_eq!((slots.free(), slots.running()), (Some(0), 1));
}

#[test]
fn a_command_that_cannot_be_started_is_started_again_after_growing_pauses() {
    let mut now = moment().instant;
    let mut slots = Slots::new(2);
    slots.put(0, delivery(task("x")), now);
    slots.put(1, delivery(task("y")), now);
    assert_eq!(slots.not_started(0, now), NotStarted::First);
    assert_eq!(slots.not_started(1, now), NotStarted::Again);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let at = slots.wakes_at().unwrap();
        pauses.push(at.duration_since(now).as_millis());
        assert!(slots.due(now).is_empty());
        now = at;
        assert_eq!(slots.due(now), [0, 1]);
        assert!(slots.due(now).is_empty());
        assert!(slots.wakes_at().is_none());
        slots.not_started(0, now);
        slots.not_started(1, now);
    }
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    assert_eq!(slots.without_command(), [0, 1]);
    slots.take(0);
    slots.take(1);
    assert!(slots.wakes_at().is_none());
}
