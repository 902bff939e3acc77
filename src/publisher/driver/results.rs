//! Receives results on the channel that is published on.

use super::Driver;
use super::step::Left;
use crate::amqp::{AckMode, Channel, ConsumeOptions, Consuming, DIRECT_REPLY_TO, Link, Prefetch};
use crate::base::fault::{Fault, Kind};
use crate::base::refusal;
use crate::publisher::user::{ResultsFrom, User};
use crate::queues::{ResultsQueue, may_forget, results_consumer_timeout};
use std::num::NonZeroU16;

/// How many results are delivered before the first is written and acknowledged: what a reader that is
/// slow can pile up here.
const PREFETCH: NonZeroU16 = NonZeroU16::new(64).unwrap();

/// A running consumer of results.
pub(super) struct Listening<'c> {
    pub(super) consuming: Consuming<'c>,
    /// How many unacknowledged results this channel's consumers may have been delivered in all, where
    /// that is limited.
    granted: Option<usize>,
}

impl Listening<'_> {
    /// Whether nothing more is delivered, as `held` results wait here for their turn.
    pub(super) fn is_starved(&self, held: usize) -> bool {
        self.granted.is_some_and(|granted| held >= granted)
    }
}

/// What came of the start of a consumer.
pub(super) enum Listen<'c> {
    /// It runs, if there is to be one.
    To(Option<Listening<'c>>),
    /// The channel has ended.
    Left(Left),
}

impl<U: User> Driver<'_, U> {
    /// Begins to receive results, where they are waited for.
    pub(super) fn listen<'c>(
        &mut self,
        link: &Link,
        channel: &'c Channel,
    ) -> Result<Listen<'c>, Fault> {
        let queue = match self.user.results() {
            None => return Ok(Listen::To(None)),
            Some(ResultsFrom::Queue(queue)) => queue,
            Some(ResultsFrom::Collected(queue)) => {
                self.has_results = true;
                queue
            }
            Some(ResultsFrom::DirectReply) => {
                let consuming = channel.consume(link, DIRECT_REPLY_TO, direct());
                return Ok(match consuming {
                    Ok(consuming) => Listen::To(Some(Listening {
                        consuming,
                        granted: None,
                    })),
                    Err(fault) => Listen::Left(Left::Ended(fault)),
                });
            }
        };
        let begun = self.make_sure_of(&queue, link, channel);
        let options = kept(&queue, link, PREFETCH);
        let consuming = begun.and_then(|()| channel.consume(link, &queue.name, options));
        let fault = match consuming {
            Ok(consuming) => {
                self.has_results = true;
                return Ok(Listen::To(Some(Listening {
                    consuming,
                    granted: Some(usize::from(PREFETCH.get())),
                })));
            }
            Err(fault) => fault,
        };
        let Some(reply) = fault
            .reply()
            .filter(|reply| reply.text.contains(&queue.name))
        else {
            return Ok(Listen::Left(Left::Ended(fault)));
        };
        if refusal::is_missing(reply, &queue.name) {
            self.has_results = false;
            self.user.results_lost()?;
        } else if matches!(fault.kind, Kind::Refused) {
            self.user.results_refused(fault)?;
        } else {
            // Such as a node that is down.
            let text = format!("the results cannot be received: {fault}");
            return Ok(Listen::Left(Left::Ended(Fault::new(Kind::Lost, text))));
        }
        Ok(Listen::Left(Left::Replaced))
    }

    /// Declares the queue the first time, without waiting: what is published after that finds it.
    /// Later it must still be there, as must be what is in it.
    fn make_sure_of(
        &self,
        queue: &ResultsQueue,
        link: &Link,
        channel: &Channel,
    ) -> Result<(), Fault> {
        if self.has_results {
            return channel.inspect(&queue.name).map(|_| ());
        }
        channel.declare_nowait(&queue.name, &queue.arguments())?;
        if may_forget(link.series()) {
            channel.declare_and_delete_exchange_nowait(&format!("{}.sync", queue.name))?;
        }
        Ok(())
    }

    /// Replaces a consumer whose deliveries all wait here for an earlier one. As many more may come.
    /// `None`: the broker refuses it.
    pub(super) fn listen_for_more<'c>(
        &mut self,
        link: &Link,
        mut starved: Listening<'c>,
    ) -> Result<Option<Listening<'c>>, Fault> {
        let Ok(left) = starved.consuming.cancel() else {
            return Ok(None);
        };
        for delivery in left {
            self.take_result(delivery)?;
        }
        let channel = starved.consuming.channel();
        let granted = starved.granted.unwrap_or_default();
        let more = u16::try_from(granted).unwrap_or(u16::MAX);
        let more = NonZeroU16::new(more).unwrap_or(PREFETCH);
        let Some(ResultsFrom::Queue(queue) | ResultsFrom::Collected(queue)) = self.user.results()
        else {
            return Ok(Some(starved));
        };
        drop(starved);
        let consuming = channel.consume(link, &queue.name, kept(&queue, link, more));
        Ok(consuming.ok().map(|consuming| Listening {
            consuming,
            granted: Some(granted + usize::from(more.get())),
        }))
    }

    /// All results are written. The broker deletes the queue before it answers the end of the
    /// connection.
    pub(super) fn delete_results(&self, channel: &Channel) {
        if let (true, Some(ResultsFrom::Queue(queue))) =
            (self.user.deletes_results(), self.user.results())
        {
            // It expires by itself if this does not arrive.
            let _ = channel.delete_nowait(&queue.name);
        }
    }
}

fn direct() -> ConsumeOptions {
    ConsumeOptions {
        prefetch: Prefetch::Unlimited,
        settlement: AckMode::ByTheBroker,
        timeout: None,
    }
}

fn kept(queue: &ResultsQueue, link: &Link, prefetch: NonZeroU16) -> ConsumeOptions {
    ConsumeOptions {
        prefetch: Prefetch::AtMost(prefetch),
        settlement: AckMode::ByUs,
        timeout: results_consumer_timeout(queue.queue_type, link.series()),
    }
}
