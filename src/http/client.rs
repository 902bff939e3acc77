//! One client: its request comes, the answer goes, and then its end is waited for.

use super::request::{Parsed, Request};
use super::response::{Body, Response, Status};
use rustix::event::PollFlags;
use rustix::fd::{AsFd, BorrowedFd};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// A request may have this many bytes.
const REQUEST_MAX: usize = 8 * 1024;

/// What a client sends behind its request is read up to this many bytes: a connection that is
/// closed over unread bytes is reset, and the answer may be lost with it.
const IGNORED_MAX: usize = 64 * 1024;

/// A connection that does not block.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    socket: Socket,
    pub(super) since: Instant,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// The request so far.
    Reading(Vec<u8>),
    /// The answer, and how much of it is sent.
    Writing(Vec<u8>, usize),
    /// The answer is sent. How many bytes came that nobody wants.
    Ending(usize),
}

/// Whether there is anything left to do for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Wait,
    Over,
}

impl Client {
    pub(super) fn new(socket: Socket, since: Instant) -> Self {
        Self {
            socket,
            since,
            step: Step::Reading(Vec::new()),
        }
    }

    /// What its socket is to be ready for.
    pub(super) fn awaits(&self) -> PollFlags {
        match self.step {
            Step::Writing(..) => PollFlags::OUT,
            Step::Reading(_) | Step::Ending(_) => PollFlags::IN,
        }
    }

    /// Whether it has its answer.
    pub(super) fn is_answered(&self) -> bool {
        matches!(self.step, Step::Ending(_))
    }

    /// Goes on as far as that is possible now.
    pub(super) fn advance(&mut self, answer: impl Fn(&Request) -> Response) -> Then {
        let done = match &mut self.step {
            Step::Reading(_) => self.read(answer),
            Step::Writing(..) => self.write(),
            Step::Ending(_) => self.end(),
        };
        match done {
            Ok(then) => then,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Then::Wait,
            Err(_) => Then::Over,
        }
    }

    fn read(&mut self, answer: impl Fn(&Request) -> Response) -> io::Result<Then> {
        let Step::Reading(request) = &mut self.step else {
            return Ok(Then::Over);
        };
        let mut piece = [0; 2048];
        let count = read(&mut self.socket, &mut piece)?;
        if count == 0 {
            return Ok(Then::Over);
        }
        request.extend_from_slice(&piece[..count]);
        let response = match Request::parse(request) {
            Parsed::Incomplete if request.len() < REQUEST_MAX => return Ok(Then::Wait),
            Parsed::Incomplete | Parsed::TooLarge => {
                let line = Response::line(Status::TooLarge, "the request is too large");
                line.bytes(Body::Sent)
            }
            Parsed::Nonsense => {
                Response::line(Status::BadRequest, "this is no request").bytes(Body::Sent)
            }
            Parsed::Complete(request) => match request.method.as_str() {
                "GET" => answer(&request).bytes(Body::Sent),
                "HEAD" => answer(&request).bytes(Body::Omitted),
                _ => {
                    let line = "only GET and HEAD are served";
                    Response::line(Status::MethodNotAllowed, line).bytes(Body::Sent)
                }
            },
        };
        self.step = Step::Writing(response, 0);
        // Mostly all of it goes at once.
        self.write()
    }

    fn write(&mut self) -> io::Result<Then> {
        let Step::Writing(response, sent) = &mut self.step else {
            return Ok(Then::Over);
        };
        while *sent < response.len() {
            match write(&mut self.socket, &response[*sent..])? {
                0 => return Ok(Then::Over),
                count => *sent += count,
            }
        }
        self.socket.shutdown_write()?;
        self.step = Step::Ending(0);
        Ok(Then::Wait)
    }

    fn end(&mut self) -> io::Result<Then> {
        let Step::Ending(ignored) = &mut self.step else {
            return Ok(Then::Over);
        };
        let mut piece = [0; 2048];
        let count = read(&mut self.socket, &mut piece)?;
        *ignored += count;
        if count == 0 || *ignored > IGNORED_MAX {
            return Ok(Then::Over);
        }
        Ok(Then::Wait)
    }
}

fn read(socket: &mut Socket, into: &mut [u8]) -> io::Result<usize> {
    match socket {
        Socket::Tcp(socket) => socket.read(into),
        Socket::Unix(socket) => socket.read(into),
    }
}

fn write(socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
    match socket {
        Socket::Tcp(socket) => socket.write(bytes),
        Socket::Unix(socket) => socket.write(bytes),
    }
}

impl Socket {
    fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Self::Unix(socket) => socket.shutdown(Shutdown::Write),
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(socket) => socket.as_fd(),
            Socket::Unix(socket) => socket.as_fd(),
        }
    }
}
