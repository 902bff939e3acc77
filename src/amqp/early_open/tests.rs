use super::super::frames;
use super::super::frames::METHOD;
use super::*;

const HEARTBEAT: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, 0xce];

fn frame(channel: u16, payload: &[u8]) -> Vec<u8> {
    frames::frame(METHOD, channel, payload)
}

fn open() -> Vec<u8> {
    let tune_ok = frame(0, &[0, 10, 0, 31, 7, 255, 0, 2, 0, 0, 0, 60]);
    [tune_ok, frame(0, &[0, 10, 0, 40, 1, b'/', 0, 0])].concat()
}

/// Writes as amiquip does, through a socket that takes `at_once` bytes at a time.
fn write(early: &mut EarlyOpen, mut bytes: &[u8], at_once: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    while !bytes.is_empty() {
        let count = match early.outgoing(bytes, true) {
            EarlyWrite::Pass(count) => {
                let count = count.min(at_once);
                sent.extend(&bytes[..count]);
                early.written(count);
                count
            }
            EarlyWrite::Append(more) => {
                sent.extend(bytes);
                sent.extend(more);
                bytes.len()
            }
            EarlyWrite::Keep(count) => count,
        };
        bytes = &bytes[count..];
    }
    sent
}

fn read(early: &mut EarlyOpen) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 3];
    loop {
        match early.read(&mut piece) {
            0 => return all,
            count => all.extend(&piece[..count]),
        }
    }
}

#[test]
fn the_answer_comes_when_it_is_asked_for_and_the_brokers_own_does_not() {
    let open_ok = frame(0, &[0, 10, 0, 41, 0]);
    let blocked = frame(0, &[0, 10, 0, 60, 0]);
    let frames: [&[u8]; 5] = [&open_ok, &OPEN_OK, &HEARTBEAT, &blocked, &[METHOD, 0]];
    let sent = frames.concat();
    // The client asks when `asks_at` bytes have come.
    for asks_at in open_ok.len()..=sent.len() {
        for size in 1..=sent.len() {
            let mut early = EarlyOpen::default();
            let opening = write(&mut early, &open(), size);
            assert_eq!(opening, [&open()[..], &OPEN].concat());
            let mut asked = false;
            let mut got = Vec::new();
            for (index, piece) in sent.chunks(size).enumerate() {
                early.incoming(piece);
                got.extend(read(&mut early));
                if !asked && (index + 1) * size >= asks_at {
                    asked = true;
                    let asks = [&HEARTBEAT[..], &OPEN].concat();
                    assert_eq!(write(&mut early, &asks, size), HEARTBEAT);
                    // At once, and between whole frames.
                    let before = got.len();
                    got.extend(read(&mut early));
                    assert!(got[before..].starts_with(&OPEN_OK));
                    assert_eq!(got.drain(before..before + OPEN_OK.len()).len(), 16);
                    assert!(before == 0 || got[before - 1] == 0xce);
                }
            }
            assert!(asked && !early.is_watching(), "{asks_at} {size}");
            let frames: [&[u8]; 4] = [&open_ok, &HEARTBEAT, &blocked, &[METHOD, 0]];
            assert_eq!(got, frames.concat(), "{asks_at} {size}");
            assert_eq!(write(&mut early, &OPEN, size), OPEN, "the next channel");
        }
    }
}

#[test]
fn the_protocol_header_goes_out_once() {
    let mut early = EarlyOpen::default();
    assert_eq!(write(&mut early, &PROTOCOL_HEADER, 3), PROTOCOL_HEADER);
    let mut early = EarlyOpen::default();
    early.greeted();
    assert!(write(&mut early, &PROTOCOL_HEADER, 3).is_empty());
    assert_eq!(write(&mut early, &open(), 9), [&open()[..], &OPEN].concat());
}

#[test]
fn what_is_no_opening_passes() {
    let mut early = EarlyOpen::default();
    for bytes in [&b"AMQP\0\0\x09\x01"[..], &open()[..30], &HEARTBEAT, &OPEN] {
        assert_eq!(early.outgoing(bytes, true), EarlyWrite::Pass(bytes.len()));
    }
    assert!(!early.is_watching());
}

#[test]
fn a_broker_in_the_middle_of_a_frame_is_left_alone() {
    let mut early = EarlyOpen::default();
    let open = open();
    assert_eq!(early.outgoing(&open, false), EarlyWrite::Pass(open.len()));
    assert_eq!(early.outgoing(&OPEN, true), EarlyWrite::Pass(OPEN.len()));
}

#[test]
fn a_second_answer_comes_through() {
    let mut early = EarlyOpen::default();
    write(&mut early, &open(), 100);
    early.incoming(&OPEN_OK);
    assert!(!early.has_ready());
    early.incoming(&OPEN_OK);
    write(&mut early, &OPEN, 100);
    assert_eq!(read(&mut early), [OPEN_OK, OPEN_OK].concat());
}

#[test]
fn a_missing_queue_is_told_once_the_channel_is_known() {
    let mut early = EarlyOpen::looking_for(Some("q"));
    let looks = frame(1, &[0, 50, 0, 10, 0, 0, 1, b'q', 0b1_0001, 0, 0, 0, 0]);
    let sent = write(&mut early, &open(), 7);
    assert_eq!(sent, [&open()[..], &OPEN, &looks].concat());
    let close = frame(1, &[0, 20, 0, 40, 1, 148, 0, 0, 0, 0, 0]);
    early.incoming(&[&OPEN_OK[..], &close].concat());
    assert!(!early.has_ready());
    write(&mut early, &OPEN, 7);
    assert_eq!(read(&mut early), [&OPEN_OK[..], &close].concat());
}

#[test]
fn a_refusal_comes_through() {
    let mut early = EarlyOpen::default();
    write(&mut early, &open(), 100);
    let close = frame(0, &[0, 10, 0, 50, 2, 18, 0, 0, 0, 0, 0]);
    early.incoming(&close);
    assert_eq!(read(&mut early), close);
    let close_ok = frame(0, &[0, 10, 0, 51]);
    assert_eq!(write(&mut early, &close_ok, 5), close_ok);
}

#[test]
fn a_peer_that_goes_on_and_on_is_left_to_the_client_library() {
    let mut early = EarlyOpen::looking_for(Some("q"));
    write(&mut early, &open(), 100);
    let header = frame(1, &[0, 60, 0, 60]);
    for _ in 0..=HELD_MAX / header.len() {
        assert!(!early.has_ready());
        early.incoming(&header);
    }
    early.incoming(&header);
    assert!(early.has_ready());
}
