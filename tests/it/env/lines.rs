//! The lines of a stream, read as they come.

use super::DEADLINE;
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use std::io::{BufRead, BufReader, Read};
use std::thread;
use std::time::{Duration, Instant};

/// The lines of a stream, read on a thread as they come.
pub(super) struct Lines {
    receiver: Receiver<String>,
    seen: String,
}

impl Lines {
    pub(super) fn read(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = unbounded();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(stream.read_until(b'\n', &mut line), Ok(count) if count > 0) {
                let text = String::from_utf8_lossy(&line);
                if sender.send(text.trim_end_matches('\n').to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        let seen = String::new();
        Self { receiver, seen }
    }

    pub(super) fn next(&mut self) -> Result<String, RecvTimeoutError> {
        self.next_by(Instant::now() + DEADLINE)
    }

    /// The same, waiting until then at most.
    pub(super) fn next_by(&mut self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        let line = self.receiver.recv_deadline(deadline)?;
        self.seen.push_str(&line);
        self.seen.push('\n');
        Ok(line)
    }

    /// All lines, those already seen included, until the stream ends.
    pub(super) fn rest(&mut self) -> String {
        while let Ok(line) = self.receiver.recv_timeout(Duration::from_secs(5)) {
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
        std::mem::take(&mut self.seen)
    }
}
