//! A message as the core sees it.

use crate::queues::Destination;

/// What the core must know of a message's content.
pub trait Payload: 'static {
    /// `message_id`, by which a message that came back is recognised.
    fn id(&self) -> Option<&str>;
    /// Bytes of the body.
    fn body_len(&self) -> usize;
    /// Bytes of the content header frame's payload. It cannot be split over frames.
    fn header_len(&self) -> usize;
}

/// A message to be confirmed.
#[derive(Clone, Debug)]
pub struct Message<P> {
    /// Its number, which is also in its verdict. Of messages to one destination those with smaller
    /// numbers are sent first.
    pub number: u64,
    /// Where it goes.
    pub to: Destination,
    /// What it consists of.
    pub payload: P,
}

/// Whether a message without a verdict may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It did not: it was never sent, or the broker refused it.
    No,
    /// It may have.
    Perhaps,
}

/// A message within the core.
#[derive(Debug)]
pub(super) struct Entry<P> {
    pub(super) number: u64,
    /// The index of its route.
    pub(super) route: usize,
    pub(super) to: Destination,
    pub(super) mark: Mark,
    pub(super) sent: Sent,
    pub(super) payload: P,
}

impl<P> Entry<P> {
    /// The same, which may have arrived.
    pub(super) fn perhaps(self) -> Self {
        let sent = Sent::Perhaps;
        Self { sent, ..self }
    }
}

/// What is special about a message in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing.
    None,
    /// It came back; its confirm is still to come.
    Returned,
    /// Its owner does not want it any more, unless it is confirmed: it gets its verdict then.
    Unwanted,
    /// The same, and it has its verdict.
    Withdrawn,
}
