//! Why a peer is not spoken to any more.

use std::fmt;

/// Why a peer is not spoken to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// The first bytes are not those of AMQP 0-9-1.
    NotAmqp,
    /// The first byte is one of TLS: an alert, as our greeting is not TLS.
    Tls,
    /// The peer is an AMQP broker, but wants another version of the protocol.
    OtherVersion,
    /// A frame is larger than agreed, or malformed.
    BadFrame,
    /// A body larger than RabbitMQ can be configured for.
    BodyTooLarge,
    /// More answers came than there can have been questions.
    TooManyAnswers,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls => "the server at this address speaks TLS",
            Self::NotAmqp => "the server at this address does not speak AMQP 0-9-1",
            Self::OtherVersion => "the broker speaks another version of AMQP than 0-9-1",
            Self::BadFrame => "the peer sent a malformed AMQP frame",
            Self::TooManyAnswers => "the peer answered more than it was asked",
            Self::BodyTooLarge => "the peer announced a body of more than 512 MiB",
        })
    }
}
