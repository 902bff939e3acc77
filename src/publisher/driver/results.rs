//! Receives results on the channel that is published on.

use super::Driver;
use super::allowance::{Allowance, PREFETCH};
use super::step::Left;
use crate::amqp::{
    AckMode, AckToken, Channel, ConsumeOptions, Consuming, DIRECT_REPLY_TO, Link, Prefetch,
};
use crate::base::fault::{Fault, Kind};
use crate::base::refusal;
use crate::publisher::user::{ResultsFrom, User};
use crate::queues::{ResultsQueue, may_forget, results_consumer_timeout};
use std::num::NonZeroU16;

/// A running consumer of results.
pub(super) struct Listening<'c> {
    pub(super) consuming: Consuming<'c>,
    /// How many unacknowledged results it is delivered, where that is limited.
    allowance: Option<Allowance>,
}

impl Listening<'_> {
    /// These results are acknowledged.
    pub(super) fn acknowledged(&mut self, tokens: &[AckToken]) {
        let epoch = self.consuming.channel().epoch();
        if let Some(allowance) = &mut self.allowance {
            let own = tokens.iter().filter(|token| token.channel == epoch);
            own.for_each(|token| allowance.acknowledged(token.tag));
        }
    }

    /// How many acknowledgements need not wait any longer, where `held` results wait for their turn: a
    /// quarter of what may be delivered besides them.
    pub(super) fn enough_acks(&self, held: usize) -> usize {
        let allowance = self.allowance.as_ref();
        let prefetch = allowance.map_or(0, |allowance| usize::from(allowance.prefetch()));
        prefetch.saturating_sub(held) / 4
    }

    /// How many the next consumer is to be delivered, if this one is to be replaced. `held` results
    /// wait for their turn.
    pub(super) fn better(&mut self, newest: u64, held: usize) -> Option<NonZeroU16> {
        self.allowance.as_mut()?.better(newest, held)
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
                        allowance: None,
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
                let allowance = Some(Allowance::new(PREFETCH, self.newest_result));
                return Ok(Listen::To(Some(Listening {
                    consuming,
                    allowance,
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

    /// Replaces a consumer by one that is delivered as many as `prefetch`. What came before stays
    /// here, and does not count for it. `None`: the broker refuses it.
    pub(super) fn listen_with<'c>(
        &mut self,
        link: &Link,
        mut before: Listening<'c>,
        prefetch: NonZeroU16,
    ) -> Result<Option<Listening<'c>>, Fault> {
        let Ok(left) = before.consuming.cancel() else {
            return Ok(None);
        };
        for delivery in left {
            self.take_result(delivery)?;
        }
        let channel = before.consuming.channel();
        let Some(ResultsFrom::Queue(queue) | ResultsFrom::Collected(queue)) = self.user.results()
        else {
            return Ok(Some(before));
        };
        drop(before);
        let consuming = channel.consume(link, &queue.name, kept(&queue, link, prefetch));
        Ok(consuming.ok().map(|consuming| Listening {
            consuming,
            allowance: Some(Allowance::new(prefetch, self.newest_result)),
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
