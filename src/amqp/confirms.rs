//! Waits for what the broker says of published messages.

use super::Link;
use super::channel::Channel;
use super::consuming::Consuming;
use super::delivery::{AckMode, Delivery};
use super::publish_news::PublishNews;
use crate::base::cancellation::WhenCancelled;
use crate::base::fault::Fault;
use amiquip::{Confirm, ConnectionBlockedNotification, ConsumerMessage, Return};
use crossbeam_channel::{Receiver, never, select};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What [`Confirms::wait`] waited for.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "an answer is larger than a confirm, and neither is kept"
)]
pub enum Waited<T, A> {
    /// News of a publish.
    News(PublishNews),
    /// What the consumer of [`Confirms::listen_to`] received.
    Answer(Delivery),
    /// The broker ended that consumer: its queue is gone, or moves.
    ConsumerCancelled,
    /// Something came in on the other channel; `None`: its senders are gone.
    Inbox(Option<T>),
    /// An answer has come.
    Answered(A),
    /// The channel or the connection is gone.
    Closed,
    /// The user wants to stop.
    Cancelled,
    /// The deadline has passed.
    Timeout,
}

/// What the consumer of [`Confirms::listen_to`] hears.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are answers")]
pub enum Heard {
    /// A delivery.
    Answer(Delivery),
    /// The broker ended it.
    Cancelled,
    /// The channel or the connection is gone.
    End,
}

/// The receiving end of a channel's publisher confirms.
pub struct Confirms<'a> {
    verdicts: Receiver<Confirm>,
    returns: Receiver<Return>,
    blocked: Receiver<ConnectionBlockedNotification>,
    /// What came of that before.
    noted: VecDeque<ConnectionBlockedNotification>,
    /// A confirm that was taken while returns that belong before it were waiting.
    held_back: Option<Confirm>,
    /// Deliveries to a consumer on the same channel.
    answers: Option<Answers<'a>>,
    /// The broker has ended that consumer, which was not told yet.
    is_cancelled: bool,
    /// Why the channel ended, where that consumer was told.
    cause: Option<Fault>,
}

/// What a consumer receives.
struct Answers<'a> {
    messages: Receiver<ConsumerMessage>,
    channel: &'a Channel,
    settlement: AckMode,
}

impl Channel {
    /// Switches publisher confirms on, without waiting for the answer.
    pub fn confirms(&self, link: &Link) -> Result<Confirms<'_>, Fault> {
        let verdicts = self.client().listen_for_publisher_confirms()?;
        let returns = self.client().listen_for_returns()?;
        // `confirm.select` leaves with what is published at once, if anything is: the broker spends as much on
        // a packet as on a message.
        self.gate.hold();
        self.client().enable_publisher_confirms_nowait()?;
        Ok(Confirms {
            verdicts,
            returns,
            blocked: link.blocked.clone(),
            noted: link.noted.take().into(),
            held_back: None,
            answers: None,
            is_cancelled: false,
            cause: None,
        })
    }
}

impl<'a> Confirms<'a> {
    /// Takes in what came while we looked whether the connection stands.
    pub fn hear_of(&mut self, link: &Link) {
        self.noted.extend(link.noted.take());
    }

    /// Waits for what this consumer receives, too. It must outlive the waiting.
    pub fn listen_to(&mut self, consuming: &Consuming<'a>) {
        self.answers = Some(Answers {
            messages: consuming.messages().clone(),
            channel: consuming.channel(),
            settlement: consuming.settlement(),
        });
    }

    /// Waits for what the broker says; or for something in `inbox`, an answer to a request on another
    /// channel, the user's wish to stop, or the deadline.
    pub fn wait<T, A>(
        &mut self,
        inbox: &Receiver<T>,
        answered: &Receiver<A>,
        when_cancelled: &WhenCancelled,
        deadline: Instant,
    ) -> Waited<T, A> {
        if let Some(news) = self.try_news() {
            return Waited::News(news);
        }
        if std::mem::take(&mut self.is_cancelled) {
            return Waited::ConsumerCancelled;
        }
        let limit = deadline.saturating_duration_since(Instant::now());
        let nothing = never();
        let answers = match &self.answers {
            Some(answers) => answers.messages.clone(),
            None => nothing,
        };
        select! {
            recv(self.verdicts) -> confirm => match confirm {
                Ok(confirm) => Waited::News(self.after_returns(confirm)),
                Err(_) => Waited::Closed,
            },
            recv(self.blocked) -> news => match news {
                Ok(news) => Waited::News(PublishNews::of_blocked(news)),
                Err(_) => self.last_words(),
            },
            recv(answers) -> message => match self.answer(message.ok()) {
                Heard::Answer(delivery) => Waited::Answer(delivery),
                Heard::Cancelled => {
                    self.is_cancelled = false;
                    Waited::ConsumerCancelled
                }
                Heard::End => self.last_words(),
            },
            recv(inbox) -> item => Waited::Inbox(item.ok()),
            recv(answered) -> answer => match answer {
                Ok(answer) => Waited::Answered(answer),
                // Its sender lives as long as its receiver.
                Err(_) => Waited::Timeout,
            },
            recv(when_cancelled) -> _ => Waited::Cancelled,
            default(limit) => Waited::Timeout,
        }
    }

    /// A verdict or a return that is here already.
    pub fn try_news(&mut self) -> Option<PublishNews> {
        if let Some(news) = self.noted.pop_front() {
            return Some(PublishNews::of_blocked(news));
        }
        // amiquip queues a return before the confirm of the same message, but on another channel:
        // returns are looked at first, and once more after a confirm was taken.
        if let Ok(returned) = self.returns.try_recv() {
            return Some(PublishNews::of_return(&returned));
        }
        if let Some(confirm) = self.held_back.take() {
            return Some(PublishNews::of_confirm(confirm));
        }
        let confirm = self.verdicts.try_recv().ok()?;
        Some(self.after_returns(confirm))
    }

    /// A delivery to the consumer of [`Confirms::listen_to`] that is here already.
    pub fn try_answer(&mut self) -> Option<Heard> {
        let message = self.answers.as_ref()?.messages.try_recv().ok()?;
        Some(self.answer(Some(message)))
    }

    fn answer(&mut self, message: Option<ConsumerMessage>) -> Heard {
        let heard = match (message, &self.answers) {
            (Some(ConsumerMessage::Delivery(delivery)), Some(answers)) => {
                let delivery = answers.channel.received(delivery, answers.settlement);
                return Heard::Answer(delivery);
            }
            (Some(ConsumerMessage::ServerCancelled), _) => {
                self.is_cancelled = true;
                Heard::Cancelled
            }
            (
                Some(
                    ConsumerMessage::ServerClosedChannel(error)
                    | ConsumerMessage::ServerClosedConnection(error),
                ),
                _,
            ) => {
                self.cause = Some(error.into());
                Heard::End
            }
            _ => Heard::End,
        };
        self.answers = None;
        heard
    }

    /// Why the channel ended, where the consumer of [`Confirms::listen_to`] was told. The client
    /// library tells it once.
    pub fn take_cause(&mut self) -> Option<Fault> {
        // It may not have been looked at yet.
        while self.try_answer().is_some() {}
        self.cause.take()
    }

    fn after_returns(&mut self, confirm: Confirm) -> PublishNews {
        match self.returns.try_recv() {
            Ok(returned) => {
                self.held_back = Some(confirm);
                PublishNews::of_return(&returned)
            }
            Err(_) => PublishNews::of_confirm(confirm),
        }
    }

    /// The connection has ended. Confirms that came before still count.
    fn last_words<T, A>(&mut self) -> Waited<T, A> {
        match self.verdicts.recv_timeout(Duration::ZERO) {
            Ok(confirm) => Waited::News(self.after_returns(confirm)),
            Err(_) => Waited::Closed,
        }
    }
}
