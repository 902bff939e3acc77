//! How a connection comes about, with a deadline over all of it, and how it ends.

use super::errors;
use super::frame_guard::{GuardedStream, Observed};
use super::frames::FRAME_MAX;
use super::kill_switch::KillSwitch;
use super::link::Link;
use super::options::{FramesInFlight, OpenOptions};
use super::tls::{self, Prepared};
use super::watchdog::{Watch, Watchdog};
use crate::base::endpoint::{Endpoint, LogIn, Scheme};
use crate::base::fault::{Fault, Kind};
use amiquip::{Auth, ConnectionOptions, ConnectionTuning, IoStream};
use crossbeam_channel::{after, bounded, select};
use std::cell::RefCell;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

/// Unsent bytes at which publishing waits: amiquip's default.
const HIGH_WATER: usize = 16 << 20;

/// Opens a connection to `endpoint`. One attempt, over all addresses of its name.
///
/// # Errors
/// [`Kind::Unreachable`] where another try may help, [`Kind::Refused`] for credentials and vhosts,
/// [`Kind::SetUp`] where no try will help, [`Kind::Interrupted`] when cancelled.
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
        recv(options.when_cancelled) -> _ => Fault::new(Kind::Interrupted, "interrupted while connecting"),
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
        let tls = match self.endpoint.scheme {
            Scheme::Tcp => None,
            // First of all: files that cannot be used are told even where no broker answers.
            Scheme::Tls => Some(self.options.tls.prepare((&self.endpoint).into())?),
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
        let (transport, failure) = match tls {
            None => {
                let socket = mio::net::TcpStream::from_stream(socket).map_err(socket_error)?;
                (Box::new(socket) as Box<dyn IoStream>, None)
            }
            Some(prepared) => {
                let tls = &self.options.tls;
                let stream = tls::shake_hands(prepared, (&self.endpoint).into(), tls, socket)?;
                let failure = stream.failure();
                (Box::new(stream) as Box<dyn IoStream>, Some(failure))
            }
        };
        let observed = Arc::new(Observed::default());
        let stream = GuardedStream::new(
            transport,
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
                .and_then(|failure| failure.explained((&self.endpoint).into(), &self.options.tls))
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
            self.options.when_cancelled.clone(),
        );
        let link = Link {
            connection: Some(connection),
            blocked,
            watchdog: Arc::new(watchdog),
            switch,
            observed,
            address: self.endpoint.address(),
            noted: RefCell::default(),
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
