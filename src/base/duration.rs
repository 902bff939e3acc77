//! Durations, as users write them and as programs read them.

use std::time::Duration;

/// Bounded by far more than anyone waits, and far less than clocks can tell.
pub fn duration(text: &str) -> Result<Duration, String> {
    const MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= MAX => Ok(duration),
        Ok(_) => Err("it must be at most a year".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// In whole milliseconds.
#[must_use]
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
