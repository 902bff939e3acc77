//! The loop that serves all clients.

use super::client::{Client, Then};
use super::listener::Listener;
use super::request::Request;
use super::response::Response;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How many clients are served at once. The others wait to be accepted.
const CLIENTS_MAX: usize = 16;

/// How many files a server opens at most: its clients, where it listens, and one for the answer.
pub const OPEN_FILES: u64 = CLIENTS_MAX as u64 + 2;

/// How long a connection lasts at most, whatever its client does.
const LIMIT: Duration = Duration::from_secs(5);

/// A client that has taken this long gives its place to one that waits. So probes pass, also while
/// others hold all places for as long as they may. An honest client takes a millisecond.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long no client is accepted after the system could not do it, such as without free descriptors.
const PAUSE: Duration = Duration::from_millis(500);

/// Serves clients; never returns.
pub fn serve(listener: &Listener, answer: &impl Fn(&Request) -> Response) {
    let mut server = Server {
        listener,
        clients: Vec::new(),
        accepts_from: Instant::now(),
    };
    loop {
        if server.turn(answer).is_err() {
            // Want of memory, which passes.
            thread::sleep(PAUSE);
        }
    }
}

struct Server<'a> {
    listener: &'a Listener,
    /// In the order in which they came.
    clients: Vec<Client>,
    accepts_from: Instant,
}

impl Server<'_> {
    /// Waits until something can be done, and does it.
    fn turn(&mut self, answer: &impl Fn(&Request) -> Response) -> Result<(), Errno> {
        let now = Instant::now();
        let has_place = self.has_place(now);
        let listens = has_place && self.accepts_from <= now;
        let awaited = self
            .clients
            .iter()
            .map(|client| PollFd::new(client, client.awaits()));
        let mut awaited: Vec<PollFd<'_>> = awaited.collect();
        if listens {
            awaited.push(PollFd::new(self.listener, PollFlags::IN));
        }
        let wait = self.wakes_in(now, has_place);
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        match poll(&mut awaited, wait.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let is_ready: Vec<bool> = awaited.iter().map(|fd| !fd.revents().is_empty()).collect();
        let now = Instant::now();
        let mut ready = is_ready.iter();
        self.clients.retain_mut(|client| {
            let is_ready = ready.next().is_some_and(|ready| *ready);
            let is_late = now.saturating_duration_since(client.since) >= LIMIT;
            !(is_late || is_ready && client.advance(answer) == Then::Over)
        });
        if listens && ready.next().is_some_and(|ready| *ready) {
            self.accept(now);
        }
        Ok(())
    }

    /// Accepts who waits, as far as there are places.
    fn accept(&mut self, now: Instant) {
        while self.has_place(now) {
            match self.listener.accept() {
                Ok(socket) => {
                    if self.clients.len() >= CLIENTS_MAX {
                        let loser = self.loser(now).unwrap_or_default();
                        self.clients.remove(loser);
                    }
                    self.clients.push(Client::new(socket, now));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The client has gone again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => {
                    self.accepts_from = now + PAUSE;
                    return;
                }
            }
        }
    }

    /// Whether one more client can be accepted.
    fn has_place(&self, now: Instant) -> bool {
        self.clients.len() < CLIENTS_MAX || self.loser(now).is_some()
    }

    /// Who loses its place to another: one that has its answer, or has had its time.
    fn loser(&self, now: Instant) -> Option<usize> {
        let answered = self.clients.iter().position(Client::is_answered);
        let has_had_time =
            |client: &Client| now.saturating_duration_since(client.since) >= PATIENCE;
        answered.or_else(|| self.clients.iter().position(has_had_time))
    }

    /// How long nothing is due of itself.
    fn wakes_in(&self, now: Instant, has_place: bool) -> Option<Duration> {
        let oldest = self.clients.first();
        let over = oldest.map(|oldest| oldest.since + LIMIT);
        let place = oldest.map(|oldest| oldest.since + PATIENCE);
        let pause = (self.accepts_from > now).then_some(self.accepts_from);
        let due = [over, place.filter(|_| !has_place), pause];
        let due = due.into_iter().flatten().min();
        due.map(|at| at.saturating_duration_since(now))
    }
}
