//! AMQP's tables of headers: their size on the wire, and their values as text.

use amiquip::{AmqpValue, FieldTable};

/// Bytes of a table: its length, and names, types and values.
pub(super) fn table_len(table: &FieldTable) -> usize {
    let fields = table.iter();
    let fields = fields.map(|(name, value)| 1 + name.len() + 1 + value_len(value));
    4 + fields.sum::<usize>()
}

fn value_len(value: &AmqpValue) -> usize {
    match value {
        AmqpValue::Void => 0,
        AmqpValue::Boolean(_) | AmqpValue::ShortShortInt(_) | AmqpValue::ShortShortUInt(_) => 1,
        AmqpValue::ShortInt(_) | AmqpValue::ShortUInt(_) => 2,
        AmqpValue::LongInt(_) | AmqpValue::LongUInt(_) | AmqpValue::Float(_) => 4,
        AmqpValue::DecimalValue(_) => 5,
        AmqpValue::LongLongInt(_) | AmqpValue::Double(_) | AmqpValue::Timestamp(_) => 8,
        AmqpValue::LongString(text) => 4 + text.len(),
        AmqpValue::ByteArray(bytes) => 4 + bytes.len(),
        AmqpValue::FieldArray(list) => {
            let values = list.iter().map(|value| 1 + value_len(value));
            4 + values.sum::<usize>()
        }
        AmqpValue::FieldTable(table) => table_len(table),
    }
}

/// A string, number or boolean as text.
pub(super) fn as_text(value: &AmqpValue) -> Option<String> {
    Some(match value {
        AmqpValue::LongString(text) => text.clone(),
        AmqpValue::Boolean(value) => value.to_string(),
        AmqpValue::ShortShortInt(value) => value.to_string(),
        AmqpValue::ShortShortUInt(value) => value.to_string(),
        AmqpValue::ShortInt(value) => value.to_string(),
        AmqpValue::ShortUInt(value) => value.to_string(),
        AmqpValue::LongInt(value) => value.to_string(),
        AmqpValue::LongUInt(value) => value.to_string(),
        AmqpValue::LongLongInt(value) => value.to_string(),
        AmqpValue::Float(value) => value.to_string(),
        AmqpValue::Double(value) => value.to_string(),
        AmqpValue::Timestamp(value) => value.to_string(),
        AmqpValue::DecimalValue(_)
        | AmqpValue::FieldArray(_)
        | AmqpValue::FieldTable(_)
        | AmqpValue::ByteArray(_)
        | AmqpValue::Void => return None,
    })
}
