//! How a connection comes about, with a deadline over all of it, and how it ends.

use super::carrier::Carrier;
use super::channel::Channel;
use super::errors;
use super::frames::FRAME_MAX;
use super::guard::{GuardedStream, Observed};
use super::tls::{self, Prepared, Tls};
use super::watchdog::{KillSwitch, Watch, Watchdog, WhenCut};
use super::{CLOSE_LIMIT, RPC_LIMIT};
use crate::endpoint::{Endpoint, LogIn, Transport};
use crate::fault::{Fault, Kind};
use amiquip::{
    AmqpValue, Auth, ConnectionBlockedNotification, ConnectionOptions, ConnectionTuning,
};
use crossbeam_channel::{Receiver, after, bounded, select};
use std::cell::RefCell;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// Unsent bytes at which publishing waits: amiquip's default.
const HIGH_WATER: usize = 16 << 20;

/// What a connection is opened with.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// For all of it: name look-up, TCP, and the handshakes of TLS and AMQP.
    pub timeout: Duration,
    /// The broker is given up after two of these without a byte. Whole seconds from 1 to 65535
    /// pass over the wire; fractions are rounded up.
    pub heartbeat: Duration,
    /// What `amqps://` uses.
    pub tls: Tls,
    /// The name under which the broker lists the connection.
    pub connection_name: String,
    /// How many frames may wait for the thread that sends them.
    pub frames_in_flight: FramesInFlight,
    /// A queue that is expected to be there. The first channel looks for it as it opens, without
    /// a round trip of its own: where it is missing, the broker closes that channel with 404 and
    /// takes nothing that was published on it.
    pub expected_queue: Option<String>,
    /// Ends the attempt, and every call on the connection, when it is dropped.
    pub when_cut: WhenCut,
}

/// Frames that a channel may hand to the I/O thread before it waits. 16, amiquip's default, costs a
/// wake-up per frame; 0 deadlocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramesInFlight {
    /// 128: measured best all round.
    Few,
    /// 512: a quarter more small tasks a second. It can hold 64 MB of frames, so it is for
    /// connections on which the bodies under way are bounded otherwise.
    Many,
}

/// An open connection.
pub struct Link {
    /// `None` only after `close`.
    connection: Option<amiquip::Connection>,
    blocked: Receiver<ConnectionBlockedNotification>,
    /// What came of that while we looked whether the connection stands.
    noted: RefCell<Vec<ConnectionBlockedNotification>>,
    watchdog: Arc<Watchdog>,
    switch: KillSwitch,
    observed: Arc<Observed>,
    address: String,
    /// The first channel was asked for.
    has_channels: bool,
}

/// A series of RabbitMQ, as (4, 3). Unknown brokers count as the oldest.
pub type Series = (u16, u16);

/// Opens a connection to `endpoint`. One attempt, over all addresses of its name.
///
/// # Errors
/// [`Kind::Unreachable`] where another try may help, [`Kind::Refused`] for credentials and vhosts,
/// [`Kind::SetUp`] where no try will help, [`Kind::Interrupted`] when cut.
pub fn open(endpoint: &Endpoint, options: &OpenOptions) -> Result<Link, Fault> {
    let (switch_sender, switches) = bounded(16);
    let (result_sender, results) = bounded(1);
    let attempt = Attempt {
        endpoint: endpoint.clone(),
        options: options.clone(),
        deadline: Instant::now() + options.timeout,
    };
    // The look-up of a name knows no time-out, and amiquip's handshake only an idle one, which a
    // peer that sends a byte a second defeats. So all of it runs on a thread that can be left.
    // Later that thread watches over the connection.
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            let opened = attempt.run(|switch| {
                let _ = switch_sender.try_send(switch);
            });
            match opened {
                Ok((link, watch)) => {
                    let _ = result_sender.send(Ok(link));
                    // A link that nobody takes any more goes with the channel, and ends the watch.
                    drop((result_sender, switch_sender, attempt));
                    watch.run();
                }
                Err(fault) => {
                    let _ = result_sender.send(Err(fault));
                }
            }
        })
        .map_err(|error| {
            let text = format!("cannot start a thread to connect with: {error}");
            Fault::new(Kind::Unreachable, text)
        })?;
    let fault = select! {
        recv(results) -> opened => match opened {
            Ok(opened) => return opened,
            Err(_) => errors::cannot_connect(endpoint, "the attempt ended unexpectedly"),
        },
        recv(options.when_cut) -> _ => Fault::new(Kind::Interrupted, "interrupted while connecting"),
        recv(after(options.timeout)) -> _ => errors::timed_out(endpoint, options.timeout),
    };
    switches.try_iter().for_each(|switch| switch.throw());
    Err(fault)
}

struct Attempt {
    endpoint: Endpoint,
    options: OpenOptions,
    deadline: Instant,
}

impl Attempt {
    fn run(&self, mut announce: impl FnMut(KillSwitch)) -> Result<(Link, Watch), Fault> {
        let tls = match self.endpoint.transport {
            Transport::Tcp => None,
            // First of all: files that cannot be used are told even where no broker answers.
            Transport::Tls => Some(self.options.tls.prepare(&self.endpoint)?),
        };
        let target = (self.endpoint.host.as_str(), self.endpoint.port);
        let addresses = target
            .to_socket_addrs()
            .map_err(|error| errors::unknown_host(&self.endpoint, &error))?;
        let mut failures = Vec::new();
        for address in addresses {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(errors::timed_out(&self.endpoint, self.options.timeout));
            }
            match TcpStream::connect_timeout(&address, left) {
                Ok(socket) => return self.handshake(socket, tls, &mut announce),
                Err(error) => failures.push((address, error)),
            }
        }
        Err(errors::no_address_answers(&self.endpoint, &failures))
    }

    fn handshake(
        &self,
        socket: TcpStream,
        tls: Option<Prepared>,
        announce: &mut impl FnMut(KillSwitch),
    ) -> Result<(Link, Watch), Fault> {
        let socket_error = |error: std::io::Error| {
            errors::cannot_connect(&self.endpoint, &format!("the socket failed: {error}"))
        };
        // Without it, a publish and its confirm take 43 ms instead of 0.4 ms on loopback.
        socket.set_nodelay(true).map_err(socket_error)?;
        let switch = KillSwitch::new(socket.try_clone().map_err(socket_error)?);
        announce(switch.clone());
        let (carrier, failure) = match tls {
            None => {
                let socket = mio::net::TcpStream::from_stream(socket).map_err(socket_error)?;
                (Carrier::Tcp(socket), None)
            }
            Some(prepared) => {
                let tls = &self.options.tls;
                let stream = tls::shake_hands(prepared, &self.endpoint, tls, socket)?;
                let failure = stream.failure();
                (Carrier::Tls(Box::new(stream)), Some(failure))
            }
        };
        let observed = Arc::new(Observed::default());
        let stream = GuardedStream::new(
            carrier,
            self.options.connection_name.clone(),
            self.options.expected_queue.as_deref(),
            Arc::clone(&observed),
        );
        let tuning = ConnectionTuning::default()
            .mem_channel_bound(match self.options.frames_in_flight {
                FramesInFlight::Few => 128,
                FramesInFlight::Many => 512,
            })
            .buffered_writes_high_water(HIGH_WATER)
            // 0, the default, stalls publishing for seconds against a slow broker.
            .buffered_writes_low_water(HIGH_WATER / 2);
        let opened = amiquip::Connection::insecure_open_stream(stream, self.options(), tuning);
        let mut connection = opened.map_err(|error| {
            failure
                .and_then(|failure| failure.explained(&self.endpoint, &self.options.tls))
                .unwrap_or_else(|| {
                    errors::handshake_failed(&self.endpoint, &self.options, &observed, error)
                })
        })?;
        let blocked = connection
            .listen_for_connection_blocked()
            .map_err(|error| {
                errors::handshake_failed(&self.endpoint, &self.options, &observed, error)
            })?;
        let (watchdog, watch) = Watchdog::new(
            switch.clone(),
            Arc::clone(&observed.written),
            self.options.when_cut.clone(),
        );
        let link = Link {
            connection: Some(connection),
            blocked,
            noted: RefCell::default(),
            watchdog: Arc::new(watchdog),
            switch,
            observed,
            address: self.endpoint.address(),
            has_channels: false,
        };
        Ok((link, watch))
    }

    fn options(&self) -> ConnectionOptions<Auth> {
        let heartbeat = self.options.heartbeat;
        let seconds = heartbeat.as_secs() + u64::from(heartbeat.subsec_nanos() > 0);
        // Never 0, which would mean none: a peer that vanishes would then never be noticed.
        let seconds = u16::try_from(seconds.max(1)).unwrap_or(u16::MAX);
        let auth = match self.endpoint.log_in {
            LogIn::Password => Auth::Plain {
                username: self.endpoint.user.clone(),
                password: self.endpoint.password.reveal().to_owned(),
            },
            LogIn::Certificate => Auth::External,
        };
        ConnectionOptions::default()
            .auth(auth)
            .virtual_host(&self.endpoint.vhost)
            .heartbeat(seconds)
            .frame_max(FRAME_MAX)
    }
}

impl Link {
    /// `host:port` of the broker.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The broker's series, from the version that it tells in the handshake.
    #[must_use]
    pub fn series(&self) -> Series {
        let connection = self.connection.as_ref();
        let version = connection.and_then(|open| open.server_properties().get("version"));
        match version {
            Some(AmqpValue::LongString(text)) => parse_series(text).unwrap_or_default(),
            _ => Series::default(),
        }
    }

    /// Whether the next channel looks for [`OpenOptions::expected_queue`] as it opens.
    #[must_use]
    pub fn looks_for_queue(&self) -> bool {
        !self.has_channels && self.observed.looks_for_queue.load(Ordering::Relaxed)
    }

    /// Opens a channel.
    pub fn channel(&mut self) -> Result<Channel, Fault> {
        self.has_channels = true;
        let guard = self.watchdog.guard(RPC_LIMIT);
        let opened = match self.connection.as_mut() {
            Some(connection) => connection.open_channel(None),
            None => Err(amiquip::Error::ClientClosedConnection),
        };
        drop(guard);
        match opened {
            Ok(channel) => Ok(Channel::new(channel, Arc::clone(&self.watchdog))),
            Err(error) => {
                let fault = errors::translate(&error);
                Err(self.diagnose(fault))
            }
        }
    }

    /// Why the broker does not take publishes at the moment, as far as `news` of this is waiting.
    /// The receiver is disconnected once the connection is gone.
    pub(super) fn blocked(&self) -> &Receiver<ConnectionBlockedNotification> {
        &self.blocked
    }

    /// The same that was taken out before.
    pub(super) fn take_noted(&self) -> Vec<ConnectionBlockedNotification> {
        self.noted.take()
    }

    /// The most telling reason for a `fault` that ended this connection. amiquip gives each
    /// cause once, to whoever asks first, and the connection itself is asked last.
    #[must_use]
    pub fn diagnose(&mut self, fault: Fault) -> Fault {
        if fault.kind != Kind::Lost || self.is_alive() {
            return fault;
        }
        let cause = match self.connection.take() {
            Some(connection) => {
                let _guard = self.watchdog.guard(CLOSE_LIMIT);
                connection.close().err()
            }
            None => None,
        };
        match cause {
            Some(cause) => errors::more_telling(fault, &cause, self.switch.is_thrown()),
            None => fault,
        }
    }

    /// Whether the connection still stands: its I/O thread holds the other end of `blocked`.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        use crossbeam_channel::TryRecvError;
        loop {
            match self.blocked.try_recv() {
                Ok(news) => self.noted.borrow_mut().push(news),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// How many bytes were written: while they leave, the broker cannot be expected to answer.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.observed.written.load(Ordering::Relaxed)
    }

    /// Ends the connection at once: nothing that is under way on it is waited for.
    pub fn give_up(&self) {
        self.switch.throw();
    }

    /// Says goodbye. An error only means that the broker did not answer it; all that was
    /// confirmed or acknowledged before is as safe as it was.
    pub fn close(&mut self) -> Result<(), Fault> {
        match self.connection.take() {
            Some(connection) => {
                let _guard = self.watchdog.guard(CLOSE_LIMIT);
                connection
                    .close()
                    .map_err(|error| errors::translate(&error))
            }
            None => Ok(()),
        }
    }
}

/// The series of a version such as `4.3.6` or `3.13.0-rc.1`.
fn parse_series(version: &str) -> Option<Series> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

impl Drop for Link {
    fn drop(&mut self) {
        // amiquip's own drop says goodbye and waits for the answer, for ever if it has to.
        if self.connection.is_some() {
            self.switch.throw();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_read_from_versions() {
        assert_eq!(parse_series("4.3.6"), Some((4, 3)));
        assert_eq!(parse_series("3.13.0-rc.1"), Some((3, 13)));
        assert_eq!(parse_series("4"), None);
        assert_eq!(parse_series("x.y"), None);
    }
}
