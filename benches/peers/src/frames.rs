//! The broker's own limit for senders: frames made beforehand are written, confirms are counted, and
//! nothing else is done. No client that sends the same can be faster.

use crate::raw::{BODY, Broker, CHANNEL, HEADER, frame, method, short};
use crate::target::{ID, SENT_AT, Sending};
use anyhow::Result;
use clap::Args;

/// Of the properties in a content header: `delivery_mode`, `message_id`, `timestamp`.
const FLAGS: u16 = 1 << 12 | 1 << 7 | 1 << 6;
const PERSISTENT: u8 = 2;

#[derive(Args)]
pub struct Frames {
    #[command(flatten)]
    sending: Sending,
}

impl Frames {
    pub fn run(&self) -> Result<()> {
        let mut broker = Broker::open(&self.sending.target.url)?;
        let queue = short(self.sending.target.queue.as_bytes())?;
        broker.declare(&queue)?;
        broker.ask((85, 10), &[0], (85, 11))?;
        let task = self.task(&queue)?;
        let window = task.repeat(usize::try_from(self.sending.window)?);
        let (mut sent, mut confirmed) = (0, 0);
        while confirmed < self.sending.target.count {
            let free = self.sending.window - (sent - confirmed);
            if free >= self.sending.window.div_ceil(2) && sent < self.sending.target.count {
                let more = free.min(self.sending.target.count - sent);
                broker.write(&window[..task.len() * usize::try_from(more)?])?;
                sent += more;
            }
            confirmed = broker.confirmed(confirmed)?;
        }
        broker.close()
    }

    /// The frames of one task.
    fn task(&self, queue: &[u8]) -> Result<Vec<u8>> {
        let mandatory = 1;
        let publish = [&[0, 0][..], &short(b"")?, queue, &[mandatory]].concat();
        let size = self.sending.body.len() as u64;
        let header = [
            &[0, 60, 0, 0][..],
            &size.to_be_bytes(),
            &FLAGS.to_be_bytes(),
            &[PERSISTENT],
            &short(ID.as_bytes())?,
            &SENT_AT.to_be_bytes(),
        ];
        Ok([
            method(CHANNEL, (60, 40), &publish)?,
            frame(HEADER, CHANNEL, &header.concat())?,
            frame(BODY, CHANNEL, self.sending.body.as_bytes())?,
        ]
        .concat())
    }
}
