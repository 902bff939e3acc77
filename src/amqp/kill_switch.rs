//! Ends calls into amiquip by shutting the socket down under them.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends a connection from any thread: every call that is blocked in it returns an error.
#[derive(Clone, Debug)]
pub(super) struct KillSwitch {
    socket: Arc<TcpStream>,
    thrown: Arc<AtomicBool>,
}

impl KillSwitch {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket: Arc::new(socket),
            thrown: Arc::default(),
        }
    }

    /// Shuts the socket down. An error means that it is down already.
    pub(super) fn throw(&self) {
        self.thrown.store(true, Ordering::SeqCst);
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Whether it was we who ended the connection.
    pub(super) fn is_thrown(&self) -> bool {
        self.thrown.load(Ordering::SeqCst)
    }
}
