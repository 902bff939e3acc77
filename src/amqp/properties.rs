//! The properties and headers of a message, kept whole.

use super::field_table::{as_text, table_len};
use amiquip::{AmqpProperties, AmqpValue, FieldTable};

/// `delivery_mode` of a message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// The name under which RabbitMQ delivers answers straight to the channel that asked, without a
/// queue in between.
pub const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

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

    /// The same `expiration` as in `other`.
    #[must_use]
    pub fn with_expiration_of(self, other: &Self) -> Self {
        match other.0.expiration() {
            Some(expiration) => Self(self.0.with_expiration(expiration.clone())),
            None => self,
        }
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

    /// The properties of a copy that is published again: persistent, without expiration (the task
    /// was taken in time), without the broker's own headers, without `CC`, which would route copies
    /// elsewhere, and without `user_id`, which the broker accepts from that user alone.
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

    /// Sets `correlation_id`: at most 255 bytes.
    #[must_use]
    pub fn with_correlation_id(self, correlation_id: String) -> Self {
        Self(self.0.with_correlation_id(correlation_id))
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

    /// `reply_to`: where the result is to be sent.
    #[must_use]
    pub fn reply_to(&self) -> Option<&str> {
        self.0.reply_to().as_deref()
    }

    /// No property but the `correlation_id`: those of an answer begin with it.
    #[must_use]
    pub fn answer(&self) -> Self {
        let mut answer = AmqpProperties::default();
        if let Some(id) = self.0.correlation_id() {
            answer = answer.with_correlation_id(id.clone());
        }
        Self(answer)
    }

    /// The same message, which survives a restart of the broker.
    #[must_use]
    pub fn made_persistent(self) -> Self {
        Self(self.0.with_delivery_mode(PERSISTENT))
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

/// Headers that brokers write, or act on.
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

#[cfg(test)]
mod tests;
