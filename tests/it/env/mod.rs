//! What every test needs: a broker, a queue of its own, and the two commands under watch.

mod admin;
mod broker;
mod commands;
mod gate;
mod proxy;
mod random;

pub use admin::{Admin, Answer, Kind};
pub use broker::{Broker, Nodes, shared};
pub use commands::{Ended, Running, command, new_task, spawn, worker, worker_with};
pub use gate::Gate;
pub use proxy::Proxy;
pub use random::Random;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that should happen soon. Generous: only a failing test waits it out.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A queue name that no other test, and no other run, uses.
pub fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("it-{what}-{}-{number}", std::process::id())
}

/// Asks again and again until `check` gives something.
pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "waited {DEADLINE:?} in vain: {what}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// The directory of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
