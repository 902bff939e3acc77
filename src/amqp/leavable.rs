//! Runs what knows no time limit on a thread that can be left.

use super::dial::NotReached;
use super::patience::Patience;
use crossbeam_channel::{bounded, select};
use std::io;
use std::thread;

/// What `work` returns, unless the time is up or the user wants no more: then its thread is left behind.
pub(super) fn run<T: Send + 'static>(
    name: &str,
    patience: &Patience,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotReached> {
    let (sender, result) = bounded(1);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _ = sender.send(work());
        })
        .map_err(NotReached::NoThread)?;
    loop {
        let limit = patience.next_look()?;
        select! {
            recv(result) -> result => {
                return result.map_err(|_| io::Error::other("its thread ended unexpectedly").into());
            }
            recv(patience.when_cancelled) -> _ => {}
            default(limit) => patience.when_slow.tell(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancellation::cancellation;
    use crate::base::when_slow::WhenSlow;
    use std::time::{Duration, Instant};

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn work_that_does_not_end_is_left() {
        let (cancellation, when_cancelled) = cancellation();
        let for_ever = || thread::sleep(2 * MINUTE);
        let now = Instant::now();
        let until = |deadline| Patience::until(deadline, &when_cancelled);
        let left = run("test", &until(now), for_ever).unwrap_err();
        assert!(matches!(left, NotReached::TimedOut), "{left:?}");
        drop(cancellation);
        let left = run("test", &until(now + MINUTE), for_ever).unwrap_err();
        assert!(matches!(left, NotReached::Cancelled), "{left:?}");
        assert!(now.elapsed() < MINUTE);
    }

    #[test]
    fn what_it_returns_is_returned_and_a_panic_is_a_failure() {
        let (_cancellation, when_cancelled) = cancellation();
        let patience = Patience::until(Instant::now() + MINUTE, &when_cancelled);
        assert_eq!(run("test", &patience, || 7).unwrap(), 7);
        let failed = run("test", &patience, || {
            std::panic::resume_unwind(Box::new(()))
        });
        let failed: Result<(), NotReached> = failed;
        assert!(matches!(failed, Err(NotReached::Failed(_))), "{failed:?}");
    }

    #[test]
    fn work_that_takes_long_is_told_to_be_slow() {
        let (_cancellation, when_cancelled) = cancellation();
        let (told, is_slow) = bounded(1);
        let when_slow = WhenSlow::new(move || {
            let _ = told.try_send(());
        });
        let patience = Patience {
            deadline: Instant::now() + MINUTE,
            when_cancelled,
            when_slow,
        };
        let waits = move || is_slow.recv_timeout(MINUTE);
        assert_eq!(run("test", &patience, waits).unwrap(), Ok(()));
    }
}
