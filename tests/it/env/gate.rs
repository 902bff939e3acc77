//! Commands that go on when the test says so, so that no test depends on how long things take.

use super::unique;
use std::path::PathBuf;

/// A command waits until its gate is open.
pub struct Gate(PathBuf);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(std::env::temp_dir().join(unique("gate")))
    }

    /// A shell command that waits for the gate and then runs `script`.
    pub fn before(&self, script: &str) -> [String; 4] {
        let wait = "while [ ! -e \"$0\" ]; do sleep 0.02; done";
        let path = self.path().to_owned();
        ["sh".into(), "-c".into(), format!("{wait}; {script}"), path]
    }

    /// The file that is there when the gate is open.
    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Lets the command go on, and all that come after it.
    pub fn open(&self) {
        std::fs::write(&self.0, "").unwrap();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A command that still waits, though its worker is gone, ends as well.
        self.open();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let _ = std::fs::remove_file(&self.0);
    }
}
