//! A connection to a real broker, with one channel.

use super::super::broker::ASKS;
use super::super::broker::declaration::Wish;
use super::super::broker::method::{ConsumerTag, Publish, Request, Settle, Settlement};
use super::super::{ANSWER, Published};
use super::words::{self, describe_error, options};
use amiquip::{
    AmqpProperties, AmqpValue, Channel, Confirm, Connection, ConnectionBlockedNotification,
    Consumer, ConsumerMessage, ConsumerOptions, Delivery, FieldTable, QueueDeclareOptions,
    QueueDeleteOptions, Return,
};
use crossbeam_channel::Receiver;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;

/// A connection with one channel, which lives as long as the process: consumers borrow it.
pub struct Client {
    connection: Connection,
    channel: &'static Channel,
    blocked: Receiver<ConnectionBlockedNotification>,
    confirms: Option<Receiver<Confirm>>,
    returns: Option<Receiver<Return>>,
    consumers: BTreeMap<ConsumerTag, ManuallyDrop<Consumer<'static>>>,
    deliveries: BTreeMap<u64, Delivery>,
    published: Published,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let mut connection = Connection::insecure_open(url).unwrap();
        let blocked = connection.listen_for_connection_blocked().unwrap();
        let channel = Box::leak(Box::new(connection.open_channel(None).unwrap()));
        Self {
            connection,
            channel,
            blocked,
            confirms: None,
            returns: None,
            consumers: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            published: Published::default(),
        }
    }

    pub fn leave(self) {
        self.connection.close().unwrap();
    }

    /// Answers what was handed over by this tag, straight to the channel that asked.
    pub fn answer(&mut self, tag: u64) -> Vec<String> {
        let asked = &self.deliveries[&tag].properties;
        let to = asked.reply_to().clone().unwrap();
        self.ask(&Request::Publish(Publish::plain(&to, ANSWER)))
    }

    /// Asks, and tells the answer.
    pub fn ask(&mut self, request: &Request) -> Vec<String> {
        match self.try_ask(request) {
            Ok(told) => told.into_iter().collect(),
            Err(error) => vec![describe_error(&error)],
        }
    }

    fn try_ask(&mut self, request: &Request) -> amiquip::Result<Option<String>> {
        match request {
            Request::Open => {}
            Request::Close => panic!("a client leaves with its channel"),
            Request::Declare(declaration) => {
                let queue = match &declaration.wish {
                    Wish::Passive => self.channel.queue_declare_passive(&declaration.queue)?,
                    Wish::Durable(arguments) => self
                        .channel
                        .queue_declare(&declaration.queue, options(arguments))?,
                    Wish::Transient => {
                        let options = QueueDeclareOptions::default();
                        self.channel.queue_declare(&declaration.queue, options)?
                    }
                };
                let ready = queue.declared_message_count().unwrap();
                return Ok(Some(format!("{ready} ready")));
            }
            Request::Delete(queue) => {
                let options = QueueDeleteOptions::default();
                let messages = self.channel.queue_delete(queue, options)?;
                return Ok(Some(format!("deleted with {messages}")));
            }
            Request::Purge(queue) => drop(self.channel.queue_purge(queue)?),
            Request::Confirms(_) => {
                self.confirms = Some(self.channel.listen_for_publisher_confirms()?);
                self.returns = Some(self.channel.listen_for_returns()?);
                self.channel.enable_publisher_confirms()?;
            }
            Request::Publish(publish) => self.publish(publish)?,
            Request::Prefetch(count) => self.channel.qos(0, *count, false)?,
            Request::Consume {
                queue,
                consumer,
                settlement,
            } => {
                let options = ConsumerOptions {
                    no_ack: *settlement == Settlement::ByTheBroker,
                    ..ConsumerOptions::default()
                };
                let started = self.channel.basic_consume(queue, options)?;
                self.consumers.insert(*consumer, ManuallyDrop::new(started));
            }
            Request::Cancel(consumer) => {
                if let Some(cancelled) = self.consumers.remove(consumer) {
                    cancelled.cancel()?;
                }
            }
            Request::Get(queue) => {
                let Some(got) = self.channel.basic_get(queue, false)? else {
                    return Ok(Some("got nothing".to_owned()));
                };
                return Ok(Some(self.delivered(got.delivery)));
            }
            Request::Settle { tag, multiple, how } => self.settle(*tag, *multiple, *how)?,
        }
        Ok(None)
    }

    fn publish(&mut self, publish: &Publish) -> amiquip::Result<()> {
        let task = &publish.task;
        let headers = task.properties.headers();
        let headers = headers.map(|(name, text)| (name.to_owned(), AmqpValue::LongString(text)));
        let mut properties = AmqpProperties::default().with_delivery_mode(2);
        let headers: FieldTable = headers.collect();
        if !headers.is_empty() {
            properties = properties.with_headers(headers);
        }
        if let Some(id) = task.properties.id() {
            properties = properties.with_message_id(id.to_owned());
        }
        if let Some(id) = task.properties.correlation_id() {
            // Each question has an id, by which its answer is known.
            properties = properties.with_correlation_id(id.to_owned());
            properties = properties.with_reply_to(ASKS.to_owned());
        }
        let publish = amiquip::Publish {
            body: &task.body,
            routing_key: publish.to.clone(),
            mandatory: publish.mandatory,
            immediate: false,
            properties,
        };
        self.published.publish();
        self.channel.basic_publish("", publish)
    }

    fn settle(&mut self, tag: u64, multiple: bool, how: Settle) -> amiquip::Result<()> {
        // Kept: a script may settle it twice, to see what the broker says.
        let delivery = self.deliveries[&tag].clone();
        match (how, multiple) {
            (Settle::Ack, false) => delivery.ack(self.channel),
            (Settle::Ack, true) => delivery.ack_multiple(self.channel),
            (Settle::Nack, false) => delivery.nack(self.channel, true),
            (Settle::Nack, true) => delivery.nack_multiple(self.channel, true),
            (Settle::Reject, _) => delivery.reject(self.channel, true),
        }
    }

    /// What came in since the last look.
    pub fn look(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        let mut ended = false;
        seen.extend(self.blocked.try_iter().map(|told| match told {
            ConnectionBlockedNotification::Blocked(_) => "blocked".to_owned(),
            ConnectionBlockedNotification::Unblocked => "unblocked".to_owned(),
        }));
        let returns = self.returns.iter().flat_map(Receiver::try_iter);
        seen.extend(returns.map(|returned| words::returned(&returned)));
        while let Some(confirms) = &self.confirms {
            match confirms.try_recv() {
                Ok(Confirm::Ack(confirm)) => {
                    let (tag, multiple) = (confirm.delivery_tag, confirm.multiple);
                    seen.extend(self.published.settle(tag, multiple, "acked"));
                }
                Ok(Confirm::Nack(confirm)) => {
                    let (tag, multiple) = (confirm.delivery_tag, confirm.multiple);
                    seen.extend(self.published.settle(tag, multiple, "nacked"));
                }
                Err(end) => {
                    ended |= end.is_disconnected();
                    break;
                }
            }
        }
        let messages: Vec<ConsumerMessage> = self
            .consumers
            .values()
            .flat_map(|consumer| consumer.receiver().try_iter())
            .collect();
        for message in messages {
            match message {
                ConsumerMessage::Delivery(delivery) => seen.push(self.delivered(delivery)),
                ConsumerMessage::ServerCancelled => seen.push("cancelled".to_owned()),
                ConsumerMessage::ServerClosedChannel(error)
                | ConsumerMessage::ServerClosedConnection(error) => {
                    seen.push(describe_error(&error));
                    return seen;
                }
                ConsumerMessage::ClientCancelled
                | ConsumerMessage::ClientClosedChannel
                | ConsumerMessage::ClientClosedConnection => {}
            }
        }
        if ended || (self.confirms.is_none() && self.consumers.is_empty()) {
            seen.extend(self.why_ended());
        }
        seen
    }

    /// A request on a channel that was closed tells why.
    fn why_ended(&self) -> Option<String> {
        let asked = self.channel.queue_declare_passive("amq.rabbitmq.reply-to");
        asked.err().map(|error| describe_error(&error))
    }

    fn delivered(&mut self, delivery: Delivery) -> String {
        let (tag, told) = (delivery.delivery_tag(), words::delivered(&delivery));
        self.deliveries.insert(tag, delivery);
        told
    }
}
