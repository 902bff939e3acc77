//! A pipe, and reading from it without waiting.

use rustix::fs::{OFlags, fcntl_setfl};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// The largest piece that is read at once: what a pipe of Linux holds.
const PIECE: usize = 64 * 1024;

/// How long a command's output may lie in the pipe before it is read. A look takes the CPU from the
/// command, some 40 µs of the 1 ms that `cat` takes, and a time limit that ends soon costs 20 µs more.
const WAITS: Duration = Duration::from_millis(10);

/// The same where the last command wrote much: one that fills its pipe waits until then.
const WAITS_AFTER_MUCH: Duration = Duration::from_millis(2);

/// A quarter of what a pipe of Linux holds, in bytes.
const MUCH: usize = PIECE / 4;

/// What a slot keeps from one command to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Room to read output into.
    piece: Vec<u8>,
    /// How many bytes the command has written.
    written: usize,
}

impl Scratch {
    /// The next command begins: how long its output may wait.
    pub(super) fn begin(&mut self) -> Duration {
        match std::mem::take(&mut self.written) {
            0..MUCH => WAITS,
            _ => WAITS_AFTER_MUCH,
        }
    }

    /// Reads what is there, which is less than there is room for, or more comes later; `None` from the
    /// stream's end on. A stream that fails is over.
    pub(super) fn read_all(&mut self, stream: &mut Option<File>, mut sink: impl FnMut(&[u8])) {
        let Some(open) = stream else { return };
        self.piece.resize(PIECE, 0);
        // Bounded, so that an endless stream cannot keep a time-out from being noticed.
        for _ in 0..64 {
            match open.read(&mut self.piece) {
                Ok(count @ 1..) => {
                    self.written = self.written.saturating_add(count);
                    sink(&self.piece[..count]);
                    if count < PIECE {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => {
                    *stream = None;
                    return;
                }
            }
        }
    }
}

/// A pipe whose reading end does not wait.
pub(super) fn pipe() -> io::Result<(File, OwnedFd)> {
    let (reader, writer) = close_on_exec_pipe()?;
    set_nonblocking(reader.as_fd());
    Ok((File::from(reader), writer))
}

/// A pipe that commands do not inherit unasked.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn close_on_exec_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

#[cfg(target_vendor = "apple")]
pub(super) fn close_on_exec_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::io::{FdFlags, fcntl_setfd};
    let (reader, writer) = rustix::pipe::pipe()?;
    fcntl_setfd(&reader, FdFlags::CLOEXEC)?;
    fcntl_setfd(&writer, FdFlags::CLOEXEC)?;
    Ok((reader, writer))
}

/// Reads or writes at the end of a new pipe, which has no other flags, do not wait.
pub(super) fn set_nonblocking(fd: BorrowedFd<'_>) {
    let _ = fcntl_setfl(fd, OFlags::NONBLOCK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_output_behind_much_waits_less_long() {
        let mut scratch = Scratch::default();
        assert_eq!(scratch.begin(), WAITS);
        for (bytes, waits) in [(MUCH - 1, WAITS), (MUCH, WAITS_AFTER_MUCH), (0, WAITS)] {
            let (reader, writer) = pipe().unwrap();
            File::from(writer).write_all(&vec![0; bytes]).unwrap();
            let (mut stream, mut read) = (Some(reader), 0);
            while stream.is_some() {
                scratch.read_all(&mut stream, |piece| read += piece.len());
            }
            assert_eq!(read, bytes);
            assert_eq!(scratch.begin(), waits);
        }
    }
}
