//! What every test needs: a broker, a queue of its own, and the two commands under watch.

mod admin;
mod asked;
pub mod broker;
#[allow(dead_code, reason = "tests/soak alone has several nodes")]
mod cluster;
mod commands;
mod ended;
pub mod fake;
mod gate;
mod http;
mod lines;
mod long_way;
mod proxy;
mod random;
mod running;
mod terminal;
mod tls;
mod version;
pub mod watch;

pub use admin::{Admin, Kind};
pub use asked::Answer;
pub use broker::{Broker, shared};
pub use commands::{asking, command, new_task, piped, sh, words, worker, worker_with};
pub use ended::Ended;
pub use gate::Gate;
pub use http::Http;
pub use long_way::LongWay;
pub use proxy::Proxy;
pub use random::Random;
pub use running::{Running, spawn};
pub use terminal::{Terminal, in_terminal};
pub use tls::{Certificates, Tls};
pub use version::{Version, has_program, left_out, left_out_here};

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that should happen soon. Generous: only a failing test waits it out.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A queue name that no other test, and no other run, uses.
pub fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("it-{what}-{}-{number}", std::process::id())
}

/// The numbers from 1 on, a line each.
pub fn numbered(count: u32) -> String {
    let numbers: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    numbers.join("\n") + "\n"
}

/// A file of the test's own, which goes with it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A path where there is no file yet.
    pub fn path(what: &str) -> Self {
        Self(std::env::temp_dir().join(unique(what)))
    }

    /// A file with this content.
    pub fn file(what: &str, content: impl AsRef<[u8]>) -> Self {
        let scratch = Self::path(what);
        std::fs::write(&scratch.0, content).unwrap();
        scratch
    }

    /// Its path.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// What is in it.
    pub fn read(&self) -> Vec<u8> {
        std::fs::read(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Fails the test where large contents differ, without printing them.
#[track_caller]
pub fn assert_same(found: &[u8], expected: impl AsRef<[u8]>) {
    let expected = expected.as_ref();
    let differs = found.iter().zip(expected).position(|(one, two)| one != two);
    assert_eq!(differs, None, "the first byte that differs");
    assert_eq!(found.len(), expected.len(), "bytes");
}

/// Asks again and again until `check` gives something.
pub fn wait_for<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    wait_until(what, || check().ok_or("nothing"))
}

/// Asks again and again until `check` gives something. An error is what it found instead.
pub fn wait_until<T, E: Display>(what: &str, mut check: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match check() {
            Ok(found) => return found,
            Err(found) => assert!(
                Instant::now() < deadline,
                "waited {DEADLINE:?} in vain: {what}; found {found}"
            ),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The directory of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
