//! A TCP proxy before a broker: it can hold back, slow down, stall and cut what passes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How often a held or stalled connection looks whether it may go on.
const LOOK: Duration = Duration::from_millis(5);

/// Passes connections on to a broker.
pub struct Proxy {
    /// The broker's URL, through the proxy.
    pub url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// All there have been; those that are over are gone.
    connections: Mutex<Vec<Weak<Connection>>>,
    /// Each piece arrives this many milliseconds later.
    delay: AtomicU64,
    /// Nothing passes.
    stalled: AtomicBool,
    /// A client that cancels its consumer is held.
    holds_cancels: AtomicBool,
    /// One is held.
    cancelling: AtomicBool,
    /// So long nothing is taken from the client after each piece.
    pause: Duration,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// Nothing that the client sends arrives.
    held: AtomicBool,
}

impl Proxy {
    /// Starts a proxy before the broker at `broker_url`.
    pub fn start(broker_url: &str) -> Self {
        Self::with_pause(broker_url, Duration::ZERO)
    }

    /// Starts one that takes 8 MB a second at most from the client.
    pub fn slow(broker_url: &str) -> Self {
        Self::with_pause(broker_url, Duration::from_millis(2))
    }

    /// Starts one that takes 300 kB a second at most from the client.
    pub fn crawl(broker_url: &str) -> Self {
        Self::with_pause(broker_url, Duration::from_millis(50))
    }

    fn with_pause(broker_url: &str, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (scheme, _) = broker_url.split_once("://").unwrap();
        let url = format!("{scheme}://guest:guest@{}", listener.local_addr().unwrap());
        let (_, address) = broker_url.rsplit_once('@').unwrap();
        let address = address.split('/').next().unwrap().to_owned();
        let state = Arc::new(State {
            pause,
            ..State::default()
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&address) else {
                    continue;
                };
                shared.pass(client, server);
            }
        });
        Self { url, state }
    }

    /// From now on nothing that the client sends over its connection number `index` arrives.
    pub fn hold(&self, index: usize) {
        let connection = self.state.connections.lock().unwrap()[index].upgrade();
        connection.unwrap().held.store(true, Ordering::SeqCst);
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.state.connections.lock().unwrap().len()
    }

    /// Cuts all connections. New ones are taken.
    pub fn cut(&self) {
        let connections = self.state.connections.lock().unwrap();
        for connection in connections.iter().filter_map(Weak::upgrade) {
            connection.end();
        }
    }

    /// From now on a `basic.cancel` does not arrive, nor what follows it.
    pub fn hold_cancels(&self) {
        self.state.holds_cancels.store(true, Ordering::SeqCst);
    }

    /// Whether a client waits for its `basic.cancel` to arrive.
    pub fn holds_a_cancel(&self) -> bool {
        self.state.cancelling.load(Ordering::SeqCst)
    }

    /// Cancels arrive again.
    pub fn release_cancels(&self) {
        self.state.holds_cancels.store(false, Ordering::SeqCst);
    }
}

#[allow(dead_code, reason = "tests/soak alone disturbs links so")]
impl Proxy {
    /// From now on each piece of at most 16 KiB arrives this much later than the one before it.
    pub fn delay(&self, delay: Duration) {
        let delay = u64::try_from(delay.as_millis()).unwrap();
        self.state.delay.store(delay, Ordering::SeqCst);
    }

    /// From now on nothing passes, not even the end of a connection.
    pub fn stall(&self) {
        self.state.stalled.store(true, Ordering::SeqCst);
    }

    /// What was stalled or delayed passes again.
    pub fn restore(&self) {
        self.state.delay.store(0, Ordering::SeqCst);
        self.state.stalled.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn pass(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        for end in [&client, &server] {
            let _ = end.set_nodelay(true);
        }
        let connection = Arc::new(Connection {
            client,
            server,
            held: AtomicBool::new(false),
        });
        let known = Arc::downgrade(&connection);
        self.connections.lock().unwrap().push(known);
        for from_client in [true, false] {
            let (state, connection) = (Arc::clone(self), Arc::clone(&connection));
            thread::spawn(move || {
                let _ = state.pump(&connection, from_client);
                connection.end();
            });
        }
    }

    /// Passes on what one side sends, until either side ends.
    fn pump(&self, connection: &Connection, from_client: bool) -> std::io::Result<()> {
        let (mut from, mut to) = if from_client {
            (&connection.client, &connection.server)
        } else {
            (&connection.server, &connection.client)
        };
        let mut piece = [0; 16 * 1024];
        let mut due = Instant::now();
        loop {
            let count = from.read(&mut piece)?;
            while self.stalled.load(Ordering::SeqCst) {
                thread::sleep(LOOK);
            }
            if from_client && self.holds_cancels.load(Ordering::SeqCst) && cancels(&piece[..count])
            {
                self.cancelling.store(true, Ordering::SeqCst);
                while self.holds_cancels.load(Ordering::SeqCst) {
                    thread::sleep(LOOK);
                }
            }
            while from_client && connection.held.load(Ordering::SeqCst) {
                // The end of the client must still end the connection.
                if from.peek(&mut [0])? == 0 {
                    return Ok(());
                }
                thread::sleep(LOOK);
            }
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst)));
            to.write_all(&piece[..count])?;
            if from_client {
                // Sleeps that take too long are made up for, but no longer ones.
                let now = Instant::now();
                due += self.pause;
                thread::sleep(due.saturating_duration_since(now));
                due = due.max(now);
            }
        }
    }
}

/// Whether a `basic.cancel` is in what a client sends: class 60, method 30.
fn cancels(piece: &[u8]) -> bool {
    piece.windows(4).any(|bytes| bytes == [0, 60, 0, 30])
}

impl Connection {
    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}
