//! Whether there is a worker, where results are waited for: nobody should wait in silence for one that
//! was never started.

use std::time::{Duration, Instant};

/// How long to wait for a result before looking for workers: to start one takes a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often they are looked for, as long as there are some. It costs two round trips.
const INTERVAL: Duration = Duration::from_secs(10);

/// What is known of the workers.
#[derive(Debug, Default)]
pub(super) struct Workers {
    looked: Option<Instant>,
    /// That there are none has been told.
    are_missed: bool,
}

impl Workers {
    /// When they are looked for, where nothing has come since `progress`.
    pub(super) fn next_look(&self, progress: Instant) -> Option<Instant> {
        let again = self.looked.map(|at| at + INTERVAL);
        (!self.are_missed).then(|| again.into_iter().fold(progress + PATIENCE, Instant::max))
    }

    /// `count` were found, if that was found out. Whether it is to be told that there are none.
    pub(super) fn found(&mut self, count: Option<u32>, now: Instant) -> bool {
        self.looked = Some(now);
        let is_news = count == Some(0) && !self.are_missed;
        self.are_missed |= is_news;
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_looked_for_after_silence_and_told_to_be_missing_once() {
        let mut workers = Workers::default();
        let progress = Instant::now();
        let look = workers.next_look(progress).unwrap();
        assert_eq!(look, progress + PATIENCE);
        assert!(!workers.found(Some(1), look));
        let look = workers.next_look(progress).unwrap();
        assert_eq!(look, progress + PATIENCE + INTERVAL);
        // A result came meanwhile.
        assert_eq!(workers.next_look(look), Some(look + PATIENCE));
        assert!(!workers.found(None, look));
        assert!(workers.found(Some(0), look));
        assert_eq!(workers.next_look(progress), None);
        assert!(!workers.found(Some(0), look));
    }
}
