//! One connection of the postman's.

use super::super::Message;
use super::{Destination, Letter};
use crate::amqp::{Channel, Confirmation, Confirms, Link, Waited, Waits};
use crate::confirms::{Outstanding, Verdict};
use crate::connection::Connector;
use crate::fault::{Fault, Kind};
use crate::task::Task;
use crossbeam_channel::Sender;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How long a broker that is not blocked may take to confirm before another connection is tried.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take to hand a letter over for sending. It waits only where tens of megabytes
/// are unsent.
const PUBLISH_LIMIT: Duration = Duration::from_secs(60);

/// An open connection, with what was declared over it. The channel closes before the connection.
pub(super) struct Line {
    confirms: Confirms,
    pub(super) channel: Channel,
    pub(super) link: Link,
    pub(super) declared: HashSet<String>,
    /// Places in the batch, by delivery tag.
    pub(super) outstanding: Outstanding<usize>,
    /// The broker takes nothing for now.
    blocked: bool,
}

impl Line {
    /// Opens a connection and a channel with publisher confirms; at the node `avoid` only if no
    /// other one answers.
    pub(super) fn open(connector: &Connector, avoid: Option<&str>) -> Result<Self, Fault> {
        let mut link = connector.connect(avoid, |_| {})?;
        let channel = link.channel()?;
        let confirms = channel.confirms(&link)?;
        Ok(Self {
            confirms,
            channel,
            link,
            declared: HashSet::new(),
            outstanding: Outstanding::default(),
            blocked: false,
        })
    }

    /// Hands the letter at `place` of the batch over for sending.
    pub(super) fn publish(&mut self, queue: &str, task: &Task, place: usize) -> Result<(), Fault> {
        self.channel
            .publish(queue, &task.properties, &task.body, PUBLISH_LIMIT)?;
        self.outstanding.published(place);
        Ok(())
    }

    /// The most telling reason for the end of this line.
    pub(super) fn diagnose(self, fault: Fault) -> Fault {
        let Self {
            channel, mut link, ..
        } = self;
        let fault = match channel.why_closed() {
            Some(cause) if fault.reply().is_none() && cause.reply().is_some() => cause,
            _ => fault,
        };
        link.diagnose(fault)
    }

    /// Waits until the broker has settled all that was published.
    pub(super) fn await_confirms(
        &mut self,
        batch: &[Letter],
        messages: &Sender<Message>,
    ) -> Settled {
        let mut settled = Settled::default();
        let mut returned: Vec<Option<String>> = Vec::new();
        let never = crossbeam_channel::never::<()>();
        while !self.outstanding.is_empty() {
            let waits = Waits {
                inbox: &never,
                answered: &never,
                when_cut: &never,
                deadline: Instant::now() + PATIENCE,
            };
            match self.confirms.wait(&waits) {
                Waited::News(Confirmation::Settled {
                    tag,
                    multiple,
                    verdict,
                }) => {
                    self.outstanding.settle(tag, multiple, |place| {
                        let letter = &batch[place];
                        let id = letter.task.properties.id();
                        let came_back = returned.iter().any(|back| back.as_deref() == id);
                        let is_answer = matches!(letter.to, Destination::Answer(_));
                        if is_answer || (verdict == Verdict::Ack && !came_back) {
                            settled.delivered.push(letter.number);
                        }
                    });
                }
                Waited::News(Confirmation::Returned { id, .. }) => returned.push(id),
                Waited::News(Confirmation::Blocked(reason)) => {
                    let text = format!(
                        "the broker takes nothing for now ({reason}); retries and dead letters wait"
                    );
                    let _ = messages.send(Message::Warning(text));
                    self.blocked = true;
                }
                Waited::News(Confirmation::Unblocked) => self.blocked = false,
                Waited::Timeout if self.blocked => {}
                other @ (Waited::Timeout
                | Waited::Closed
                | Waited::Inbox(_)
                | Waited::Answered(())
                | Waited::Cut
                | Waited::Answer(_)) => {
                    settled.timed_out = matches!(other, Waited::Timeout);
                    let text = "the connection for retries and dead letters broke";
                    settled.interrupted_by = Some(Fault::new(Kind::Lost, text));
                    return settled;
                }
            }
        }
        settled
    }
}

/// What came of a batch.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) delivered: Vec<u64>,
    /// The broker did not confirm in time.
    pub(super) timed_out: bool,
    pub(super) interrupted_by: Option<Fault>,
}
