//! From milliseconds to places on a line and to labels.

use std::time::Duration;

use crate::events::Millis;

/// Where `at` of `span` lies on a line `width` long, to the nearest unit.
pub fn scaled(at: Millis, span: Millis, width: u64) -> u64 {
    (at * width + span / 2) / span
}

/// The axis' marks: the multiples, up to `span`, of the smallest round step
/// that makes at most `most` of them besides zero.
pub fn ticks(span: Millis, most: u64) -> Vec<Millis> {
    let step = round_steps()
        .find(|step| span / step <= most.max(1))
        .unwrap_or(span);
    (0..=span / step).map(|tick| tick * step).collect()
}

/// 0.1 s, 0.2 s, 0.5 s, 1 s and so on.
fn round_steps() -> impl Iterator<Item = Millis> {
    (2..18).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)))
}

/// A length of time for people, in seconds.
pub fn seconds(time: Millis, decimals: usize) -> String {
    let time = Duration::from_millis(time).as_secs_f64();
    format!("{time:.decimals$}")
}

/// A mark's label: whole seconds, or tenths where the marks are that close.
pub fn tick_label(tick: Millis) -> String {
    seconds(tick, usize::from(tick % 1000 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_rounded_and_end_at_the_width() {
        assert_eq!(scaled(0, 4000, 60), 0);
        assert_eq!(scaled(33, 4000, 60), 0);
        assert_eq!(scaled(34, 4000, 60), 1);
        assert_eq!(scaled(4000, 4000, 60), 60);
    }

    #[test]
    fn ticks_are_round_and_no_more_than_asked_for() {
        assert_eq!(ticks(4100, 5), [0, 1000, 2000, 3000, 4000]);
        assert_eq!(ticks(4100, 4), [0, 1000, 2000, 3000, 4000]);
        assert_eq!(ticks(4100, 3), [0, 2000, 4000]);
        assert_eq!(ticks(450, 10), [0, 100, 200, 300, 400]);
        assert_eq!(ticks(1, 10), [0]);
        assert_eq!(ticks(3_600_000, 4), [0, 1_000_000, 2_000_000, 3_000_000]);
    }

    #[test]
    fn seconds_are_as_fine_as_needed() {
        assert_eq!(seconds(4057, 2), "4.06");
        assert_eq!(tick_label(2000), "2");
        assert_eq!(tick_label(500), "0.5");
    }
}
