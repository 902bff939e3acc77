use super::*;
use amq_protocol::types::parsing::parse_field_table;
use amq_protocol::types::{AMQPValue, FieldTable};

/// A table in a message's headers, after it was followed in pieces of `size` bytes.
pub(in crate::amqp) fn followed(table: &[u8], size: usize) -> Vec<u8> {
    let length = u32::try_from(table.len()).unwrap().to_be_bytes();
    let before = [&[0, 60, 0, 0][..], &[0; 8], &[0x20, 0]].concat();
    let mut bytes = [&before[..], &length, table].concat();
    let mut payload = PayloadReader::new(PayloadKind::ContentHeader);
    for piece in bytes.chunks_mut(size) {
        payload.follow(piece).unwrap();
    }
    bytes.split_off(before.len())
}

pub(in crate::amqp) fn parsed(table: &[u8]) -> FieldTable {
    parse_field_table(table).unwrap().1
}

pub(in crate::amqp) fn depth(value: &AMQPValue) -> usize {
    match value {
        AMQPValue::FieldTable(table) => 1 + table.values().map(depth).max().unwrap_or(0),
        AMQPValue::FieldArray(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// One header with `levels` lists or tables in each other.
pub(in crate::amqp) fn nested(levels: usize, container: u8) -> Vec<u8> {
    let mut value = b"V".to_vec();
    for _ in 0..levels {
        let name: &[u8] = if container == b'F' { b"\x01n" } else { b"" };
        let inner = [name, &value].concat();
        let length = u32::try_from(inner.len()).unwrap().to_be_bytes();
        value = [&[container][..], &length, &inner].concat();
    }
    [b"\x01h", &value[..]].concat()
}

#[test]
fn tables_that_lie_too_deep_become_byte_arrays() {
    for container in *b"AF" {
        for size in [1, 7, usize::MAX] {
            let deep = nested(20_000, container);
            let table = AMQPValue::FieldTable(parsed(&followed(&deep, size)));
            assert_eq!(depth(&table), DEEPEST);
            let allowed = nested(DEEPEST - 1, container);
            assert!(followed(&allowed, size).ends_with(&allowed));
        }
    }
}

#[test]
fn headers_are_found_behind_other_properties() {
    let deep = nested(600, b'A');
    let length = u32::try_from(deep.len()).unwrap().to_be_bytes();
    let flags_and_strings = [&[0xe0, 0][..], b"\x04text", b"\x00"].concat();
    let mut bytes = [&[0; 12][..], &flags_and_strings, &length, &deep].concat();
    let mut payload = PayloadReader::new(PayloadKind::ContentHeader);
    payload.follow(&mut bytes).unwrap();
    let table = parsed(&bytes[12 + flags_and_strings.len()..]);
    assert_eq!(depth(&AMQPValue::FieldTable(table)), DEEPEST);
}

#[test]
fn server_properties_are_followed() {
    let deep = nested(600, b'F');
    let length = u32::try_from(deep.len()).unwrap().to_be_bytes();
    let mut bytes = [&[0, 10, 0, 10, 0, 9][..], &length, &deep].concat();
    PayloadReader::new(PayloadKind::Method)
        .follow(&mut bytes)
        .unwrap();
    assert_eq!(depth(&AMQPValue::FieldTable(parsed(&bytes[6..]))), DEEPEST);
}

#[test]
fn a_heartbeat_is_never_switched_off() {
    let tune = |heartbeat: [u8; 2]| {
        let before = [0, 10, 0, 30, 7, 0xff, 0, 2, 0, 0];
        let mut bytes = [&before[..], &heartbeat].concat();
        PayloadReader::new(PayloadKind::Method)
            .follow(&mut bytes)
            .unwrap();
        bytes[10..].to_vec()
    };
    assert_eq!(tune([0, 0]), [0, HEARTBEAT]);
    assert_eq!(tune([0, 60]), [0, 60]);
    assert_eq!(tune([1, 0]), [1, 0]);
}
