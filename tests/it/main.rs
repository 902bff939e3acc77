//! Tests of both commands on real RabbitMQ brokers. `scripts/test` brings everything up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// What every test needs.
mod env;

/// What the tutorial teaches, lesson by lesson.
mod lessons;

/// What a user reads when something is wrong, and the exit code.
mod errors;

/// Lost connections, restarted and frozen brokers.
mod recovery;

/// Ctrl+C, SIGTERM, `--grace`, and a stdout that nobody reads.
mod stopping;

/// What is sent and how it is shown: bodies, properties, JSON events.
mod tasks;

/// The tutorial's own programs, in Python and PHP, beside ours.
mod interop;

/// README and the help texts.
mod readme;
