//! lapin, as a good user of it would use it. It sets `TCP_NODELAY` by itself.

use crate::target::Target;
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use futures_lite::StreamExt as _;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use std::collections::VecDeque;
use tokio::runtime::{Builder, Runtime};

/// Where, on what, and on which threads.
#[derive(Args)]
struct Common {
    #[command(flatten)]
    target: Target,
    /// The threads that lapin's futures run on
    #[arg(long, default_value = "single")]
    runtime: Threads,
}

/// tokio's two runtimes. lapin has a thread for the connection besides either.
#[derive(Clone, Copy, ValueEnum)]
enum Threads {
    Single,
    Multi,
}

#[derive(Args)]
pub struct Publish {
    #[command(flatten)]
    common: Common,
    /// Unconfirmed tasks at a time; 0: no confirms
    #[arg(long, default_value_t = 1000)]
    window: usize,
    /// The body
    #[arg(long, default_value = "0123456789abcdef")]
    body: String,
}

#[derive(Args)]
pub struct Consume {
    #[command(flatten)]
    common: Common,
    /// Unacknowledged tasks at a time
    #[arg(long, default_value_t = 1)]
    prefetch: u16,
    /// The broker forgets each task as it sends it
    #[arg(long)]
    no_ack: bool,
}

impl Common {
    fn run(&self, work: impl AsyncFnOnce(&Channel) -> Result<()>) -> Result<()> {
        self.runtime()?.block_on(self.with_channel(work))
    }

    fn runtime(&self) -> Result<Runtime> {
        let mut builder = match self.runtime {
            Threads::Single => Builder::new_current_thread(),
            Threads::Multi => Builder::new_multi_thread(),
        };
        Ok(builder.enable_all().build()?)
    }

    async fn with_channel(&self, work: impl AsyncFnOnce(&Channel) -> Result<()>) -> Result<()> {
        let options = ConnectionProperties::default();
        let connection = Connection::connect(&self.target.url, options).await?;
        let channel = connection.create_channel().await?;
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let name = self.target.queue.as_str().into();
        channel
            .queue_declare(name, durable, FieldTable::default())
            .await?;
        work(&channel).await?;
        connection.close(200, "".into()).await?;
        Ok(())
    }
}

impl Publish {
    pub fn run(&self) -> Result<()> {
        self.common.run(async |channel| self.publish(channel).await)
    }

    async fn publish(&self, channel: &Channel) -> Result<()> {
        if self.window > 0 {
            let options = ConfirmSelectOptions::default();
            channel.confirm_select(options).await?;
        }
        let mut unconfirmed = VecDeque::with_capacity(self.window);
        for _ in 0..self.common.target.count {
            let sent = channel
                .basic_publish(
                    "".into(),
                    self.common.target.queue.as_str().into(),
                    BasicPublishOptions {
                        mandatory: true,
                        ..BasicPublishOptions::default()
                    },
                    self.body.as_bytes(),
                    BasicProperties::default().with_delivery_mode(2),
                )
                .await?;
            if self.window == 0 {
                continue;
            }
            unconfirmed.push_back(sent);
            if unconfirmed.len() == self.window {
                confirmed(unconfirmed.pop_front().context("a window of 0")?.await?)?;
            }
        }
        for sent in unconfirmed {
            confirmed(sent.await?)?;
        }
        Ok(())
    }
}

fn confirmed(confirmation: Confirmation) -> Result<()> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        other => bail!("not confirmed: {other:?}"),
    }
}

impl Consume {
    pub fn run(&self) -> Result<()> {
        self.common.run(async |channel| self.consume(channel).await)
    }

    async fn consume(&self, channel: &Channel) -> Result<()> {
        channel
            .basic_qos(self.prefetch, BasicQosOptions::default())
            .await?;
        let mut consumer = channel
            .basic_consume(
                self.common.target.queue.as_str().into(),
                "peer".into(),
                BasicConsumeOptions {
                    no_ack: self.no_ack,
                    ..BasicConsumeOptions::default()
                },
                FieldTable::default(),
            )
            .await?;
        for _ in 0..self.common.target.count {
            let delivery = consumer.next().await.context("the consumer has ended")??;
            if !self.no_ack {
                delivery.ack(BasicAckOptions::default()).await?;
            }
        }
        Ok(())
    }
}
