//! Looks up a name and connects to an address, until the time is up or the user wants no more.

use super::leavable;
use super::patience::Patience;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NotReached {
    Failed(io::Error),
    /// The system has no thread for it.
    NoThread(io::Error),
    TimedOut,
    Cancelled,
}

impl From<io::Error> for NotReached {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The addresses of `host`.
pub(super) fn look_up(
    host: &str,
    port: u16,
    patience: &Patience,
) -> Result<Vec<SocketAddr>, NotReached> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    // The system's look-up knows no time limit.
    let host = host.to_owned();
    let found = leavable::run("look-up", patience, move || {
        let addresses = (host.as_str(), port).to_socket_addrs()?;
        Ok::<_, io::Error>(addresses.collect())
    });
    Ok(found??)
}

/// Connects to `address`. The socket blocks.
pub(super) fn connect(address: SocketAddr, patience: &Patience) -> Result<TcpStream, NotReached> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Err(error) = socket.connect(&address.into()) {
        if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) {
            return Err(error.into());
        }
        await_writable(&socket, patience)?;
        if let Some(error) = socket.take_error()? {
            return Err(error.into());
        }
    }
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}

/// A socket is writable once it is connected, or cannot be.
fn await_writable(socket: &Socket, patience: &Patience) -> Result<(), NotReached> {
    loop {
        let limit = patience.next_look()?;
        let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
        let mut watched = [PollFd::new(socket, PollFlags::OUT)];
        match poll(&mut watched, Some(&limit)) {
            Ok(0) => patience.when_slow.tell(),
            Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::cancellation::{WhenCancelled, cancellation};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;
    use std::time::{Duration, Instant};

    const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn for_a_minute(when_cancelled: &WhenCancelled) -> Patience {
        Patience::until(Instant::now() + Duration::from_secs(60), when_cancelled)
    }

    /// Addresses whose queue of waiting connections is full: further ones get no answer. (Linux)
    fn full() -> (Socket, SocketAddr, Vec<Socket>) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&LOOPBACK.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let waiting = (0..4).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        });
        let waiting = waiting.collect();
        (listener, address, waiting)
    }

    #[test]
    fn it_connects_or_tells_why_not() {
        let (_cancellation, when_cancelled) = cancellation();
        let listener = TcpListener::bind(LOOPBACK).unwrap();
        let address = listener.local_addr().unwrap();
        let socket = connect(address, &for_a_minute(&when_cancelled)).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), address);
        drop((socket, listener));
        let refused = connect(address, &for_a_minute(&when_cancelled)).unwrap_err();
        let NotReached::Failed(error) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    #[cfg_attr(not(target_os = "linux"), ignore = "other systems refuse what waits")]
    fn an_address_that_does_not_answer_is_left() {
        let (cancellation, when_cancelled) = cancellation();
        let (_listener, address, _waiting) = full();
        let soon = Instant::now() + Duration::from_millis(20);
        let left = connect(address, &Patience::until(soon, &when_cancelled)).unwrap_err();
        assert!(matches!(left, NotReached::TimedOut), "{left:?}");
        let left = thread::scope(|scope| {
            let connecting = scope.spawn(|| connect(address, &for_a_minute(&when_cancelled)));
            drop(cancellation);
            connecting.join().unwrap().unwrap_err()
        });
        assert!(matches!(left, NotReached::Cancelled), "{left:?}");
    }

    #[test]
    fn addresses_need_no_look_up_and_names_have_one() {
        let (_cancellation, when_cancelled) = cancellation();
        let now = Patience::until(Instant::now(), &when_cancelled);
        assert_eq!(
            look_up("::1", 1, &now).unwrap(),
            ["[::1]:1".parse::<SocketAddr>().unwrap()]
        );
        let found = look_up("localhost", 1, &for_a_minute(&when_cancelled)).unwrap();
        assert!(!found.is_empty());
    }
}
