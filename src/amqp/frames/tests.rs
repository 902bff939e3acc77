use super::*;

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

/// Brokers add headers of their own to what just fitted into a frame.
#[test]
fn a_content_header_may_be_larger_than_was_agreed() {
    let headers = vec![0; FRAME_MAX as usize];
    let content = [&[0, 60, 0, 0][..], &[0; 8], &[0, 0], &headers].concat();
    let large = [start(), frame(CONTENT_HEADER, 1, &content)].concat();
    let deliver = [&[0, 60, 0, 60][..], &headers].concat();
    let refused = [start(), frame(METHOD, 1, &deliver)].concat();
    let endless = (CONTENT_HEADER_MAX + 1).to_be_bytes();
    let endless = [&start()[..], &[CONTENT_HEADER, 0, 1], &endless].concat();
    for size in [1000, usize::MAX] {
        let scan = |bytes: &[u8]| -> Result<(), Violation> {
            let mut scanner = FrameScanner::default();
            let mut bytes = bytes.to_vec();
            bytes
                .chunks_mut(size)
                .try_for_each(|part| scanner.scan(part).map(drop))
        };
        assert_eq!(scan(&large), Ok(()));
        assert_eq!(scan(&refused), Err(Violation::BadFrame));
        assert_eq!(scan(&endless), Err(Violation::BadFrame));
    }
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

#[test]
fn what_is_kept_until_it_is_asked_for_is_counted() {
    let method = |id: [u8; 4]| frame(METHOD, 1, &[&id[..], &[1; 30]].concat());
    let [returned, ack, nack] = [50, 80, 120].map(|id| method([0, 60, 0, id]));
    let [blocked, unblocked] = [60, 61].map(|id| method([0, 10, 0, id]));
    let blocks = [blocked.clone(), unblocked, blocked.clone(), blocked].concat();
    let bytes = [start(), returned.clone(), ack, nack, returned, blocks].concat();
    let expected = Answers {
        to_messages: 4,
        blocks_in_a_row: 2,
    };
    for size in 1..=bytes.len() {
        let mut scanner = FrameScanner::default();
        for part in bytes.clone().chunks_mut(size) {
            scanner.scan(part).unwrap();
        }
        assert_eq!(scanner.answers(), expected, "in pieces of {size}");
    }
}
