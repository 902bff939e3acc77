//! Sends the protocol header and the first `channel.open` early, to save a round trip.
//!
//! Each step of a connection waits for the broker's answer to the one before, and for amiquip's
//! threads. Two need not:
//!
//! - AMQP's protocol header goes out as soon as there is a stream, while amiquip sets itself up.
//! - `channel.open` goes out right behind `connection.open`: every connection of ours needs a channel,
//!   and a broker reads one after the other. When amiquip sends its own `channel.open`, it is kept
//!   back and answered at once; the broker's answer, which says nothing, does not reach amiquip.
//!
//! So a send takes one round trip less, and the broker prepares the channel while we get ready. A sender
//! also asks there, at no cost, whether its queue is there: see [`super::OpenOptions`].

use super::early_frames::{
    CHANNEL, CHANNEL_OPEN_OK, CONNECTION_OPEN_OK, OPEN, OPEN_OK, channel, ends_with_open,
    frame_len, method, passive_declare,
};

/// The first that a client sends: AMQP 0-9-1.
pub(super) const PROTOCOL_HEADER: [u8; 8] = *b"AMQP\0\0\x09\x01";

/// What becomes of bytes that amiquip writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EarlyWrite {
    /// This many of them go out as they are.
    Pass(usize),
    /// All of them go out, and these behind them: the channel's opening.
    Append(Vec<u8>),
    /// This many of them stay here.
    Keep(usize),
}

/// How many bytes of frames are held back until amiquip knows their channel: room for a
/// `channel.close` with the longest text. A peer that says more is left to amiquip, which gives it up.
const HELD_MAX: usize = 1024;

/// Follows a connection until its first channel is open.
#[derive(Debug, Default)]
pub(super) struct EarlyOpen {
    stage: OpenStage,
    /// What goes out behind `channel.open`.
    behind_open: Vec<u8>,
    /// What amiquip may read.
    ready: Vec<u8>,
}

#[derive(Debug, Default)]
enum OpenStage {
    /// The protocol header was written by us; amiquip's stays here.
    Greeted,
    /// `connection.open` was not written yet.
    #[default]
    Before,
    /// The channel is asked for, by us.
    Asked(AskedChannel),
    /// There is nothing more to do.
    Over,
}

#[derive(Debug, Default)]
struct AskedChannel {
    /// Bytes of amiquip's current frame that were not written yet.
    unwritten: usize,
    /// amiquip has asked, too.
    twice: bool,
    /// The broker has answered.
    answered: bool,
    /// The beginning of a frame of the broker's.
    partial: Vec<u8>,
    /// Frames of the channel that came before amiquip has asked for it: it would not know them.
    held: Vec<u8>,
}

impl EarlyOpen {
    /// The channel looks for a queue of this name as it opens.
    pub(super) fn looking_for(queue: Option<&str>) -> Self {
        Self {
            behind_open: queue.map(passive_declare).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Whether the channel looks for a queue as it opens.
    pub(super) fn looks_for_queue(&self) -> bool {
        !self.behind_open.is_empty()
    }

    /// The protocol header was written.
    pub(super) fn greeted(&mut self) {
        self.stage = OpenStage::Greeted;
    }

    /// What becomes of `bytes`, the next that amiquip writes. `is_between_frames`: the broker has
    /// sent nothing but whole frames so far.
    pub(super) fn outgoing(&mut self, bytes: &[u8], is_between_frames: bool) -> EarlyWrite {
        match &mut self.stage {
            OpenStage::Greeted => {
                self.stage = OpenStage::Before;
                if bytes.starts_with(&PROTOCOL_HEADER) {
                    return EarlyWrite::Keep(PROTOCOL_HEADER.len());
                }
                EarlyWrite::Pass(bytes.len())
            }
            OpenStage::Before if ends_with_open(bytes) => {
                if !is_between_frames {
                    self.stage = OpenStage::Over;
                    return EarlyWrite::Pass(bytes.len());
                }
                self.stage = OpenStage::Asked(AskedChannel::default());
                EarlyWrite::Append([&OPEN, self.behind_open.as_slice()].concat())
            }
            OpenStage::Asked(asked) if !asked.twice => {
                if asked.unwritten == 0 && bytes.starts_with(&OPEN) {
                    asked.twice = true;
                    self.ready.extend(OPEN_OK);
                    self.ready.append(&mut asked.held);
                    self.end_if_done();
                    return EarlyWrite::Keep(OPEN.len());
                }
                if asked.unwritten == 0 {
                    asked.unwritten = frame_len(bytes).unwrap_or(bytes.len());
                }
                EarlyWrite::Pass(asked.unwritten.min(bytes.len()))
            }
            OpenStage::Before | OpenStage::Asked(_) | OpenStage::Over => {
                EarlyWrite::Pass(bytes.len())
            }
        }
    }

    /// `count` bytes that might pass were written.
    pub(super) fn written(&mut self, count: usize) {
        if let OpenStage::Asked(asked) = &mut self.stage {
            asked.unwritten = asked.unwritten.saturating_sub(count);
        }
    }

    /// Whether what the broker sends has to come by [`EarlyOpen::incoming`].
    pub(super) fn is_watching(&self) -> bool {
        matches!(self.stage, OpenStage::Asked(_))
    }

    /// Takes what the broker has sent, and tells whether the connection is open now. Frames must have
    /// been checked for their size.
    pub(super) fn incoming(&mut self, bytes: &[u8]) -> bool {
        let OpenStage::Asked(asked) = &mut self.stage else {
            self.ready.extend_from_slice(bytes);
            return false;
        };
        let mut opened = false;
        asked.partial.extend_from_slice(bytes);
        while let Some(len) = frame_len(&asked.partial) {
            let frame = asked.partial.drain(..len);
            let method = method(frame.as_slice());
            opened |= method == Some((0, CONNECTION_OPEN_OK));
            if !asked.answered && method == Some((CHANNEL, CHANNEL_OPEN_OK)) {
                asked.answered = true;
            } else if !asked.twice
                && asked.held.len() < HELD_MAX
                && channel(frame.as_slice()) == Some(CHANNEL)
            {
                asked.held.extend(frame);
            } else {
                self.ready.extend(frame);
            }
        }
        self.end_if_done();
        opened
    }

    fn end_if_done(&mut self) {
        if let OpenStage::Asked(asked) = &mut self.stage {
            if asked.twice && asked.answered {
                self.ready.append(&mut asked.partial);
                self.stage = OpenStage::Over;
            }
        }
    }

    /// Whether there is something to read.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Reads what is ready.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let count = self.ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.ready[..count]);
        self.ready.drain(..count);
        count
    }
}

#[cfg(test)]
mod tests;
