//! What both commands take.

use super::Generate;
use super::values::{heartbeat, read_password};
use crate::amqp::connector::{Connector, RetryFor};
use crate::amqp::{FramesInFlight, OpenOptions, Tls};
use crate::base::cancellation::WhenCancelled;
use crate::base::duration::duration;
use crate::base::endpoint::{Endpoint, Scheme};
use crate::base::fault::{Fault, Kind};
use crate::base::when_slow::WhenSlow;
use crate::output::{Color, LogFormat, Report, Verbosity};
use crate::queues::{DEFAULT_QUEUE, Declare, QueueName, QueueType, WorkQueue};
use clap::{ArgAction, Args, ValueHint};
use std::path::PathBuf;
use std::time::Duration;

/// The options of both commands.
#[derive(Args, Debug)]
pub struct Common {
    /// URL of the broker; for a cluster, URLs of its nodes, separated by commas
    ///
    /// amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS. The nodes of a cluster are tried
    /// in turn.
    #[arg(
        short,
        long,
        value_name = "URL",
        env = "AMQP_URL",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "amqp://guest:guest@localhost:5672",
        help_heading = "Broker"
    )]
    url: Vec<String>,

    /// Read the password from FILE
    ///
    /// This keeps it out of the arguments and the environment. A newline at the end of FILE does
    /// not belong to the password.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Broker")]
    password_file: Option<PathBuf>,

    /// TLS: trust the CA certificates in file PEM instead of the system's
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath, help_heading = "Broker")]
    cacert: Option<PathBuf>,

    /// TLS: present the client certificate in file PEM
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath, help_heading = "Broker")]
    cert: Option<PathBuf>,

    /// TLS: read the private key, unencrypted, from file PEM [default: the file of --cert]
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath, requires = "cert", help_heading = "Broker")]
    key: Option<PathBuf>,

    /// Give up a connection attempt after DUR, handshakes included
    #[arg(
        value_parser = duration,
        long,
        value_name = "DUR",
        default_value = "10s",
        help_heading = "Broker"
    )]
    connect_timeout: Duration,

    /// Give up a connection that is silent for twice DUR
    #[arg(long, value_name = "DUR", default_value = "20s", value_parser = heartbeat, help_heading = "Broker")]
    heartbeat: Duration,

    /// Name of the work queue
    #[arg(
        short,
        long,
        value_name = "NAME",
        env = "TASK_QUEUE",
        hide_env_values = true,
        default_value = DEFAULT_QUEUE,
        help_heading = "Queue"
    )]
    queue: QueueName,

    /// Type of the queue
    ///
    /// Without it, a new queue gets the broker's default type, and an existing one is used whatever
    /// its type.
    #[arg(long, value_name = "TYPE", help_heading = "Queue")]
    queue_type: Option<QueueType>,

    /// Give a classic queue priorities from 0 to N; RabbitMQ advises at most 5
    ///
    /// Quorum queues need no declaration: their priorities depend on the broker.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), help_heading = "Queue")]
    max_priority: Option<u8>,

    /// Use the queue as it is; needs no permission to declare it
    #[arg(long, conflicts_with_all = ["queue_type", "max_priority"], help_heading = "Queue")]
    no_declare: bool,

    /// Print events as lines for people or as JSON objects, one per line
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub log_format: LogFormat,

    /// Print shell completions or the manual page, then exit
    #[arg(long, value_name = "WHAT", help_heading = "Output")]
    pub generate: Option<Generate>,

    /// Write all of them to their places under DIR, such as ~/.local, then exit
    #[arg(
        long,
        value_name = "DIR",
        value_hint = ValueHint::DirPath,
        conflicts_with = "generate",
        help_heading = "Output"
    )]
    pub generate_to: Option<PathBuf>,

    /// Print only errors
    #[arg(long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Print more; -vv also logs the AMQP client
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// When to use colours
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub color: Color,
}

impl Common {
    /// The work queue.
    #[must_use]
    pub fn work_queue(&self) -> WorkQueue {
        WorkQueue {
            name: self.queue.clone(),
            queue_type: self.queue_type,
            max_priority: self.max_priority,
            declare: if self.no_declare {
                Declare::No
            } else {
                Declare::Yes
            },
        }
    }

    /// The first option that only TLS has a use for.
    fn tls_option(&self) -> Option<&'static str> {
        let options = [("--cacert", &self.cacert), ("--cert", &self.cert)];
        let mut given = options.into_iter().filter(|(_, path)| path.is_some());
        given.next().map(|(option, _)| option)
    }

    /// How the broker is reached. Reads the password file. The options of TLS may be for something
    /// else that is connected to: `also`.
    pub fn connector(
        &self,
        connection_name: String,
        retry_for: RetryFor,
        when_cancelled: WhenCancelled,
        also: Option<Scheme>,
    ) -> Result<Connector, Fault> {
        let mut endpoints = Vec::new();
        for url in self.url.iter().map(|url| url.trim()) {
            endpoints.push(Endpoint::parse(url)?);
        }
        let schemes = endpoints.iter().map(|endpoint| endpoint.scheme);
        let any_tls = schemes.chain(also).any(|scheme| scheme == Scheme::Tls);
        if let (Some(option), false) = (self.tls_option(), any_tls) {
            return Err(Fault::new(
                Kind::SetUp,
                format!(
                    "{option} is for TLS, but the broker's URL is amqp://, which would not be \
                     encrypted; write amqps://, or leave {option} out"
                ),
            ));
        }
        if let Some(path) = &self.password_file {
            let password = read_password(path)?;
            for endpoint in &mut endpoints {
                endpoint.password = password.clone();
            }
        }
        Ok(Connector {
            endpoints,
            options: OpenOptions {
                timeout: self.connect_timeout,
                heartbeat: self.heartbeat,
                tls: Tls::new(self.cacert.clone(), self.cert.clone(), self.key.clone()),
                connection_name,
                frames_in_flight: FramesInFlight::Few,
                expected_queue: None,
                when_cancelled,
                when_slow: WhenSlow::default(),
            },
            retry_for,
        })
    }

    /// Where and how things are told.
    #[must_use]
    pub fn report(&self) -> Report {
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        Report::new(self.log_format, verbosity, self.color)
    }
}
