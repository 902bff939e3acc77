//! Asks for a queue that may not be there.

use crate::amqp::{Declared, Link};
use crate::base::fault::Fault;
use crate::base::refusal;

/// The counts of a queue, where it exists. A queue that does not closes the channel.
pub fn inspect(link: &mut Link, queue: &str) -> Result<Option<Declared>, Fault> {
    let channel = link.channel()?;
    match channel.inspect(queue) {
        Ok(declared) => Ok(Some(declared)),
        Err(fault) => match fault.reply() {
            // 404 also stands for a queue whose node is down.
            Some(reply) if refusal::is_missing(reply, queue) => Ok(None),
            _ => Err(fault),
        },
    }
}
