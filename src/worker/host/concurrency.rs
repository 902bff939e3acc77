//! `--concurrency`: a number, or one that follows from the CPUs, as with GNU parallel.

use super::system::cpus;
use crate::cli::positive;
use std::num::NonZeroU16;

/// Reads `4`, `100%` (of the CPUs), `+1` (one more than CPUs) or `-1` (one less), but never less than
/// one task at once.
pub(in crate::worker) fn concurrency(text: &str) -> Result<NonZeroU16, String> {
    of(text, cpus())
}

fn of(text: &str, cpus: usize) -> Result<NonZeroU16, String> {
    let cpus = u64::try_from(cpus).unwrap_or(u64::MAX);
    let number = |text: &str| {
        let number = text.parse::<u32>().map(u64::from);
        number.map_err(|_| "it should look like 4, 100%, +1 or -1".to_owned())
    };
    let count = if let Some(percent) = text.strip_suffix('%') {
        cpus.saturating_mul(number(percent)?) / 100
    } else if let Some(more) = text.strip_prefix('+') {
        cpus.saturating_add(number(more)?)
    } else if let Some(less) = text.strip_prefix('-') {
        cpus.saturating_sub(number(less)?)
    } else {
        return positive(text);
    };
    let count = u16::try_from(count.max(1)).map_err(|_| "it must be at most 65535".to_owned())?;
    NonZeroU16::new(count).ok_or_else(String::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_cpus() {
        for (text, count) in [
            ("3", 3),
            ("65535", 65535),
            ("100%", 8),
            ("50%", 4),
            ("1%", 1),
            ("0%", 1),
            ("250%", 20),
            ("+2", 10),
            ("-1", 7),
            ("-0", 8),
            ("-8", 1),
            ("-4294967295", 1),
        ] {
            assert_eq!(of(text, 8).unwrap().get(), count, "{text}");
        }
    }

    #[test]
    fn what_is_no_such_number_is_refused() {
        for text in [
            "", "0", "x", "1.5", "%", "x%", "-", "+", "--1", "-1%", "65536", "+65530",
        ] {
            assert!(of(text, 8).is_err(), "{text}");
        }
    }
}
