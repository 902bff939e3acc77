//! Follows the frames of a byte stream without keeping them: a pure state machine.

use super::payload::{PayloadKind, PayloadReader};
use super::violation::Violation;

/// The largest frame payload that we agree to. It is RabbitMQ's own default for `frame_max`
/// (131,072 bytes), which counts the eight bytes around the payload.
pub(super) const FRAME_MAX: u32 = 131_072;

/// The largest content header that is taken. A broker checks its size when a message is published,
/// and not when it is delivered: by then it may have added `x-death` and counts of its own, and it
/// may have agreed to larger frames with the publisher. If we refused such a message, it would be
/// delivered again and again, and block those behind it.
pub(super) const CONTENT_HEADER_MAX: u32 = 16 << 20;

/// The largest body that RabbitMQ can be configured to take: `max_message_size` is at most
/// 512 MiB. amiquip reserves what a content header announces, so it must not announce more.
const BODY_MAX: u64 = 512 * 1024 * 1024;

/// Type, channel and size.
pub(super) const HEADER: usize = 7;
pub(super) const METHOD: u8 = 1;
pub(super) const CONTENT_HEADER: u8 = 2;
pub(super) const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
/// Behind the payload.
pub(super) const FRAME_END: u8 = 0xce;
/// The first byte of a TLS record that tells of an error.
const TLS_ALERT: u8 = 21;
/// A `connection.close` as far as its reply text, which has at most 255 bytes: class, method,
/// code, length and text.
const CLOSE_MAX: usize = 2 + 2 + 2 + 1 + 255;
/// Where a content header's payload holds the body's size, behind class and weight.
const CONTENT_SIZE: std::ops::Range<usize> = 4..12;

/// Follows a peer's frames across reads of any size.
#[derive(Debug, Default)]
pub(super) struct FrameScanner {
    /// The first bytes of the current frame: its header and enough of its payload to look at.
    head: Vec<u8>,
    /// Bytes of the frame beyond `head` that are still to come, its end mark included.
    remaining: usize,
    /// Follows the payload of the current frame, where it may hold tables.
    payload: Option<PayloadReader>,
    seen_first: bool,
    answers: Answers,
}

/// What a peer has sent that amiquip keeps until somebody asks for it, however much that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// Messages that no queue took, and confirms: at most two for each message.
    pub(super) to_messages: u64,
    /// Times that publishing was blocked and had not been freed before.
    pub(super) blocks_in_a_row: u64,
}

impl Answers {
    fn count(&mut self, class_and_method: (u32, u32)) {
        match class_and_method {
            (60, 50 | 80 | 120) => self.to_messages += 1,
            (10, 60) => self.blocks_in_a_row += 1,
            (10, 61) => self.blocks_in_a_row = 0,
            _ => {}
        }
    }
}

impl FrameScanner {
    /// Takes the next bytes, and defuses what [`PayloadReader`] tells of. Returns the reply code and text
    /// of a `connection.close` among them.
    pub(super) fn scan(
        &mut self,
        mut bytes: &mut [u8],
    ) -> Result<Option<(u16, String)>, Violation> {
        let mut close = None;
        while !bytes.is_empty() {
            if self.remaining > 0 {
                let count = self.remaining.min(bytes.len());
                self.remaining -= count;
                if self.remaining == 0 && bytes[count - 1] != FRAME_END {
                    return Err(Violation::BadFrame);
                }
                // The end mark may be among them, which no payload reaches.
                self.follow(&mut bytes[..count])?;
                bytes = &mut bytes[count..];
                continue;
            }
            let in_header = self.head.len() < HEADER;
            let count = (self.head_len() - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..count]);
            self.check_head()?;
            if in_header {
                self.begin_payload();
            } else {
                self.follow(&mut bytes[..count])?;
            }
            bytes = &mut bytes[count..];
            if self.head.len() == self.head_len() {
                self.check_content()?;
                close = close.or_else(|| close_reason(&self.head));
                self.remaining = HEADER + self.payload_len() + 1 - self.head.len();
                self.seen_first = true;
                self.head.clear();
            }
        }
        Ok(close)
    }

    /// Whether what has come so far is nothing but whole frames.
    pub(super) fn is_between_frames(&self) -> bool {
        self.remaining == 0 && self.head.is_empty()
    }

    /// How many bytes of the current frame are kept.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.head.capacity()
    }

    /// Once the frame's header is complete: its payload begins with the next byte.
    fn begin_payload(&mut self) {
        let kind = match self.head.first().filter(|_| self.head.len() == HEADER) {
            Some(&METHOD) => Some(PayloadKind::Method),
            Some(&CONTENT_HEADER) => Some(PayloadKind::ContentHeader),
            _ => None,
        };
        self.payload = kind.map(PayloadReader::new);
    }

    fn follow(&mut self, bytes: &mut [u8]) -> Result<(), Violation> {
        match &mut self.payload {
            Some(payload) => {
                let followed = payload.follow(bytes);
                if let Some(method) = payload.take_method() {
                    self.answers.count(method);
                }
                followed.map_err(|_| self.bad_frame())
            }
            None => Ok(()),
        }
    }

    /// What has come so far.
    pub(super) fn answers(&self) -> Answers {
        self.answers
    }

    fn payload_len(&self) -> usize {
        let size = [self.head[3], self.head[4], self.head[5], self.head[6]];
        u32::from_be_bytes(size) as usize
    }

    /// How many bytes of the current frame are looked at, as far as that is known yet.
    fn head_len(&self) -> usize {
        if self.head.len() < HEADER {
            return HEADER;
        }
        let payload = match &self.head[..3] {
            [METHOD, 0, 0] => CLOSE_MAX,
            [CONTENT_HEADER, ..] => CONTENT_SIZE.end,
            _ => 0,
        };
        HEADER + payload.min(self.payload_len())
    }

    fn check_head(&self) -> Result<(), Violation> {
        self.check_first_byte()?;
        if self.head.len() < HEADER {
            return Ok(());
        }
        let on_channel_0 = self.head[..3] == [METHOD, 0, 0];
        let most = if self.head[0] == CONTENT_HEADER {
            CONTENT_HEADER_MAX
        } else {
            FRAME_MAX
        };
        if self.payload_len() > most as usize || !(self.seen_first || on_channel_0) {
            return Err(self.bad_frame());
        }
        Ok(())
    }

    fn check_first_byte(&self) -> Result<(), Violation> {
        match self.head.as_slice() {
            [] | [METHOD | CONTENT_HEADER | BODY | HEARTBEAT, ..] => Ok(()),
            [b'A', rest @ ..]
                if !self.seen_first && b"MQP".starts_with(&rest[..rest.len().min(3)]) =>
            {
                // A broker that refuses our version answers with its own protocol header.
                if rest.len() >= 3 {
                    Err(Violation::OtherVersion)
                } else {
                    Ok(())
                }
            }
            [TLS_ALERT, ..] if !self.seen_first => Err(Violation::Tls),
            _ => Err(self.bad_frame()),
        }
    }

    fn bad_frame(&self) -> Violation {
        if self.seen_first {
            Violation::BadFrame
        } else {
            Violation::NotAmqp
        }
    }

    fn check_content(&self) -> Result<(), Violation> {
        if self.head[0] != CONTENT_HEADER {
            return Ok(());
        }
        let size: [u8; 8] = self.head[HEADER..]
            .get(CONTENT_SIZE)
            .and_then(|size| size.try_into().ok())
            .ok_or(Violation::BadFrame)?;
        if u64::from_be_bytes(size) > BODY_MAX {
            return Err(Violation::BodyTooLarge);
        }
        Ok(())
    }
}

/// A whole frame.
pub(super) fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend(payload);
    frame.push(FRAME_END);
    frame
}

/// The reply code and text, where `head` is the beginning of a `connection.close`.
fn close_reason(head: &[u8]) -> Option<(u16, String)> {
    const CLOSE: [u8; 4] = [0, 10, 0, 50];
    if head[0] != METHOD || head.get(HEADER..HEADER + 4)? != CLOSE {
        return None;
    }
    let code = u16::from_be_bytes(head.get(HEADER + 4..HEADER + 6)?.try_into().ok()?);
    let len = usize::from(*head.get(HEADER + 6)?);
    let text = head.get(HEADER + 7..HEADER + 7 + len)?;
    Some((code, String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
pub(super) mod tests;
