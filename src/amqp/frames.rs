//! Follows the frames of a byte stream without keeping them: a pure state machine.

use super::payload::{Kind, Payload};
use std::fmt;

/// The largest frame payload that we agree to. It is RabbitMQ's own default for `frame_max`
/// (131,072 bytes), which counts the eight bytes around the payload.
pub(super) const FRAME_MAX: u32 = 131_072;

/// The largest content header that is taken in. Brokers check `frame_max` where a message comes in,
/// but not where it goes out, and add headers of their own in between (`x-death`): a task whose
/// headers nearly filled a frame comes back from a delay in a larger one.
const CONTENT_HEADER_MAX: usize = 1 << 20;

/// The largest body that RabbitMQ can be configured to take: `max_message_size` is at most
/// 512 MiB. amiquip reserves what a content header announces, so it must not announce more.
const BODY_MAX: u64 = 512 * 1024 * 1024;

/// Type, channel and size.
pub(super) const HEADER: usize = 7;
pub(super) const METHOD: u8 = 1;
const CONTENT_HEADER: u8 = 2;
const BODY: u8 = 3;
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

/// Why a peer is not spoken to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// The first bytes are not those of AMQP 0-9-1.
    NotAmqp,
    /// The first byte is one of TLS: an alert, as our greeting is none of its.
    Tls,
    /// The peer is an AMQP broker, but wants another version of the protocol.
    OtherVersion,
    /// A frame is larger than agreed, or malformed.
    BadFrame,
    /// A body larger than RabbitMQ can be configured for.
    BodyTooLarge,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "what answers there speaks TLS",
            Self::NotAmqp => "what answers there does not speak AMQP 0-9-1",
            Self::OtherVersion => "the broker there does not speak version 0-9-1 of AMQP",
            Self::BadFrame => "the peer sent a malformed AMQP frame",
            Self::BodyTooLarge => "the peer announced a body of more than 512 MiB",
        })
    }
}

/// Follows a peer's frames across reads of any size.
#[derive(Debug, Default)]
pub(super) struct FrameScanner {
    /// The first bytes of the current frame: its header and enough of its payload to look at.
    head: Vec<u8>,
    /// Bytes of the frame beyond `head` that are still to come, its end mark included.
    remaining: usize,
    /// Follows the payload of the current frame, where it may hold tables.
    payload: Option<Payload>,
    seen_first: bool,
}

impl FrameScanner {
    /// Takes the next bytes, and defuses what [`Payload`] tells of. Returns the reply code and text
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
        self.payload = match self.head.as_slice() {
            [METHOD, ..] if self.head.len() == HEADER => Some(Payload::new(Kind::Method)),
            [CONTENT_HEADER, ..] if self.head.len() == HEADER => {
                Some(Payload::new(Kind::ContentHeader))
            }
            _ => None,
        };
    }

    fn follow(&mut self, bytes: &mut [u8]) -> Result<(), Violation> {
        match &mut self.payload {
            Some(payload) => payload.follow(bytes).map_err(|_| self.bad_frame()),
            None => Ok(()),
        }
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
        let max = match self.head[0] {
            CONTENT_HEADER => CONTENT_HEADER_MAX,
            _ => FRAME_MAX as usize,
        };
        if self.payload_len() > max || !(self.seen_first || on_channel_0) {
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
pub(super) mod tests {
    use super::*;

    pub(in crate::amqp) fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind];
        frame.extend(channel.to_be_bytes());
        frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend(payload);
        frame.push(FRAME_END);
        frame
    }

    fn start() -> Vec<u8> {
        frame(METHOD, 0, &[0, 10, 0, 10, 0, 9])
    }

    fn close(code: u16, text: &str) -> Vec<u8> {
        let mut payload = vec![0, 10, 0, 50];
        payload.extend(code.to_be_bytes());
        payload.push(u8::try_from(text.len()).unwrap());
        payload.extend(text.as_bytes());
        payload.extend([0, 0, 0, 0]);
        frame(METHOD, 0, &payload)
    }

    /// All the ways of cutting `bytes` into reads of one size give the same answer.
    fn scan(bytes: &[u8]) -> Result<Option<(u16, String)>, Violation> {
        let answers: Vec<_> = (1..=bytes.len())
            .map(|size| {
                let mut scanner = FrameScanner::default();
                let mut close = None;
                for part in bytes.to_vec().chunks_mut(size) {
                    close = close.or(scanner.scan(part)?);
                }
                Ok(close)
            })
            .collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        answers[0].clone()
    }

    #[test]
    fn a_conversation_passes_in_pieces_of_any_size() {
        let mut bytes = start();
        bytes.extend(frame(HEARTBEAT, 0, &[]));
        let deliver = [&[0, 60, 0, 60][..], &[7; 2000]].concat();
        bytes.extend(frame(METHOD, 1, &deliver));
        let content = [&[0, 60, 0, 0][..], &100_u64.to_be_bytes(), &[0, 0]].concat();
        bytes.extend(frame(CONTENT_HEADER, 1, &content));
        bytes.extend(frame(BODY, 1, &[1; 100]));
        assert_eq!(scan(&bytes), Ok(None));
    }

    #[test]
    fn the_reason_of_a_close_is_kept() {
        let text = "ACCESS_REFUSED - Login was refused";
        let bytes = [start(), close(403, text)].concat();
        assert_eq!(scan(&bytes), Ok(Some((403, text.to_owned()))));
        let long = "x".repeat(255);
        let bytes = [start(), close(320, &long)].concat();
        assert_eq!(scan(&bytes), Ok(Some((320, long))));
    }

    #[test]
    fn other_protocols_are_told_from_the_first_bytes() {
        assert_eq!(
            scan(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Err(Violation::NotAmqp)
        );
        assert_eq!(scan(b"SSH-2.0-OpenSSH_9.2\r\n"), Err(Violation::NotAmqp));
        assert_eq!(scan(b"\x15\x03\x01\x00\x02\x02\x46"), Err(Violation::Tls));
        assert_eq!(scan(b"AMQP\x00\x01\x00\x00"), Err(Violation::OtherVersion));
        assert_eq!(scan(&frame(METHOD, 1, &[0; 4])), Err(Violation::NotAmqp));
    }

    #[test]
    fn sizes_that_were_not_agreed_are_refused() {
        let huge = [METHOD, 0, 0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(scan(&huge), Err(Violation::NotAmqp));
        let later = [&start()[..], &huge].concat();
        assert_eq!(scan(&later), Err(Violation::BadFrame));
        let body = [&[0, 60, 0, 0][..], &u64::MAX.to_be_bytes(), &[0, 0]].concat();
        let bytes = [start(), frame(CONTENT_HEADER, 1, &body)].concat();
        assert_eq!(scan(&bytes), Err(Violation::BodyTooLarge));
        let short = [start(), frame(CONTENT_HEADER, 1, &[0, 60])].concat();
        assert_eq!(scan(&short), Err(Violation::BadFrame));
    }

    #[test]
    fn content_headers_may_have_grown_on_their_way() {
        let header = |len: usize| {
            let begin = [&[0, 60, 0, 0][..], &5_u64.to_be_bytes(), &[0, 0]].concat();
            let payload = [begin, vec![0; len - 14]].concat();
            let mut bytes = [start(), frame(CONTENT_HEADER, 1, &payload)].concat();
            FrameScanner::default().scan(&mut bytes)
        };
        assert_eq!(header(FRAME_MAX as usize + 5000), Ok(None));
        assert_eq!(header(CONTENT_HEADER_MAX), Ok(None));
        assert_eq!(header(CONTENT_HEADER_MAX + 1), Err(Violation::BadFrame));
    }

    #[test]
    fn what_only_clients_send_is_refused() {
        let publish = frame(METHOD, 1, &[0, 60, 0, 40]);
        assert_eq!(scan(&publish), Err(Violation::NotAmqp));
        let later = [start(), publish].concat();
        assert_eq!(scan(&later), Err(Violation::BadFrame));
    }

    #[test]
    fn a_frame_without_its_end_is_refused() {
        let mut bytes = start();
        *bytes.last_mut().unwrap() = 0;
        assert_eq!(scan(&bytes), Err(Violation::BadFrame));
    }
}
