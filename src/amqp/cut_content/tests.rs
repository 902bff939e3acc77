use super::*;

fn publish(body: usize) -> Vec<Vec<u8>> {
    let mut header = EMPTY_HEADER;
    header[4..12].copy_from_slice(&(body as u64).to_be_bytes());
    let mut frames = vec![
        frame(METHOD, 1, &[&BASIC_PUBLISH[..], &[0; 5]].concat()),
        frame(CONTENT_HEADER, 1, &header),
    ];
    let body = vec![b'x'; body];
    frames.extend(body.chunks(50).map(|piece| frame(BODY, 1, piece)));
    frames
}

/// Writes as amiquip does, through a socket that takes `at_once` bytes at a time.
fn write(cut: &mut CutContent, mut bytes: &[u8], at_once: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    while !bytes.is_empty() {
        let count = match cut.next(bytes) {
            ContentWrite::Pass(count) => {
                let count = count.min(at_once);
                sent.extend(&bytes[..count]);
                count
            }
            ContentWrite::Replace(instead, count) => {
                sent.extend(instead);
                count
            }
        };
        cut.written(bytes, count);
        bytes = &bytes[count..];
    }
    sent
}

/// The bodies of the messages in `bytes`, where nothing comes in between.
fn bodies(mut bytes: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open = None;
    let mut size = 0;
    while let Some(frame) = Frame::first(bytes) {
        assert!(
            frame.kind != METHOD || open.is_none(),
            "a method in the middle of a message"
        );
        if frame.kind == BODY {
            size += frame.len - HEADER - 1;
        }
        open = frame.after(open);
        if open.is_none() && frame.kind != METHOD {
            found.push(std::mem::take(&mut size));
        }
        bytes = &bytes[frame.len..];
    }
    assert!(bytes.is_empty() && open.is_none());
    found
}

#[test]
fn a_message_that_is_broken_off_is_completed() {
    let close_ok = frame(METHOD, 1, &CHANNEL_CLOSE_OK);
    let whole = publish(120);
    for missing in 1..whole.len() {
        let begun = [
            publish(0),
            whole[..missing].to_vec(),
            vec![close_ok.clone()],
        ]
        .concat();
        let expected = if missing == 1 { 0 } else { 120 };
        for at_once in [1, 7, 100, 10_000] {
            let mut cut = CutContent::default();
            let sent = write(&mut cut, &begun.concat(), at_once);
            assert!(sent.ends_with(&close_ok));
            assert_eq!(bodies(&sent), [0, expected], "{missing} {at_once}");
            let next = publish(9).concat();
            assert_eq!(write(&mut cut, &next, at_once), next);
        }
    }
}

#[test]
fn whole_messages_pass() {
    let close_ok = frame(METHOD, 1, &CHANNEL_CLOSE_OK);
    let other = frame(METHOD, 2, &CHANNEL_CLOSE_OK);
    let frames = [publish(0), publish(120), vec![close_ok], publish(3)].concat();
    let mut bytes = frames.concat();
    // Another channel's answer is nothing to this one's message.
    let first = frames[0].len();
    bytes.splice(first..first, other);
    for at_once in [1, 13, 10_000] {
        assert_eq!(write(&mut CutContent::default(), &bytes, at_once), bytes);
    }
}

#[test]
fn bodies_beyond_measure_are_not_made_up() {
    assert_eq!(fill(1, Missing::Body(FILL_MAX + 1)), None);
    let frames = fill(1, Missing::Body(300_000)).unwrap();
    assert_eq!(frames.len(), 300_000 + 3 * (HEADER + 1));
}
