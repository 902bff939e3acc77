//! The publisher's thread.

use super::relay::Relay;
use crate::amqp::connector::{Connector, RetryFor};
use crate::publisher::core::{Config, Connect, Core, Needed, Queues, Size, Upkeep};
use crate::publisher::{Driver, FRAME_MAX, WINDOW_BYTES};
use crate::queues::{QueueType, WorkQueue};
use crate::worker::core::Verdict;
use std::time::{Duration, Instant};

/// How many messages to one destination may be unconfirmed.
const WINDOW: usize = 256;

/// What the publisher must know.
#[derive(Clone)]
pub(in crate::worker) struct PublishingSettings {
    pub(in crate::worker) connector: Connector,
    pub(in crate::worker) queue: WorkQueue,
    /// The work queue's real type, as far as is known.
    pub(in crate::worker) queue_type: Option<QueueType>,
    /// Delays of which one is likely to follow upon the other.
    pub(in crate::worker) retry_delays: Vec<Duration>,
}

/// Runs the publisher until the worker wants nothing more.
pub(super) fn run(settings: PublishingSettings, mut relay: Relay) {
    let PublishingSettings {
        mut connector,
        queue,
        queue_type,
        retry_delays,
    } = settings;
    connector.retry_for = RetryFor::Forever;
    let queue_type = queue_type.unwrap_or(QueueType::Classic);
    let config = Config {
        queues: Queues {
            work: queue.clone(),
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type,
            retry_delays,
        },
        window: Size {
            messages: WINDOW,
            bytes: WINDOW_BYTES,
        },
        frame_max: FRAME_MAX,
        backlog: None,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::ZERO,
        connect: Connect::WhenNeeded,
    };
    let core = Core::new(config, Instant::now());
    let driver = Driver::new(connector, queue, queue_type, core, &mut relay);
    let (mut core, ended) = driver.run();
    if let Err(fault) = ended {
        relay.leave(&mut core, |_| Verdict::Undecided {
            fault: fault.clone(),
        });
    }
}
