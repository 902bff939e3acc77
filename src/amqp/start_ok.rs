//! The client properties that we announce in `connection.start-ok`.

use super::frames::{HEADER, METHOD, frame};

/// Class 10, method 11.
const START_OK: [u8; 4] = [0, 10, 0, 11];

/// Capabilities that we announce. The first two are amiquip's own. With the third RabbitMQ tells
/// refused credentials at once; without, it closes the socket silently after three seconds.
const CAPABILITIES: [&str; 5] = [
    "consumer_cancel_notify",
    "connection.blocked",
    "authentication_failure_close",
    "publisher_confirms",
    "basic.nack",
];

/// Where `bytes` begins with a whole `connection.start-ok`: the frame to send in its place, and
/// how many of `bytes` it replaces. `None` leaves the bytes as they are.
pub(super) fn replace(bytes: &[u8], connection_name: &str) -> Option<(Vec<u8>, usize)> {
    if bytes.get(..3)? != [1, 0, 0] || bytes.get(HEADER..HEADER + 4)? != START_OK {
        return None;
    }
    let size = usize::try_from(u32::from_be_bytes(bytes.get(3..HEADER)?.try_into().ok()?)).ok()?;
    let payload = bytes.get(HEADER..HEADER.checked_add(size)?)?;
    let table = u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?);
    // Behind the properties: mechanism, response, locale. They stay.
    let rest = payload.get(usize::try_from(table).ok()?.checked_add(8)?..)?;

    let properties = client_properties(connection_name)?;
    let payload_len = payload.len();
    let payload = [&START_OK, properties.as_slice(), rest].concat();
    Some((frame(METHOD, 0, &payload), HEADER + payload_len + 1))
}

fn client_properties(connection_name: &str) -> Option<Vec<u8>> {
    let mut capabilities = Vec::new();
    for name in CAPABILITIES {
        push_name(&mut capabilities, name)?;
        capabilities.extend([b't', 1]);
    }
    let mut fields = Vec::new();
    for (name, value) in [
        ("product", env!("CARGO_PKG_NAME")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("platform", "Rust"),
        ("connection_name", connection_name),
    ] {
        push_name(&mut fields, name)?;
        fields.push(b'S');
        fields.extend(u32::try_from(value.len()).ok()?.to_be_bytes());
        fields.extend(value.as_bytes());
    }
    push_name(&mut fields, "capabilities")?;
    fields.push(b'F');
    fields.extend(table(&capabilities)?);
    table(&fields)
}

fn table(fields: &[u8]) -> Option<Vec<u8>> {
    let mut table = u32::try_from(fields.len()).ok()?.to_be_bytes().to_vec();
    table.extend(fields);
    Some(table)
}

fn push_name(table: &mut Vec<u8>, name: &str) -> Option<()> {
    table.push(u8::try_from(name.len()).ok()?);
    table.extend(name.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::frames::FRAME_END;
    use super::*;

    fn start_ok(properties: &[u8], rest: &[u8]) -> Vec<u8> {
        let payload = [&START_OK[..], &table(properties).unwrap(), rest].concat();
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[1, 0, 0][..], &size, &payload, &[FRAME_END]].concat()
    }

    #[test]
    fn the_properties_are_replaced_and_the_rest_stays() {
        let rest = b"\x05PLAIN\0\0\0\x0c\0guest\0guest\x05en_US";
        let original = start_ok(b"\x01aS\0\0\0\x01b", rest);
        let (frame, replaced) = replace(&original, "worker host:1").unwrap();
        assert_eq!(replaced, original.len());
        assert_eq!(
            frame.len(),
            HEADER + 1 + u32::from_be_bytes(frame[3..7].try_into().unwrap()) as usize
        );
        assert!(frame.ends_with(&[&rest[..], &[FRAME_END]].concat()));
        let name = b"connection_nameS\0\0\0\x0dworker host:1";
        assert!(frame.windows(name.len()).any(|part| part == name));
    }

    #[test]
    fn anything_else_is_left_alone() {
        let whole = start_ok(b"", b"\0");
        for part in 0..whole.len() - 1 {
            assert!(replace(&whole[..part], "x").is_none(), "{part}");
        }
        assert!(replace(b"AMQP\0\0\x09\x01", "x").is_none());
        let lying = start_ok(b"", b"");
        let lying = [&lying[..11], &[0xff; 4], &lying[15..]].concat();
        assert!(replace(&lying, "x").is_none());
    }
}
