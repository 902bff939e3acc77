//! The fields of JSON events about tasks.

use super::core::{TaskEvent, headers};
use crate::output::{Fields, insert_body};
use serde_json::{Value, json};

/// What is told of each task.
pub(super) fn fields(of: &TaskEvent) -> Fields {
    let mut fields = json!({});
    if let Some(slot) = of.slot {
        fields["slot"] = json!(slot + 1);
    }
    fields["id"] = json!(of.task.id());
    fields["attempt"] = json!(headers::attempt(&of.task));
    fields["redelivered"] = json!(of.redelivered);
    insert_body(&mut fields, &of.task.body);
    fields
}

/// These fields and one more.
pub(super) fn with(mut fields: Fields, name: &str, value: Value) -> Fields {
    fields[name] = value;
    fields
}
