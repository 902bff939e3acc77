//! Completes a message that amiquip breaks off.
//!
//! A publish is several frames: the method, the header, the body. When the broker closes the channel
//! in between, amiquip answers with `channel.close-ok` at once and never sends the rest. RabbitMQ
//! takes that for a protocol error and closes the whole connection. So this module follows what
//! amiquip writes, and sends the missing frames before the answer. The broker discards them: to it
//! the channel is closed.

use super::frames::{BODY, CONTENT_HEADER, FRAME_MAX, HEADER, METHOD, frame};

const BASIC_PUBLISH: [u8; 4] = [0, 60, 0, 40];
const CHANNEL_CLOSE_OK: [u8; 4] = [0, 20, 0, 41];
/// A content header's payload: class, weight, no body, no properties.
const EMPTY_HEADER: [u8; 14] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Where a content header's payload holds the body's size.
const BODY_SIZE: std::ops::Range<usize> = HEADER + 4..HEADER + 12;
/// How many bytes are looked at for one write; far more than a socket takes.
const LOOK_AHEAD: usize = 1 << 20;
/// The most that is filled in, in bytes. If more is missing, the connection breaks.
const FILL_MAX: u64 = 16 << 20;

/// Follows what is written, frame by frame.
#[derive(Debug, Default)]
pub(super) struct CutContent {
    /// Bytes of the current frame that were not written yet.
    frame_left: usize,
    /// The message that is under way. Frames of several channels never mix within one, as each
    /// connection of ours publishes on one channel.
    open: Option<OpenContent>,
}

/// A message of which not all frames were written: its channel, and what is missing.
type OpenContent = (u16, Missing);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Header,
    /// This many bytes of the body.
    Body(u64),
}

/// What to write next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ContentWrite {
    /// This many bytes as they are.
    Pass(usize),
    /// These in place of this many.
    Replace(Vec<u8>, usize),
}

impl CutContent {
    /// What to write of `bytes`, which amiquip offers. They begin where the last write ended.
    pub(super) fn next(&self, bytes: &[u8]) -> ContentWrite {
        let most = bytes.len().min(LOOK_AHEAD);
        let mut at = self.frame_left;
        let mut open = self.open;
        while let Some(frame) = bytes[..most].get(at..).and_then(Frame::first) {
            if let (true, Some((channel, missing))) = (frame.is(CHANNEL_CLOSE_OK), open) {
                if channel == frame.channel {
                    if at > 0 {
                        return ContentWrite::Pass(at);
                    }
                    return match fill(channel, missing) {
                        Some(fill) => {
                            ContentWrite::Replace([&fill, &bytes[..frame.len]].concat(), frame.len)
                        }
                        None => ContentWrite::Pass(frame.len),
                    };
                }
            }
            open = frame.after(open);
            at += frame.len;
        }
        ContentWrite::Pass(most)
    }

    /// `count` of `bytes` were written, or others in their place.
    pub(super) fn written(&mut self, bytes: &[u8], count: usize) {
        let mut at = self.frame_left;
        while at < count {
            let Some(frame) = bytes.get(at..).and_then(Frame::first) else {
                // amiquip offers whole frames.
                break;
            };
            self.open = frame.after(self.open);
            at += frame.len;
        }
        self.frame_left = at.saturating_sub(count);
    }
}

/// The beginning of a frame.
struct Frame<'a> {
    kind: u8,
    channel: u16,
    /// All of it, in bytes.
    len: usize,
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let size: [u8; 4] = bytes.get(3..HEADER)?.try_into().ok()?;
        Some(Self {
            kind: bytes[0],
            channel: u16::from_be_bytes([bytes[1], bytes[2]]),
            len: HEADER + usize::try_from(u32::from_be_bytes(size)).ok()? + 1,
            bytes,
        })
    }

    fn is(&self, method: [u8; 4]) -> bool {
        self.kind == METHOD && self.bytes.get(HEADER..HEADER + 4) == Some(&method)
    }

    /// The message that is under way after this frame; `open` was before it.
    fn after(&self, open: Option<OpenContent>) -> Option<OpenContent> {
        match self.kind {
            METHOD if self.is(BASIC_PUBLISH) => Some((self.channel, Missing::Header)),
            METHOD if self.is(CHANNEL_CLOSE_OK) => None,
            CONTENT_HEADER => {
                let size = self.bytes.get(BODY_SIZE)?.try_into().ok()?;
                match u64::from_be_bytes(size) {
                    0 => None,
                    size => Some((self.channel, Missing::Body(size))),
                }
            }
            BODY => match open? {
                (channel, Missing::Body(size)) => {
                    let left = size.saturating_sub((self.len - HEADER - 1) as u64);
                    (left > 0).then_some((channel, Missing::Body(left)))
                }
                header @ (_, Missing::Header) => Some(header),
            },
            _ => open,
        }
    }
}

/// The frames that are missing; `None` where they are too many.
fn fill(channel: u16, missing: Missing) -> Option<Vec<u8>> {
    let mut left = match missing {
        Missing::Header => return Some(frame(CONTENT_HEADER, channel, &EMPTY_HEADER)),
        Missing::Body(size) if size > FILL_MAX => return None,
        Missing::Body(size) => usize::try_from(size).ok()?,
    };
    let mut frames = Vec::new();
    while left > 0 {
        let piece = left.min(FRAME_MAX as usize - HEADER - 1);
        frames.extend(frame(BODY, channel, &vec![0; piece]));
        left -= piece;
    }
    Some(frames)
}

#[cfg(test)]
mod tests;
