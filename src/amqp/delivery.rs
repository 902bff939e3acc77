//! A message that the broker delivered, and what it is settled with.

use super::Properties;

/// Who settles deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckMode {
    /// We acknowledge each one.
    ByUs,
    /// The broker forgets each as it sends it (`no_ack`).
    ByTheBroker,
}

/// A message that the broker handed to us.
#[derive(Debug)]
pub struct Delivery {
    /// The body.
    pub body: Vec<u8>,
    /// The properties and headers.
    pub properties: Properties,
    /// Whether the broker may have handed it out before.
    pub redelivered: bool,
    /// What it is settled with.
    pub token: AckToken,
}

/// Names one delivery, to settle it: by its channel and the broker's tag. On another channel the
/// same tag would settle another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AckToken {
    /// The channel that it came over.
    pub channel: u64,
    /// Its number on that channel, from 1.
    pub tag: u64,
}

impl Delivery {
    /// What came over the channel with this number. Body and properties are taken out.
    pub(super) fn take(from: &mut amiquip::Delivery, channel: u64) -> Self {
        Self {
            body: std::mem::take(&mut from.body),
            properties: Properties::new(std::mem::take(&mut from.properties)),
            redelivered: from.redelivered,
            token: AckToken {
                channel,
                tag: from.delivery_tag(),
            },
        }
    }
}
