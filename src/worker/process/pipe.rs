//! A pipe, and reading from it without waiting.

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The largest piece that is read at once: what a pipe of Linux holds.
const PIECE: usize = 64 * 1024;

/// Reads what is there; `None` from the stream's end on. A stream that fails is over.
pub(super) fn read_all(
    stream: &mut Option<File>,
    piece: &mut Vec<u8>,
    mut sink: impl FnMut(&[u8]),
) {
    let Some(open) = stream else { return };
    piece.resize(PIECE, 0);
    // Bounded, so that an endless stream cannot keep a time-out from being noticed.
    for _ in 0..64 {
        match open.read(piece) {
            Ok(count @ 1..) => sink(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Ok(0) | Err(_) => {
                *stream = None;
                return;
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

/// Reads and writes there do not wait.
pub(super) fn set_nonblocking(fd: BorrowedFd<'_>) {
    if let Ok(flags) = fcntl_getfl(fd) {
        let _ = fcntl_setfl(fd, flags | OFlags::NONBLOCK);
    }
}
