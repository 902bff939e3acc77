//! What happened when: on stdout and in a file.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

/// The diary of a run, and the directory with all that it leaves.
pub(super) struct Diary {
    /// `target/soak/…`: the logs of all processes, the tasks, the diary.
    pub(super) folder: PathBuf,
    begun: Instant,
    file: Mutex<File>,
    wrongs: Mutex<Vec<String>>,
}

impl Diary {
    /// Begins a diary in a new directory.
    pub(super) fn begin(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        Self {
            folder: folder.to_owned(),
            begun: Instant::now(),
            file: Mutex::new(File::create(folder.join("diary")).unwrap()),
            wrongs: Mutex::default(),
        }
    }

    /// Notes what happens.
    pub(super) fn note(&self, text: &str) {
        let line = format!("[{:7.1} s] {text}\n", self.begun.elapsed().as_secs_f64());
        let mut file = self.file.lock().unwrap();
        file.write_all(line.as_bytes()).unwrap();
        print!("{line}");
    }

    /// Notes what must not happen. The run goes on and has failed.
    pub(super) fn wrong(&self, text: &str) {
        self.note(&format!("WRONG: {text}"));
        self.wrongs.lock().unwrap().push(text.to_owned());
    }

    /// All that was wrong, a line each.
    pub(super) fn wrongs(&self) -> String {
        self.wrongs.lock().unwrap().join("\n")
    }

    /// Adds what a process said to a file.
    pub(super) fn log(&self, name: &str, text: &str) {
        let mut options = File::options();
        let path = self.folder.join(name);
        let mut file = options.create(true).append(true).open(path).unwrap();
        let _ = write!(
            file,
            "[{:7.1} s] {text}",
            self.begun.elapsed().as_secs_f64()
        );
    }

    /// A new file for what a process says.
    pub(super) fn file(&self, name: &str) -> File {
        File::create(self.folder.join(name)).unwrap()
    }
}
