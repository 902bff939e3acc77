//! How long the broker keeps what nobody takes.

use crate::base::duration::duration;
use std::time::Duration;

/// `expiration` holds milliseconds up to 2^32 - 1.
pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.as_millis() > u128::from(u32::MAX) {
        return Err("it must be at most 49 days".to_owned());
    }
    Ok(duration)
}

/// `x-expires` holds milliseconds from 1 to 2^32 - 1.
pub(super) fn results_expire(text: &str) -> Result<Duration, String> {
    match ttl(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        duration => Ok(duration),
    }
}
