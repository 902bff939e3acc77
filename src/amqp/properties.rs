//! The properties and headers of a message, kept whole.

use amiquip::{AmqpProperties, AmqpValue, FieldTable};

/// `delivery_mode` of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// The name under which RabbitMQ delivers answers straight to the channel that asked, without a
/// queue in between.
pub(super) const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

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

    pub(super) fn into_inner(self) -> AmqpProperties {
        self.0
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

    /// The same for publishing once more, so that the copy arrives and stays where it is put:
    /// persistent, without expiration (the task was taken in time), without what brokers wrote,
    /// without `CC`, which would route copies elsewhere, and without a `user_id`, which the broker
    /// takes from that user alone.
    #[must_use]
    pub fn for_another_publish(&self) -> Self {
        let old = &self.0;
        let mut new = AmqpProperties::default().with_delivery_mode(PERSISTENT);
        macro_rules! keep {
            ($($field:ident $with:ident),*) => {
                $(if let Some(value) = old.$field() { new = new.$with(value.clone()); })*
            };
        }
        keep!(
            content_type with_content_type,
            content_encoding with_content_encoding,
            priority with_priority,
            correlation_id with_correlation_id,
            reply_to with_reply_to,
            message_id with_message_id,
            timestamp with_timestamp,
            type_ with_type_,
            app_id with_app_id,
            cluster_id with_cluster_id
        );
        if let Some(headers) = old.headers() {
            let kept = headers.iter().filter(|(name, _)| !is_the_brokers(name));
            new = new.with_headers(
                kept.map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
            );
        }
        Self(new)
    }

    /// Removes a header.
    #[must_use]
    pub fn without_header(self, name: &str) -> Self {
        match self.0.headers().clone() {
            Some(mut headers) => {
                headers.remove(name);
                Self(self.0.with_headers(headers))
            }
            None => self,
        }
    }

    /// Asks for an answer that bears `correlation_id` (at most 255 bytes), to the channel that this
    /// is published on.
    #[must_use]
    pub fn with_answer_wanted(self, correlation_id: String) -> Self {
        let inner = self.0.with_reply_to(DIRECT_REPLY_TO.to_owned());
        Self(inner.with_correlation_id(correlation_id))
    }

    /// Sets `reply_to`: at most 255 bytes.
    #[must_use]
    pub fn with_reply_to(self, reply_to: String) -> Self {
        Self(self.0.with_reply_to(reply_to))
    }

    /// `correlation_id`.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.correlation_id().as_deref()
    }

    /// Where the outcome is to be told, and the properties to begin that message with: only
    /// RabbitMQ's direct reply-to, so that a task cannot make a worker write into any queue.
    #[must_use]
    pub fn answer(&self) -> Option<(String, Self)> {
        let reply_to = self.0.reply_to().as_ref()?;
        if !reply_to.starts_with("amq.rabbitmq.reply-to.") {
            return None;
        }
        let mut answer = AmqpProperties::default();
        if let Some(id) = self.0.correlation_id() {
            answer = answer.with_correlation_id(id.clone());
        }
        Some((reply_to.clone(), Self(answer)))
    }

    /// Bytes of a content header frame's payload with these properties. The client library does not
    /// check it, and a frame cannot be split.
    #[must_use]
    pub fn header_len(&self) -> usize {
        let properties = &self.0;
        let strings = [
            properties.content_type(),
            properties.content_encoding(),
            properties.correlation_id(),
            properties.reply_to(),
            properties.expiration(),
            properties.message_id(),
            properties.type_(),
            properties.user_id(),
            properties.app_id(),
            properties.cluster_id(),
        ];
        let strings = strings.into_iter().flatten();
        let bytes = [properties.delivery_mode(), properties.priority()];
        let headers = properties.headers().as_ref();
        // Class, weight, size of the body, flags.
        2 + 2
            + 8
            + 2
            + strings.map(|text| 1 + text.len()).sum::<usize>()
            + bytes.into_iter().flatten().count()
            + properties.timestamp().map_or(0, |_| 8)
            + headers.map_or(0, table_len)
    }

    /// What makes this message this message: all properties, without the headers that brokers
    /// change from one delivery of a message to the next.
    #[must_use]
    pub fn identity(&self) -> String {
        let mut headers = self.0.headers().clone().unwrap_or_default();
        for name in COUNTED_BY_THE_BROKER {
            headers.remove(name);
        }
        let properties = self.0.clone().with_headers(headers);
        format!("{properties:?}")
    }
}

/// Headers that brokers write, or act upon.
fn is_the_brokers(name: &str) -> bool {
    name.eq_ignore_ascii_case("CC")
        || name.eq_ignore_ascii_case("BCC")
        || name == "x-death"
        || name.starts_with("x-first-death-")
        || name.starts_with("x-last-death-")
        || COUNTED_BY_THE_BROKER.contains(&name)
}

/// Headers that change from one delivery of a message to the next.
const COUNTED_BY_THE_BROKER: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// Bytes of a table: its length, and names, types and values.
fn table_len(table: &FieldTable) -> usize {
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
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

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

    /// The payload of the frame that amiquip's encoder makes of these properties.
    fn encoded_len(properties: &Properties) -> usize {
        use amq_protocol::frame::generation::gen_content_header_frame;
        let mut buffer = vec![0; 1 << 20];
        let (_, end) = gen_content_header_frame((&mut buffer, 0), 1, 60, 5, &properties.0).unwrap();
        // Type, channel and size before it, and the end mark behind it.
        end - 7 - 1
    }

    #[test]
    fn the_length_of_a_header_is_that_of_the_encoder() {
        assert_eq!(Properties::default().header_len(), 14);
        let some = Properties::persistent()
            .with_id("é".repeat(50))
            .with_timestamp(1)
            .with_priority(1)
            .with_expiration(5)
            .with_content_type("text/plain".to_owned())
            .with_header("big", "x".repeat(130_000));
        let others = AmqpProperties::default()
            .with_content_encoding("gzip".to_owned())
            .with_correlation_id("c".to_owned())
            .with_reply_to("amq.rabbitmq.reply-to.x".to_owned())
            .with_type_("t".to_owned())
            .with_user_id("u".to_owned())
            .with_app_id("a".to_owned())
            .with_cluster_id(String::new());
        for properties in [Properties::default(), some, Properties(others)] {
            assert_eq!(properties.header_len(), encoded_len(&properties));
        }
    }

    fn value() -> impl Strategy<Value = AmqpValue> {
        let leaf = prop_oneof![
            Just(AmqpValue::Void),
            any::<bool>().prop_map(AmqpValue::Boolean),
            any::<i8>().prop_map(AmqpValue::ShortShortInt),
            any::<u8>().prop_map(AmqpValue::ShortShortUInt),
            any::<i16>().prop_map(AmqpValue::ShortInt),
            any::<u16>().prop_map(AmqpValue::ShortUInt),
            any::<i32>().prop_map(AmqpValue::LongInt),
            any::<u32>().prop_map(AmqpValue::LongUInt),
            any::<i64>().prop_map(AmqpValue::LongLongInt),
            any::<f32>().prop_map(AmqpValue::Float),
            any::<f64>().prop_map(AmqpValue::Double),
            (any::<u8>(), any::<u32>()).prop_map(|(scale, value)| {
                AmqpValue::DecimalValue(amq_protocol::types::DecimalValue { scale, value })
            }),
            ".{0,40}".prop_map(AmqpValue::LongString),
            any::<u64>().prop_map(AmqpValue::Timestamp),
            vec(any::<u8>(), 0..40).prop_map(AmqpValue::ByteArray),
        ];
        leaf.prop_recursive(3, 30, 5, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..5).prop_map(AmqpValue::FieldArray),
                btree_map(".{0,10}", inner, 0..5).prop_map(AmqpValue::FieldTable),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_length_of_any_headers_is_that_of_the_encoder(
            table in btree_map(".{0,20}", value(), 0..6)
        ) {
            let properties = Properties(AmqpProperties::default().with_headers(table));
            prop_assert_eq!(properties.header_len(), encoded_len(&properties));
        }
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
