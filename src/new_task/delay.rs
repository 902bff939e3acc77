//! How long tasks lie aside before they come to the work queue (`--delay`).

use std::time::Duration;

/// The longest: what RabbitMQ takes as a time to live, 2^32 - 1 ms or 49 days, less the milliseconds
/// that are added where a queue does not confirm.
pub(super) const MAX: Duration = Duration::from_secs(49 * 24 * 60 * 60);

/// Rounds up to whole milliseconds, which is what passes over the wire.
///
/// There is a queue for each length, and these queues stay. So that a user who computes delays does
/// not make thousands of them, lengths are rounded up to three digits: at most 1 % more.
pub(super) fn rounded_up(time: Duration) -> Duration {
    let mut milliseconds = time.min(MAX).as_nanos().div_ceil(1_000_000);
    let mut unit = 1;
    while milliseconds.div_ceil(unit) >= 1000 {
        unit *= 10;
    }
    milliseconds = milliseconds.div_ceil(unit) * unit;
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_three_digits_and_are_never_shorter() {
        for (asked, used) in [
            (1, 1),
            (999, 999),
            (1_000, 1_000),
            (1_001, 1_010),
            (90_000, 90_000),
            (123_456, 124_000),
            (999_999, 1_000_000),
            (86_400_000, 86_400_000),
        ] {
            let delay = rounded_up(Duration::from_millis(asked));
            assert_eq!(delay, Duration::from_millis(used), "{asked}");
        }
        let delay = rounded_up(Duration::from_nanos(1));
        assert_eq!(delay, Duration::from_millis(1));
        assert!(rounded_up(Duration::MAX) < Duration::from_millis(u64::from(u32::MAX)));
    }
}
