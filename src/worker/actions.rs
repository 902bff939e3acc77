//! What the core wants done.

use super::core::{Action, CannotRun, Counts, Event, Input, Moment, Start, Verdict};
use super::paused_mark::PausedMark;
use super::queues::{self, inspect};
use super::session::{Place, Session, Turn};
use crate::amqp::{AckToken, Channel, Declared};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::queues::QueueType;

impl Session<'_> {
    /// Carries out what is to be done now, and lets pretended work end. `None`: there is nothing
    /// left to do but wait.
    pub(super) fn follow(&mut self, mut place: Option<&mut Place<'_, '_>>) -> Option<Turn> {
        loop {
            while let Some(action) = self.core.poll() {
                // Messages wait for each other, and for nothing else.
                if !matches!(action, Action::Publish(_)) {
                    self.publishing.pass_on();
                }
                let turn = match place.as_deref_mut() {
                    Some(place) => self.carry_out(action, place),
                    None => self.carry_out_unconnected(action),
                };
                if turn.is_some() {
                    return turn;
                }
            }
            self.publishing.pass_on();
            self.teller.pass_on_rest();
            let now = Moment::now();
            let (slot, outcome) = self.work.ended(now.instant)?;
            self.teller.bars.ended(slot);
            self.core.handle(now, Input::Ended { slot, outcome });
        }
    }

    /// Carries out an action where there is a consumer, or was one.
    fn carry_out(&mut self, action: Action, place: &mut Place<'_, '_>) -> Option<Turn> {
        let done = match action {
            Action::Acknowledge(tokens) => self.acknowledge(tokens, place),
            Action::Return(token) => {
                self.monitoring.calls_broker();
                let channels = channels(place);
                let mut own = channels.filter(|channel| channel.epoch() == token.channel);
                own.next().map_or(Ok(()), |channel| channel.requeue(token))
            }
            Action::CancelConsumer => self.cancel(place),
            Action::Count(queues) => self.count(&queues, place),
            other => return self.carry_out_unconnected(other),
        };
        done.err().map(Turn::Lost)
    }

    /// Carries out an action that needs no connection. What needs one is void without.
    fn carry_out_unconnected(&mut self, action: Action) -> Option<Turn> {
        match action {
            Action::Connect => return Some(Turn::Connect),
            Action::Consume(on) => return Some(Turn::Consume(on)),
            Action::End(end) => return Some(Turn::End(end)),
            Action::Start(start) => self.start(start),
            Action::Signal(urgency) => self.work.signal(urgency, Moment::now().instant),
            Action::Publish(outgoing) => {
                // Others, who get a result or the task, must not be told of what this worker has
                // not told.
                let heard = self.make_heard();
                let number = outgoing.number;
                let (settings, queue_type) = (&self.settings, self.known.queue_type);
                let publishing = &mut self.publishing;
                let published =
                    heard.and_then(|()| publishing.publish(*outgoing, settings, queue_type));
                if let Err(fault) = published {
                    let verdict = Verdict::Undecided(fault);
                    self.happened(Input::Verdict { number, verdict });
                }
            }
            Action::Report(event) => self.tell(event),
            Action::Acknowledge(tokens) => self.happened(Input::NotAcknowledged(tokens)),
            Action::Withdraw(number) => self.publishing.withdraw(number),
            Action::Return(_) | Action::CancelConsumer | Action::Count(_) => {}
        }
        None
    }

    /// Begins a task, unless nobody hears that it has begun.
    fn start(&mut self, start: Start) {
        // The command may write to the same terminal.
        let heard = if self.settings.has_command {
            self.make_heard()
        } else {
            Ok(())
        };
        match heard {
            Err(fault) if !self.work.has_begun(start.slot) => {
                let slot = start.slot;
                self.teller.bars.ended(slot);
                let why = CannotRun::Ever(fault);
                self.happened(Input::NotStarted { slot, why });
            }
            _ => self.work.start(start, Moment::now().instant),
        }
    }

    fn tell(&mut self, event: Event) {
        if let Event::Received(of) = &event {
            let takes = self.work.takes(&of.task.body);
            let bars = &mut self.teller.bars;
            if let Some(slot) = of.slot {
                bars.started(slot, &of.task.body, takes);
            }
        }
        match &event {
            Event::Paused(_) => self.paused = PausedMark::set(&self.settings),
            Event::Resumed | Event::Draining(_) => self.paused = None,
            _ => {}
        }
        self.monitoring.happened(&event);
        self.teller.tell(event, &self.known.broker);
    }

    /// Acknowledges deliveries. What they came to is written out before: a task that nobody heard
    /// of is still in the queue.
    fn acknowledge(
        &mut self,
        tokens: Vec<AckToken>,
        place: &mut Place<'_, '_>,
    ) -> Result<(), Fault> {
        if !self.flush() {
            // Nobody has read what they came to.
            self.happened(Input::NotAcknowledged(tokens));
            return Ok(());
        }
        self.monitoring.calls_broker();
        let mut acked = Ok(());
        for channel in channels(place) {
            acked = acked.and(channel.ack_all(tokens.iter().copied()));
        }
        if acked.is_err() {
            self.happened(Input::NotAcknowledged(tokens));
        } else {
            place.earlier.retain(Channel::has_unsettled);
        }
        acked
    }

    fn cancel(&mut self, place: &mut Place<'_, '_>) -> Result<(), Fault> {
        // It may be for a stop, which those who watch are to see at once.
        self.tick();
        self.monitoring.calls_broker();
        let now = Moment::now();
        for delivery in place.consuming.cancel()? {
            self.delivered(now, delivery);
        }
        self.happened(Input::ConsumerStopped);
        Ok(())
    }

    fn count(&mut self, queues: &[String], place: &mut Place<'_, '_>) -> Result<(), Fault> {
        let mut delayed = 0_u32;
        for queue in queues {
            self.monitoring.calls_broker();
            let found = inspect(place.link, queue)?;
            delayed = delayed.saturating_add(found.map_or(0, |found| found.ready));
        }
        // On the channel of the deliveries, so that the answer comes behind them.
        let found = self.inspect(place)?;
        // What was delivered before the answer counts.
        while let Some(event) = place.consuming.try_delivery() {
            self.take_in(place, event)?;
        }
        self.happened(Input::Counts(Counts {
            ready: found.ready,
            delayed,
            consumers: found.consumers,
            cancelled_count: self.known.queue_type == Some(QueueType::Quorum),
        }));
        Ok(())
    }

    /// What the broker says of the work queue.
    pub(super) fn inspect(&self, place: &Place<'_, '_>) -> Result<Declared, Fault> {
        self.monitoring.calls_broker();
        let queue = self.settings.queue.name.as_str();
        match place.channel.inspect(queue) {
            Ok(found) => Ok(found),
            Err(fault) if queues::may_be_declared(&self.settings.queue, &fault) => {
                // It was deleted a moment ago, and the channel is closed. The next connection makes it.
                let text = format!("queue `{}` was deleted", escape(queue.as_bytes()));
                Err(Fault::new(Kind::Lost, text))
            }
            Err(fault) => Err(fault),
        }
    }
}

/// All channels that deliveries may have come over.
fn channels<'a>(place: &'a Place<'_, '_>) -> impl Iterator<Item = &'a Channel> {
    place.earlier.iter().chain([place.channel])
}
