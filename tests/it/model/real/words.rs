//! What a real broker said, in the words of the comparison.

use super::super::broker::declaration::{Arguments, Value};
use super::super::{address, delivery};
use amiquip::{AmqpValue, Delivery, Error, QueueDeclareOptions, Return};

pub fn delivered(delivered: &Delivery) -> String {
    let headers = delivered.properties.headers().clone().unwrap_or_default();
    let headers = headers.iter().map(|(name, value)| {
        let text = match value {
            AmqpValue::LongString(text) => text.clone(),
            AmqpValue::LongLongInt(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        (name.clone(), text)
    });
    delivery(
        delivered.delivery_tag(),
        delivered.redelivered,
        &delivered.body,
        &headers.collect(),
    )
}

pub fn returned(returned: &Return) -> String {
    let body = String::from_utf8_lossy(&returned.content);
    let Return {
        reply_code,
        reply_text,
        routing_key,
        ..
    } = &returned;
    let to = address(routing_key);
    format!("returned {reply_code} {reply_text} {to} {body}")
}

pub fn describe_error(error: &Error) -> String {
    match error {
        Error::ServerClosedChannel { code, message, .. }
        | Error::ServerClosedConnection { code, message } => format!("closed {code} {message}"),
        other => format!("closed: {other}"),
    }
}

pub fn options(arguments: &Arguments) -> QueueDeclareOptions {
    let arguments = arguments.0.iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => AmqpValue::LongString(text.clone()),
            Value::Number(number) => AmqpValue::LongLongInt(*number),
        };
        (name.clone(), value)
    });
    QueueDeclareOptions {
        durable: true,
        arguments: arguments.collect(),
        ..QueueDeclareOptions::default()
    }
}
