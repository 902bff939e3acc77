//! Runs what knows no time limit on a thread that can be left.

use super::dial::NotReached;
use crate::base::cancellation::WhenCancelled;
use crossbeam_channel::{bounded, select};
use std::io;
use std::thread;
use std::time::Instant;

/// What `work` returns, unless the time is up or the user wants no more: then its thread is left behind.
pub(super) fn run<T: Send + 'static>(
    name: &str,
    deadline: Instant,
    when_cancelled: &WhenCancelled,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotReached> {
    let (sender, result) = bounded(1);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _ = sender.send(work());
        })
        .map_err(NotReached::NoThread)?;
    let left = deadline.saturating_duration_since(Instant::now());
    select! {
        recv(result) -> result => {
            result.map_err(|_| io::Error::other("its thread ended unexpectedly").into())
        }
        recv(when_cancelled) -> _ => Err(NotReached::Cancelled),
        default(left) => Err(NotReached::TimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancellation::cancellation;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn work_that_does_not_end_is_left() {
        let (cancellation, when_cancelled) = cancellation();
        let for_ever = || thread::sleep(2 * MINUTE);
        let now = Instant::now();
        let left = run("test", now, &when_cancelled, for_ever).unwrap_err();
        assert!(matches!(left, NotReached::TimedOut), "{left:?}");
        drop(cancellation);
        let left = run("test", now + MINUTE, &when_cancelled, for_ever).unwrap_err();
        assert!(matches!(left, NotReached::Cancelled), "{left:?}");
        assert!(now.elapsed() < MINUTE);
    }

    #[test]
    fn what_it_returns_is_returned_and_a_panic_is_a_failure() {
        let (_cancellation, when_cancelled) = cancellation();
        let soon = Instant::now() + MINUTE;
        assert_eq!(run("test", soon, &when_cancelled, || 7).unwrap(), 7);
        let failed = run("test", soon, &when_cancelled, || {
            std::panic::resume_unwind(Box::new(()))
        });
        let failed: Result<(), NotReached> = failed;
        assert!(matches!(failed, Err(NotReached::Failed(_))), "{failed:?}");
    }
}
