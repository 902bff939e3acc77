//! The wall around amiquip: the one module that knows the client library.
//!
//! No type of amiquip's appears in what other modules see. Read `open` first (how a connection
//! comes about), then `channel` and `consuming`. `tls` carries `amqps://`. amiquip's dangers, and
//! where each is dealt with:
//!
//! 1. Dropping a `Consumer` races with its own cancel: `consuming` cancels and drains first.
//! 2. `ConfirmSmoother` turns nacks into acks: `publisher::core` tracks tags itself.
//! 3. `close` and every drop hang while the broker blocks the connection: `watchdog` guards
//!    each, and [`Link`] throws its kill switch before it is dropped.
//! 4. Client and server that close at once panic the I/O thread: [`crate::base::logging`] keeps that
//!    panic quiet, `panic = "abort"` is never set, and errors of a close after all was confirmed
//!    are not failures ([`Link::close`]).
//! 5. Short strings of more than 255 bytes corrupt the stream: tasks and names
//!    of queues refuse them.
//! 6. Header values that are not UTF-8 drop the rest of the table: [`Properties`] takes `&str`.
//! 7. `immediate` kills the connection and a consumer's channel is unbounded: `channel` never
//!    sets the one and always sets a prefetch unless the user asks for none.
//!    A broker that hands out more than the prefetch is given up (`consuming`).
//! 8. A body is copied whole into the write buffer: bodies are bounded by what the broker takes.
//! 9. It answers `channel.close` in the middle of a message, which breaks the connection:
//!    `cut_content` completes the message first.
//! 10. Its parser calls itself for tables in tables, and trusts sizes: `frame_guard` checks and defuses all
//!     that comes in (`frames`, `payload`), before amiquip sees it.

mod acks;
mod channel;
mod confirms;
mod connecting;
pub mod connector;
mod consume;
mod consuming;
mod cut_content;
mod delivery;
mod dial;
mod early_frames;
mod early_open;
mod errors;
mod field_table;
mod frame_guard;
mod frames;
#[cfg(test)]
pub(crate) mod fuzz;
mod gate;
mod kill_switch;
mod leavable;
mod link;
mod open;
mod options;
mod patience;
mod payload;
mod properties;
mod publish_news;
mod queue;
mod start_ok;
mod tls;
mod violation;
mod watchdog;

pub use channel::Channel;
pub use confirms::{Confirms, Heard, Waited};
pub use connecting::Connecting;
pub use consume::{ConsumeOptions, Prefetch};
pub use consuming::{ConsumerEvent, Consuming};
pub use delivery::{AckMode, AckToken, Delivery};
pub use link::{Link, Series};
pub use open::open;
pub use options::{FramesInFlight, OpenOptions};
pub use properties::{DIRECT_REPLY_TO, Properties};
pub use publish_news::{Confirm, PublishNews};
pub use queue::{Declared, QueueArguments};
pub use tls::{Peer, Session as TlsSession, Tls};

use std::time::Duration;

/// How long one request to the broker may take before the connection is given up. A healthy
/// broker answers in milliseconds; one that is busy with a large backlog in seconds.
const RPC_LIMIT: Duration = Duration::from_secs(30);

/// How long the goodbye may take. Nothing depends on it any more.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
