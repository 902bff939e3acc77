//! A task that asks for its result, as any other client would ask.

use super::admin::{Admin, headers};
use amiquip::{AmqpProperties, Channel, ConsumerMessage, ConsumerOptions, Publish};
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;

impl Admin {
    /// Publishes a task and listens for its answer by direct reply-to.
    pub fn ask(&self, body: &str) -> Asked {
        const PSEUDO_QUEUE: &str = "amq.rabbitmq.reply-to";
        let channel = self.channel();
        let options = ConsumerOptions {
            no_ack: true,
            ..ConsumerOptions::default()
        };
        let receiver = {
            let consumer = ManuallyDrop::new(channel.basic_consume(PSEUDO_QUEUE, options).unwrap());
            consumer.receiver().clone()
        };
        let properties = AmqpProperties::default()
            .with_reply_to(PSEUDO_QUEUE.to_owned())
            .with_correlation_id(body.to_owned());
        let publish = Publish::with_properties(body.as_bytes(), &self.queue, properties);
        channel.basic_publish("", publish).unwrap();
        self.wait_for_ready(1);
        Asked {
            _channel: channel,
            receiver,
        }
    }
}

/// A question under way.
pub struct Asked {
    _channel: Channel,
    receiver: crossbeam_channel::Receiver<ConsumerMessage>,
}

/// The answer to a question.
pub struct Answer {
    pub body: String,
    pub correlation_id: String,
    pub headers: BTreeMap<String, String>,
}

impl Asked {
    /// Waits for the answer.
    pub fn answer(&self) -> Answer {
        match self.receiver.recv_timeout(super::DEADLINE).unwrap() {
            ConsumerMessage::Delivery(delivery) => Answer {
                body: String::from_utf8(delivery.body).unwrap(),
                correlation_id: delivery.properties.correlation_id().clone().unwrap(),
                headers: headers(&delivery.properties),
            },
            other => panic!("{other:?}"),
        }
    }
}
