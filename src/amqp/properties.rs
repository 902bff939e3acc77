//! The properties and headers of a message, kept whole.

use amiquip::{AmqpProperties, AmqpValue, FieldTable};

/// `delivery_mode` of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// The properties and headers of a message. All of them are kept when a task is published again,
/// also those that this program does not know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties(AmqpProperties);

impl Properties {
    /// No property but `delivery_mode` 2.
    #[must_use]
    pub fn persistent() -> Self {
        Self(AmqpProperties::default().with_delivery_mode(PERSISTENT))
    }

    pub(super) fn new(inner: AmqpProperties) -> Self {
        Self(inner)
    }

    pub(super) fn inner(&self) -> &AmqpProperties {
        &self.0
    }

    /// `message_id`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.message_id().as_deref()
    }

    /// Sets `message_id`: at most 255 bytes.
    #[must_use]
    pub fn with_id(self, id: String) -> Self {
        Self(self.0.with_message_id(id))
    }

    /// `timestamp`, in seconds since 1970.
    #[must_use]
    pub fn timestamp(&self) -> Option<u64> {
        *self.0.timestamp()
    }

    /// Sets `timestamp`, in seconds since 1970.
    #[must_use]
    pub fn with_timestamp(self, seconds: u64) -> Self {
        Self(self.0.with_timestamp(seconds))
    }

    /// `priority`.
    #[must_use]
    pub fn priority(&self) -> Option<u8> {
        *self.0.priority()
    }

    /// Sets `priority`.
    #[must_use]
    pub fn with_priority(self, priority: u8) -> Self {
        Self(self.0.with_priority(priority))
    }

    /// Sets `expiration`: milliseconds until the broker may discard the message.
    #[must_use]
    pub fn with_expiration(self, milliseconds: u128) -> Self {
        Self(self.0.with_expiration(milliseconds.to_string()))
    }

    /// Sets `content_type`: at most 255 bytes.
    #[must_use]
    pub fn with_content_type(self, content_type: String) -> Self {
        Self(self.0.with_content_type(content_type))
    }

    /// A header as text, where it is a string or a whole number.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.0.headers().as_ref()?.get(name).and_then(as_text)
    }

    /// All headers that are strings, numbers or booleans, as text.
    pub fn headers(&self) -> impl Iterator<Item = (&str, String)> {
        let headers = self.0.headers().iter().flatten();
        headers.filter_map(|(name, value)| Some((name.as_str(), as_text(value)?)))
    }

    /// Sets a header to a string. The name has at most 255 bytes.
    #[must_use]
    pub fn with_header(self, name: &str, value: String) -> Self {
        let mut headers: FieldTable = self.0.headers().clone().unwrap_or_default();
        headers.insert(name.to_owned(), AmqpValue::LongString(value));
        Self(self.0.with_headers(headers))
    }

    /// What makes this message this message: all properties, without the headers that brokers
    /// change from one delivery of a message to the next.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut headers = self.0.headers().clone().unwrap_or_default();
        for counted_by_the_broker in ["x-delivery-count", "x-acquired-count"] {
            headers.remove(counted_by_the_broker);
        }
        let properties = self.0.clone().with_headers(headers);
        format!("{properties:?}")
    }
}

fn as_text(value: &AmqpValue) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_text() {
        let mut table = FieldTable::new();
        table.insert("n".to_owned(), AmqpValue::LongLongInt(-7));
        table.insert("t".to_owned(), AmqpValue::FieldTable(FieldTable::new()));
        let properties = Properties::new(AmqpProperties::default().with_headers(table));
        let properties = properties.with_header("s", "text".to_owned());
        assert_eq!(properties.header("n").as_deref(), Some("-7"));
        assert_eq!(properties.header("t"), None);
        let names: Vec<_> = properties.headers().map(|(name, _)| name).collect();
        assert_eq!(names, ["n", "s"]);
    }

    #[test]
    fn identity_ignores_only_what_the_broker_counts() {
        let first = Properties::persistent().with_id("a".to_owned());
        let counted = first
            .clone()
            .with_header("x-delivery-count", "1".to_owned());
        let again = first.clone().with_header("task-attempts", "1".to_owned());
        assert_ne!(first.identity(), again.identity());
        assert_eq!(counted.identity(), first.identity());
    }
}
