//! amiquip, which `new_task` and `worker` use: what the client library takes by itself. It must be told to
//! set `TCP_NODELAY`.

use crate::target::{ID, SENT_AT, Sending};
use amiquip::{
    AmqpProperties, Auth, Confirm, Connection, ConnectionOptions, ConnectionTuning, Publish,
    QueueDeclareOptions,
};
use anyhow::{Error, Result, bail};
use clap::Args;
use lapin::uri::AMQPUri;
use std::net::TcpStream;

#[derive(Args)]
pub struct PublishAmiquip {
    #[command(flatten)]
    sending: Sending,
}

impl PublishAmiquip {
    pub fn run(&self) -> Result<()> {
        let mut connection = self.connect()?;
        let channel = connection.open_channel(None)?;
        let confirms = channel.listen_for_publisher_confirms()?;
        channel.enable_publisher_confirms_nowait()?;
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        channel.queue_declare_nowait(self.sending.target.queue.as_str(), durable)?;
        let (mut sent, mut confirmed) = (0, 0);
        while confirmed < self.sending.target.count {
            let free = self.sending.window - (sent - confirmed);
            if free >= self.sending.window.div_ceil(2) {
                for _ in 0..free.min(self.sending.target.count - sent) {
                    channel.basic_publish("", self.task())?;
                    sent += 1;
                }
            }
            // The tag of the last of those that are confirmed is their number.
            match confirms.recv()? {
                Confirm::Ack(ack) => confirmed = ack.delivery_tag,
                nack @ Confirm::Nack(_) => bail!("not confirmed: {nack:?}"),
            }
        }
        Ok(connection.close()?)
    }

    fn connect(&self) -> Result<Connection> {
        let uri: AMQPUri = self.sending.target.url.parse().map_err(Error::msg)?;
        let stream = TcpStream::connect((uri.authority.host.as_str(), uri.authority.port))?;
        stream.set_nodelay(true)?;
        let auth = Auth::Plain {
            username: uri.authority.userinfo.username,
            password: uri.authority.userinfo.password,
        };
        let options = ConnectionOptions::default()
            .auth(auth)
            .virtual_host(uri.vhost);
        // As `new_task` has it in bulk.
        let tuning = ConnectionTuning::default().mem_channel_bound(512);
        let stream = mio::net::TcpStream::from_stream(stream)?;
        Ok(Connection::insecure_open_stream(stream, options, tuning)?)
    }

    fn task(&self) -> Publish<'_> {
        Publish {
            body: self.sending.body.as_bytes(),
            routing_key: self.sending.target.queue.clone(),
            mandatory: true,
            immediate: false,
            properties: AmqpProperties::default()
                .with_delivery_mode(2)
                .with_message_id(ID.to_owned())
                .with_timestamp(SENT_AT),
        }
    }
}
