//! Makes a queue's declaration durable on brokers that keep queues in Mnesia.
//!
//! Such a broker writes a declaration to its log, flushes it, and answers. That the declaration was
//! committed stands in a second record, which in about one case of ten comes behind the flush. It is
//! written with the next one, or two seconds later (Erlang's `disk_log`). If the broker is killed
//! before, the queue is gone when it is back, and all that it had confirmed with it. (Measured on
//! 3.10.8: a queue gone in 6 of 44 kills.) So the next flush is brought about, by an exchange that is
//! declared and deleted.

use crate::amqp::{Channel, Series};
use crate::base::fault::Fault;
use std::thread;
use std::time::Duration;

/// Mnesia is gone from here on. (Before, a broker may have Khepri already; then it costs one round
/// trip.)
const FIRST_WITHOUT_MNESIA: Series = (4, 3);

/// After this time the record is written in any case: two seconds, and some more.
const WRITTEN: Duration = Duration::from_millis(2500);

/// The longest name that AMQP allows, in bytes.
const NAME_MAX: usize = 255;

/// Whether a queue that was just declared may be forgotten, on a broker of this `series`.
#[must_use]
pub fn may_forget(series: Series) -> bool {
    series < FIRST_WITHOUT_MNESIA
}

/// Returns when the broker remembers the queue of this name, with the channel; or without it, where
/// the user may not declare the exchange, which closes the channel, and is waited for instead.
///
/// # Errors
/// The connection is gone.
pub fn make_durable(channel: Channel, queue: &str) -> Result<Option<Channel>, Fault> {
    let exchange = format!("{queue}.sync");
    if exchange.len() > NAME_MAX {
        thread::sleep(WRITTEN);
        return Ok(Some(channel));
    }
    match channel.declare_and_delete_exchange(&exchange) {
        Ok(()) => Ok(Some(channel)),
        Err(fault) if fault.reply().is_none() => Err(fault),
        Err(_) => {
            drop(channel);
            thread::sleep(WRITTEN);
            Ok(None)
        }
    }
}
