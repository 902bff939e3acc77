use super::super::testing::{delivery, moment, task};
use super::*;

fn settlement(purpose: Purpose, since: Instant) -> Settlement {
    Settlement {
        delivery: delivery(task("x")),
        slot: None,
        purpose,
        step: SettlementStep::Copy(None),
        account: Account::not_begun(String::new()),
        since,
        is_overdue: false,
    }
}

fn add(settlements: &mut Settlements, purpose: Purpose, since: Instant) -> u64 {
    let number = settlements.number();
    settlements.insert(number, settlement(purpose, since));
    number
}

#[test]
fn a_return_waits_two_seconds_to_be_counted() {
    let now = moment().instant;
    let mut settlements = Settlements::new(Prefetch::AtMost(std::num::NonZeroU16::MIN), 1);
    let first = add(&mut settlements, Purpose::CountReturn, now);
    let second = add(&mut settlements, Purpose::CountReturn, now);
    let third = add(&mut settlements, Purpose::CountReturn, now + COUNTING_LIMIT);
    assert_eq!(settlements.uncounted(now), None);
    assert!(settlements.take(first).is_some());
    assert_eq!(settlements.uncounted(now + COUNTING_LIMIT), Some(second));
    assert_eq!(settlements.uncounted(now + COUNTING_LIMIT), None);
    assert_eq!(settlements.overdue(), 1);
    // It may be on its way, and is asked for again.
    assert_eq!(settlements.wakes_at(), Some(now + 2 * COUNTING_LIMIT));
    assert!(settlements.take(second).is_some());
    assert!(settlements.take(second).is_none());
    assert_eq!(settlements.overdue(), 0);
    settlements.take(third);
    assert!(settlements.is_empty() && settlements.wakes_at().is_none());
}

#[test]
fn those_that_take_long_are_counted() {
    let now = moment().instant;
    let mut settlements = Settlements::new(Prefetch::AtMost(std::num::NonZeroU16::MIN), 1);
    let numbers: Vec<u64> = (0..4)
        .map(|n| add(&mut settlements, Purpose::Requeue, now + n * TAKES_LONG))
        .collect();
    let overdue = |settlements: &mut Settlements, steps: u32| {
        settlements.expire(now + steps * TAKES_LONG);
        settlements.overdue()
    };
    assert_eq!(overdue(&mut settlements, 0), 0);
    settlements.take(numbers[1]);
    assert_eq!(overdue(&mut settlements, 2), 1);
    assert_eq!(overdue(&mut settlements, 3), 2);
    settlements.take(numbers[0]);
    settlements.take(numbers[3]);
    assert_eq!(overdue(&mut settlements, 9), 1);
    settlements.take(numbers[2]);
    assert_eq!(overdue(&mut settlements, 9), 0);
}
