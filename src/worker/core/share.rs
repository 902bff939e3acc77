//! How many of the tasks that are here may wait for each other.

use crate::amqp::Prefetch;

/// Half of the tasks that may be here and do not run, but at least 1: with at most `prefetch` tasks here,
/// `slots` run. The broker sends more only after an acknowledgement, and should not be waited
/// for.
pub(super) fn half_of_others(prefetch: Prefetch, slots: usize) -> usize {
    /// More at once would save little.
    const MANY: usize = 1000;
    let enough = match prefetch {
        Prefetch::Unlimited => MANY,
        Prefetch::AtMost(count) => usize::from(count.get()).saturating_sub(slots) / 2,
    };
    enough.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;

    #[test]
    fn those_that_run_do_not_count() {
        let at_most = |count| Prefetch::AtMost(NonZeroU16::new(count).unwrap());
        assert_eq!(half_of_others(at_most(10), 2), 4);
        assert_eq!(half_of_others(at_most(2), 1), 1, "none waits");
        assert_eq!(half_of_others(at_most(1), 1), 1, "none waits");
        assert_eq!(half_of_others(Prefetch::Unlimited, 1), 1000);
    }
}
