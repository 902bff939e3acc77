//! The fields of JSON events.

use super::core::{TaskEvent, headers};
use crate::base::duration;
use crate::output::{Fields, insert_body};
use serde_json::{Value, json};
use std::time::Duration;

/// What is told of each task.
pub(super) fn fields(of: &TaskEvent) -> Fields {
    let mut fields = Fields::new();
    if let Some(slot) = of.slot {
        fields = with(fields, "slot", json!(slot + 1));
    }
    fields = with(fields, "id", json!(of.task.id()));
    fields = with(fields, "attempt", json!(headers::attempt(&of.task)));
    fields = with(fields, "redelivered", json!(of.redelivered));
    insert_body(&mut fields, &of.task.body);
    fields
}

/// One field alone.
pub(super) fn one(name: &str, value: Value) -> Fields {
    with(Fields::new(), name, value)
}

/// These fields and one more.
pub(super) fn with(mut fields: Fields, name: &str, value: Value) -> Fields {
    fields.insert(name.to_owned(), value);
    fields
}

/// In whole milliseconds.
pub(super) fn milliseconds(time: Duration) -> Value {
    json!(duration::milliseconds(time))
}
