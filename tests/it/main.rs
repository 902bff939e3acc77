//! Tests of both commands on real RabbitMQ brokers. `scripts/test` brings everything up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// What every test needs.
mod env;

/// What the tutorial teaches, lesson by lesson.
mod lessons;

/// What a user reads when something is wrong, and the exit code.
mod errors;

/// Peers that send garbage, too much, too slowly, or what would crash a client.
mod hostile;

/// Terminal escapes in whatever comes from outside.
mod escapes;

/// Passwords, which must not show anywhere.
mod secrets;

/// Users who may do only what a command needs.
mod permissions;

/// Slots that begin the next task by themselves.
mod next_tasks;

/// Short tasks that are taken ahead.
mod prefetching;

/// Lost connections, restarted and frozen brokers.
mod recovery;

/// TLS: trust, client certificates, versions, and all that must hold over it as well.
mod tls;

/// Ctrl+C, SIGTERM, `--grace`, and a stdout that nobody reads.
mod stopping;

/// Ctrl+C and SIGTERM while one task is sent.
mod interrupting;

/// A stdout or stderr that nobody reads any more.
mod unread;

/// `--max-load`, `--min-memory`: workers that are kind to their hosts.
mod host;

/// The first process of a container.
#[cfg(target_os = "linux")]
mod first_process;

/// Command lines that do not mean what they say.
mod mistakes;

/// What a worker does without working.
mod dead_letters;

/// `worker --status` with the management API.
mod management;

/// Numbers and probes over HTTP (`worker --metrics`).
mod metrics;

/// What a service manager is told (`NOTIFY_SOCKET`).
mod notify;

/// What a person sees: rows, bars, notes.
mod terminal;

/// What is sent and how it is shown: bodies, properties, JSON events.
mod tasks;

/// Files of tasks: records, windows, faults in the middle.
mod bulk;

/// What could not be sent, kept to be sent later.
mod unsent;

/// Results that are collected later.
mod results;

/// The outcome of tasks as `new_task --wait` tells it.
mod waiting;

/// The log of `--joblog`, and what `--resume` makes of it.
mod joblog;

/// Lines of output behind their task (`--tag`).
mod tagging;

/// Runs that stop when they have seen enough (`--halt`), and those that are not far ahead.
mod halting;

/// Delays, priorities, times to live, on both types of queue.
mod delays;

/// Where RabbitMQ's series differ.
mod series;

/// Queues that may not grow longer.
mod backlog;

/// What type a queue really has, and what follows from it.
mod queue_types;

/// How often a send goes back and forth.
mod round_trips;

/// How commands are run.
mod running;

/// What becomes of tasks whose command fails, or kills its worker.
mod failures;

/// Where something is too large or too little: sizes, limits, alarms.
mod adversity;

/// Dead letters, retries and results that the broker takes slowly, or not at all.
mod copies;

/// The outcome told to the client that waits for it.
mod answers;

/// Workers killed at random, the broker restarted.
mod chaos;

/// The model broker of the simulation, compared with a real one (`scripts/simulate --compare`).
#[cfg(feature = "simulation")]
mod model;

/// The tutorial's own programs, in Python and PHP, together with ours.
mod interop;

/// Completions for shells.
mod completions;

/// Help texts and manual pages, and whether they name all there is.
mod help;

/// README and the help texts.
mod readme;
