//! The frames that open a connection and its first channel.

use super::frames::{FRAME_END, HEADER, METHOD};

pub(super) const CONNECTION_OPEN: [u8; 4] = [0, 10, 0, 40];
pub(super) const CONNECTION_OPEN_OK: [u8; 4] = [0, 10, 0, 41];
pub(super) const CHANNEL_OPEN_OK: [u8; 4] = [0, 20, 0, 11];
/// amiquip counts its channels from 1.
pub(super) const CHANNEL: u16 = 1;
/// `channel.open` on it, as amiquip writes it: class, method, and an empty string.
pub(super) const OPEN: [u8; 13] = [METHOD, 0, 1, 0, 0, 0, 5, 0, 20, 0, 10, 0, FRAME_END];
/// `channel.open-ok`: class, method, and an empty long string.
pub(super) const OPEN_OK: [u8; 16] = [
    METHOD, 0, 1, 0, 0, 0, 8, 0, 20, 0, 11, 0, 0, 0, 0, FRAME_END,
];

/// `queue.declare`: class and method.
const QUEUE_DECLARE: [u8; 4] = [0, 50, 0, 10];
/// The bits `passive` (is it there?) and `no-wait` (say nothing if it is).
const PASSIVE_NOWAIT: u8 = 0b1_0001;

/// Whether the last of the frames is a `connection.open`, and whole.
pub(super) fn ends_with_open(mut bytes: &[u8]) -> bool {
    let mut last = None;
    while bytes.first() == Some(&METHOD) {
        let Some(len) = frame_len(bytes) else {
            return false;
        };
        last = method(bytes);
        bytes = &bytes[len..];
    }
    bytes.is_empty() && last == Some((0, CONNECTION_OPEN))
}

/// The length of the first frame, if it is whole.
pub(super) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let size = bytes.get(3..HEADER)?.try_into().ok()?;
    let len = HEADER + usize::try_from(u32::from_be_bytes(size)).ok()? + 1;
    (bytes.len() >= len).then_some(len)
}

/// The channel of a frame, and its class and method, if it is one.
pub(super) fn method(frame: &[u8]) -> Option<(u16, [u8; 4])> {
    let method = frame.get(HEADER..HEADER + 4)?.try_into().ok()?;
    (frame[0] == METHOD).then_some((channel(frame)?, method))
}

/// The channel of a frame.
pub(super) fn channel(frame: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(frame.get(1..3)?.try_into().ok()?))
}

/// A `queue.declare` on the first channel that only asks whether `queue` is there. amiquip can
/// send it only where it waits for the answer. Names have at most 255 bytes.
pub(super) fn passive_declare(queue: &str) -> Vec<u8> {
    let name = &queue.as_bytes()[..queue.len().min(255)];
    let payload = [
        &QUEUE_DECLARE[..],
        &[0, 0, u8::try_from(name.len()).unwrap_or(u8::MAX)],
        name,
        &[PASSIVE_NOWAIT, 0, 0, 0, 0],
    ]
    .concat();
    let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = vec![METHOD];
    frame.extend(CHANNEL.to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend(payload);
    frame.push(FRAME_END);
    frame
}
