//! Property tests of what reads a peer's bytes.

use super::Properties;
use super::frames::{self, CONTENT_HEADER_MAX, FRAME_MAX, FrameScanner};
use super::payload::tests::{depth, followed, nested, parsed};
use super::payload::{DEEPEST, PayloadKind, PayloadReader};
use super::start_ok;
use super::violation::Violation;
use crate::base::fuzz;
use amq_protocol::frame::parsing::parse_frame;
use amq_protocol::types::AMQPValue;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes with some of them changed.
fn changed(bytes: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = vec((any::<Index>(), any::<u8>()), 0..5);
    (bytes, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    })
}

/// What is a table, or nearly.
fn nearly_a_table() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![0..64_u32, Just(u32::MAX), any::<u32>()];
    let container = (select(&b"AF"[..]), length)
        .prop_map(|(container, length)| [&[container][..], &length.to_be_bytes()].concat());
    let piece = prop_oneof![
        4 => container,
        2 => vec(0..3_u8, 1),
        2 => select(&b"tbBsUuIifDLldTVSxAF"[..]).prop_map(|kind| vec![kind]),
        1 => vec(any::<u8>(), 0..9),
    ];
    let soup = vec(piece, 0..80).prop_map(|pieces| pieces.concat());
    let deep = (0..600_usize, select(&b"AF"[..]))
        .prop_map(|(levels, container)| nested(levels, container));
    prop_oneof![soup, changed(deep)]
}

#[test]
fn fuzz_tables() {
    fuzz::check(&(nearly_a_table(), 1..40_usize), |(table, size)| {
        let bytes = followed(&table, size);
        prop_assert_eq!(&bytes, &followed(&table, usize::MAX));
        let deepest = depth(&AMQPValue::FieldTable(parsed(&bytes)));
        prop_assert!(deepest <= DEEPEST, "{} deep", deepest);
        for (new, old) in bytes[4..].iter().zip(&table) {
            let defused = *new == b'x' && b"AF".contains(old);
            prop_assert!(new == old || defused, "{} for {}", new, old);
        }
        Ok(())
    });
}

#[test]
fn fuzz_payloads() {
    let kind = select(vec![PayloadKind::Method, PayloadKind::ContentHeader]);
    fuzz::check(
        &(kind, vec(any::<u8>(), 0..400), 1..40_usize),
        |(kind, bytes, size)| {
            let mut whole = bytes.clone();
            let verdict = PayloadReader::new(kind).follow(&mut whole);
            let mut pieces = bytes;
            let mut payload = PayloadReader::new(kind);
            let in_pieces = pieces
                .chunks_mut(size)
                .try_for_each(|piece| payload.follow(piece));
            prop_assert_eq!(in_pieces, verdict);
            if verdict.is_ok() {
                prop_assert_eq!(pieces, whole);
            }
            Ok(())
        },
    );
}

fn frame((kind, channel, payload): (u8, u16, Vec<u8>)) -> Vec<u8> {
    frames::frame(kind, channel, &payload)
}

/// A payload of a method that brokers send, or of a content header, or anything.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    const METHODS: [[u8; 4]; 8] = [
        [0, 10, 0, 10],
        [0, 10, 0, 30],
        [0, 10, 0, 50],
        [0, 10, 0, 60],
        [0, 20, 0, 40],
        [0, 60, 0, 50],
        [0, 60, 0, 60],
        [0, 60, 0, 0],
    ];
    let begin = select(&METHODS[..]).prop_map(Vec::from);
    let rest = prop_oneof![vec(any::<u8>(), 0..300), nearly_a_table()];
    prop_oneof![
        4 => (begin, rest).prop_map(|(begin, rest)| [begin, rest].concat()),
        1 => vec(any::<u8>(), 0..40),
    ]
}

/// A conversation as brokers hold it, or nearly.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let start = Just(frame((1, 0, vec![0, 10, 0, 10, 0, 9, 0, 0, 0, 0])));
    let kind = prop_oneof![8 => select(&[1, 2, 3, 8][..]), 1 => any::<u8>()];
    let frames = vec((kind, 0..3_u16, payload()).prop_map(frame), 0..8);
    let talk = (start, frames).prop_map(|(start, frames)| [start, frames.concat()].concat());
    prop_oneof![changed(talk), vec(any::<u8>(), 0..200)]
}

type Scanned = Result<Option<(u16, String)>, Violation>;

/// The verdict on a conversation that comes in pieces of these sizes, and what is let through.
fn scanned(bytes: &[u8], sizes: &[usize]) -> (Scanned, Vec<u8>) {
    let mut scanner = FrameScanner::default();
    let mut bytes = bytes.to_vec();
    let (mut close, mut begin) = (None, 0);
    for size in sizes.iter().cycle() {
        if begin == bytes.len() {
            break;
        }
        let end = bytes.len().min(begin + size);
        match scanner.scan(&mut bytes[begin..end]) {
            Ok(found) => close = close.or(found),
            Err(violation) => return (Err(violation), Vec::new()),
        }
        assert!(scanner.held() <= 1024, "{} bytes are kept", scanner.held());
        begin = end;
    }
    (Ok(close), bytes)
}

#[test]
fn fuzz_frames() {
    fuzz::check(
        &(conversation(), vec(1..70_usize, 1..6)),
        |(bytes, sizes)| {
            let whole = scanned(&bytes, &[usize::MAX]);
            prop_assert_eq!(&scanned(&bytes, &sizes), &whole);
            // What passes is for amiquip's parser, which must neither panic nor run out of its stack.
            let mut rest = &whole.1[..];
            while rest.len() >= 7 {
                let size = u32::from_be_bytes([rest[3], rest[4], rest[5], rest[6]]);
                let is_content_header = rest[0] == 2;
                prop_assert!(size <= FRAME_MAX || is_content_header && size <= CONTENT_HEADER_MAX);
                let Some(frame) = rest.get(..size as usize + 8) else {
                    break;
                };
                let _ = parse_frame(frame);
                rest = &rest[frame.len()..];
            }
            Ok(())
        },
    );
}

#[test]
fn fuzz_start_ok() {
    let start_ok = vec(any::<u8>(), 0..60)
        .prop_map(|rest| frame((1, 0, [&[0, 10, 0, 11, 0, 0, 0, 2][..], &rest].concat())));
    fuzz::check(&(changed(start_ok), ".{0,300}"), |(bytes, name)| {
        if let Some((frame, replaced)) = start_ok::replace(&bytes, &name) {
            prop_assert!(replaced <= bytes.len() + 1);
            let size = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]);
            prop_assert_eq!(frame.len(), size as usize + 8);
        }
        Ok(())
    });
}

/// Any value that a header may have, nested a little.
fn header_value() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<i16>().prop_map(AMQPValue::ShortInt),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        ".{0,30}".prop_map(AMQPValue::LongString),
        any::<u64>().prop_map(|number| AMQPValue::LongString(number.to_string())),
        Just(AMQPValue::LongString(u64::MAX.to_string())),
        vec(any::<u8>(), 0..20).prop_map(AMQPValue::ByteArray),
        Just(AMQPValue::Void),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let table = proptest::collection::btree_map("[a-z]{0,5}", inner.clone(), 0..4);
        prop_oneof![
            vec(inner, 0..4).prop_map(AMQPValue::FieldArray),
            table.prop_map(AMQPValue::FieldTable),
        ]
    })
}

/// The properties of any message.
pub(crate) fn properties() -> impl Strategy<Value = Properties> {
    let name = prop_oneof![
        4 => "[ -~]{0,20}",
        1 => select(vec!["CC", "x-death", "x-delivery-count", "task-attempts", "task-error", "task-redeliveries", "task-replays"])
            .prop_map(str::to_owned),
    ];
    let headers = proptest::collection::btree_map(name, header_value(), 0..6);
    let text = || proptest::option::of(".{0,60}");
    (
        (text(), text(), text(), text(), text(), text()),
        (
            any::<Option<u8>>(),
            any::<Option<u64>>(),
            any::<Option<u8>>(),
            proptest::option::of(headers),
        ),
    )
        .prop_map(
            |(
                (content_type, encoding, correlation, reply_to, expiration, id),
                (mode, timestamp, priority, headers),
            )| {
                let mut inner = amiquip::AmqpProperties::default();
                macro_rules! set {
                ($($value:ident $with:ident),*) => {
                    $(if let Some(value) = $value { inner = inner.$with(value); })*
                };
            }
                set!(
                    content_type with_content_type,
                    encoding with_content_encoding,
                    correlation with_correlation_id,
                    reply_to with_reply_to,
                    expiration with_expiration,
                    id with_message_id,
                    mode with_delivery_mode,
                    timestamp with_timestamp,
                    priority with_priority,
                    headers with_headers
                );
                Properties::new(inner)
            },
        )
}
