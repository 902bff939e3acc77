//! Looks at the host from time to time.

use super::limits::HostLimits;
use crate::base::fault::Fault;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the host is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long the host must have been within its limits before tasks are begun again: the load
/// average is renewed every five seconds.
const CALM: Duration = Duration::from_secs(5);

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Change {
    /// The host is too busy; why.
    Busy(String),
    /// It is not any more.
    Free,
}

/// Looks at the host from time to time.
pub(in crate::worker) struct HostWatch {
    limits: HostLimits,
    next: Option<Instant>,
    /// Since when it is within its limits again, while tasks are not begun.
    calm: Option<Instant>,
    is_busy: bool,
}

impl HostWatch {
    /// # Errors
    /// The system does not tell what the limits are about.
    pub(in crate::worker) fn new(limits: HostLimits, now: Instant) -> Result<Self, Fault> {
        limits.exceeded(Path::new("/"))?;
        Ok(Self {
            next: limits.is_set().then_some(now),
            limits,
            calm: None,
            is_busy: false,
        })
    }

    /// When it looks next.
    pub(in crate::worker) fn wakes_at(&self) -> Option<Instant> {
        self.next
    }

    /// Looks, if it is time. What has changed.
    pub(in crate::worker) fn look(&mut self, now: Instant) -> Option<Change> {
        if now < self.next? {
            return None;
        }
        self.next = now.checked_add(LOOK);
        // It told at the start.
        let exceeded = self.limits.exceeded(Path::new("/")).unwrap_or_default();
        self.judge(now, exceeded)
    }

    fn judge(&mut self, now: Instant, exceeded: Option<String>) -> Option<Change> {
        match exceeded {
            Some(why) => {
                self.calm = None;
                let is_new = !std::mem::replace(&mut self.is_busy, true);
                is_new.then_some(Change::Busy(why))
            }
            None if self.is_busy => {
                let calm = *self.calm.get_or_insert(now);
                let is_over = now.saturating_duration_since(calm) >= CALM;
                self.is_busy = !is_over;
                is_over.then(|| {
                    self.calm = None;
                    Change::Free
                })
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_begun_again_only_after_some_calm() {
        let mut now = Instant::now();
        let mut watch = HostWatch::new(HostLimits::default(), now).unwrap();
        assert_eq!(watch.look(now), None);
        let mut seen = |busy: bool| {
            now += LOOK;
            watch.judge(now, busy.then(|| "busy".to_owned()))
        };
        assert_eq!(seen(false), None);
        assert_eq!(seen(true), Some(Change::Busy("busy".to_owned())));
        assert_eq!(seen(true), None);
        for _ in 0..3 {
            assert_eq!(seen(false), None);
        }
        assert_eq!(seen(true), None, "it was not calm for long");
        for _ in 0..5 {
            assert_eq!(seen(false), None);
        }
        assert_eq!(seen(false), Some(Change::Free));
        assert_eq!(seen(false), None);
    }
}
