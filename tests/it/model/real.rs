//! A client of a real broker: asks, and waits for as much as the model saw.

use super::broker::Series;
use super::broker::declaration::{Arguments, Value, Wish};
use super::broker::method::{ChannelId, ConsumerTag, Publish, Request, Settle, Settlement};
use super::{Published, Step};
use crate::env::DEADLINE;
use amiquip::{
    AmqpProperties, AmqpValue, Channel, Confirm, Connection, Consumer, ConsumerMessage,
    ConsumerOptions, Delivery, Error, FieldTable, QueueDeclareOptions, QueueDeleteOptions, Return,
};
use crossbeam_channel::Receiver;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::thread;
use std::time::{Duration, Instant};

pub struct Real {
    url: String,
    clients: BTreeMap<ChannelId, Client>,
}

/// A connection with one channel, which lives as long as the process: consumers borrow it.
struct Client {
    connection: Connection,
    channel: &'static Channel,
    confirms: Option<Receiver<Confirm>>,
    returns: Option<Receiver<Return>>,
    consumers: BTreeMap<ConsumerTag, ManuallyDrop<Consumer<'static>>>,
    deliveries: BTreeMap<u64, Delivery>,
    published: Published,
}

impl Real {
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            clients: BTreeMap::new(),
        }
    }

    /// The series of the broker.
    pub fn series(&self) -> Series {
        let connection = Connection::insecure_open(&self.url).unwrap();
        match connection.server_properties().get("version") {
            Some(AmqpValue::LongString(version)) => super::series(version),
            other => panic!("no version: {other:?}"),
        }
    }

    /// Runs a step, and tells what all clients observed, until it is as much as is expected.
    pub fn run(&mut self, step: &Step, expected: &[String]) -> Vec<String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = self.run_once(step, expected.len(), deadline);
            // A queue counts a moment later.
            let counts = seen.iter().all(|text| text.ends_with(" ready"));
            if !counts || seen == expected || Instant::now() > deadline {
                return seen;
            }
        }
    }

    fn run_once(&mut self, step: &Step, expected: usize, deadline: Instant) -> Vec<String> {
        let mut seen = Vec::new();
        match step {
            Step::Ask(number, request) => {
                let url = &self.url;
                let client = self.clients.entry(*number);
                let client = client.or_insert_with(|| Client::new(url));
                let told = client.ask(request);
                let closed = told.iter().any(|text| text.starts_with("closed"));
                seen.extend(told.into_iter().map(|text| format!("{number}: {text}")));
                if closed {
                    self.clients.remove(number);
                }
            }
            Step::Leave(number) => {
                if let Some(client) = self.clients.remove(number) {
                    client.connection.close().unwrap();
                }
            }
        }
        loop {
            self.look(&mut seen);
            if seen.len() >= expected || Instant::now() > deadline {
                seen.sort();
                return seen;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn look(&mut self, seen: &mut Vec<String>) {
        let mut gone = Vec::new();
        for (number, client) in &mut self.clients {
            for text in client.look() {
                if text.starts_with("closed") {
                    gone.push(*number);
                }
                seen.push(format!("{number}: {text}"));
            }
        }
        for number in gone {
            self.clients.remove(&number);
        }
    }
}

impl Client {
    fn new(url: &str) -> Self {
        let mut connection = Connection::insecure_open(url).unwrap();
        let channel = Box::leak(Box::new(connection.open_channel(None).unwrap()));
        Self {
            connection,
            channel,
            confirms: None,
            returns: None,
            consumers: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            published: Published::default(),
        }
    }

    /// Asks, and tells the answer.
    fn ask(&mut self, request: &Request) -> Vec<String> {
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
    fn look(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        let mut ended = false;
        let returns = self.returns.iter().flat_map(Receiver::try_iter);
        seen.extend(returns.map(|returned| {
            let body = String::from_utf8_lossy(&returned.content);
            let Return {
                reply_code,
                reply_text,
                routing_key,
                ..
            } = &returned;
            format!("returned {reply_code} {reply_text} {routing_key} {body}")
        }));
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
        let tag = delivery.delivery_tag();
        let headers = delivery.properties.headers().clone().unwrap_or_default();
        let headers = headers.iter().map(|(name, value)| {
            let text = match value {
                AmqpValue::LongString(text) => text.clone(),
                AmqpValue::LongLongInt(number) => number.to_string(),
                other => format!("{other:?}"),
            };
            (name.clone(), text)
        });
        let told = super::delivery(
            tag,
            delivery.redelivered,
            &delivery.body,
            &headers.collect(),
        );
        self.deliveries.insert(tag, delivery);
        told
    }
}

fn describe_error(error: &Error) -> String {
    match error {
        Error::ServerClosedChannel { code, message, .. }
        | Error::ServerClosedConnection { code, message } => format!("closed {code} {message}"),
        other => format!("closed: {other}"),
    }
}

fn options(arguments: &Arguments) -> QueueDeclareOptions {
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
