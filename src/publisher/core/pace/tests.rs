use super::*;

fn pace() -> Pace {
    Pace::new(Size {
        messages: 100,
        bytes: 1000,
    })
}

#[test]
fn it_pauses_longer_with_each_refusal_and_not_for_each_message() {
    let mut pace = pace();
    let now = Instant::now();
    for _ in 0..5 {
        pace.refused(Refusal::Nack, Duration::ZERO, now);
    }
    assert_eq!(pace.closed_until(), Some(now + FIRST));
    assert!(!pace.is_open(now));
    let later = now + FIRST;
    assert!(pace.is_open(later));
    pace.refused(Refusal::Nack, Duration::ZERO, later);
    assert_eq!(pace.closed_until(), Some(later + 2 * FIRST));
    pace.confirmed();
    assert_eq!(pace.refusal(), None);
    let last = later + 2 * FIRST;
    assert!(!pace.is_open(later) && pace.is_open(last));
    pace.refused(Refusal::Nack, Duration::ZERO, last);
    assert_eq!(pace.closed_until(), Some(last + FIRST));
}

#[test]
fn new_channels_become_rare() {
    let mut pace = pace();
    let mut now = Instant::now();
    let mut opened = Vec::new();
    let end = now + Duration::from_secs(60);
    while now < end {
        pace.refused(Refusal::Nack, Duration::ZERO, now);
        now = pace.closed_until().unwrap();
        if pace.wants_channel(now) {
            pace.channel_opened(now);
            opened.push(now);
        }
    }
    assert!((5..=14).contains(&opened.len()), "{}", opened.len());
}

#[test]
fn a_channel_that_is_kept_is_left_late_or_never() {
    let now = Instant::now();
    let keep = Duration::from_secs(10);
    let mut pace = pace();
    pace.refused(Refusal::Nack, keep, now);
    assert!(!pace.wants_channel(now + keep / 2));
    assert!(pace.wants_channel(now + keep));
    let mut kept = self::pace();
    kept.refused(Refusal::Nack, Duration::MAX, now);
    assert!(!kept.wants_channel(now + Duration::from_secs(1_000_000)));
}

#[test]
fn refusals_are_told_now_and_then() {
    let mut pace = pace();
    let now = Instant::now();
    assert_eq!(pace.tell(now), None);
    pace.refused(Refusal::Nack, Duration::ZERO, now);
    pace.confirmed();
    assert_eq!(pace.tell(now), Some(Refusal::Nack));
    pace.refused(Refusal::Nack, Duration::ZERO, now);
    assert_eq!(pace.tell(now + TELL / 2), None);
    assert_eq!(pace.tell(now + TELL), Some(Refusal::Nack));
    assert_eq!(pace.tell(now + 2 * TELL), None);
}
