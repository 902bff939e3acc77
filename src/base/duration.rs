//! Durations, as users write them and as programs read them.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Bounded by far more than anyone waits, and far less than clocks can tell.
pub fn duration(text: &str) -> Result<Duration, String> {
    const MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    duration_in(text, Duration::ZERO..=MAX, "it must be at most a year")
}

/// A duration in this range; `else_say` is told of others.
pub fn duration_in(
    text: &str,
    range: RangeInclusive<Duration>,
    else_say: &str,
) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(else_say.to_owned())
    }
}

/// In whole milliseconds.
#[must_use]
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// In whole seconds, from the first on.
#[must_use]
pub fn rounded(passed: Duration) -> humantime::FormattedDuration {
    let unit = if passed < Duration::from_secs(1) {
        Duration::from_millis(1)
    } else {
        Duration::from_secs(1)
    };
    let units = passed.as_millis() / unit.as_millis();
    humantime::format_duration(unit * u32::try_from(units).unwrap_or(u32::MAX))
}
