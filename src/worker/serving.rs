//! The loop: what happens goes to the core, and what follows is carried out.
//!
//! One thread owns the connection and all state. It waits for deliveries, for signals, for the end
//! of commands and for verdicts on messages, and it alone acknowledges.

use super::commands::Commands;
use super::connecting::Attempts;
use super::core::policy::Ack;
use super::core::{self, End, Input, Moment, Reason};
use super::incoming::Incoming;
use super::queues;
use super::session::{Place, Session, Turn};
use crate::amqp::{Channel, ConsumerEvent, Link};
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::queues::{QueueType, adoption_note};
use std::time::{Duration, Instant};

/// How many deliveries that are here already are taken in before anything else is looked at.
const AT_ONCE: usize = 1000;

/// How long deliveries are left where they are while slots have tasks to go on with. Longer saves little
/// more: acknowledgements wake this thread every 20 ms.
const LINGER: Duration = Duration::from_millis(10);

impl Session<'_> {
    /// Works to the end.
    pub(super) fn run(mut self) -> Result<ExitCode, Fault> {
        let end = self.work();
        self.monitoring.stopped();
        self.teller.bars.clear();
        self.teller.stopped(end.reason.name());
        match (end.fault, end.reason, self.teller.failure()) {
            (Some(fault), _, _) => Err(fault),
            (None, Reason::Interrupted, _) => Ok(ExitCode::Interrupted),
            (None, _, Some(fault)) => Err(fault.clone()),
            (None, _, None) => Ok(ExitCode::Done),
        }
    }

    fn work(&mut self) -> End {
        let mut attempts = Attempts::default();
        loop {
            let mut link = match self.await_link(&mut attempts) {
                Ok(link) => link,
                Err(end) => return end,
            };
            self.known.broker = link.address().to_owned();
            let since = Instant::now();
            match self.serve(&mut link) {
                Ok(end) => {
                    self.say_goodbye(link, &end);
                    return end;
                }
                Err(fault) => {
                    let fault = link.diagnose(fault);
                    attempts.lost(link.address().to_owned(), since);
                    self.known.ready = None;
                    self.happened(Input::ConnectionLost(fault));
                }
            }
        }
    }

    /// Works over `link` to the end, or as long as it holds.
    fn serve(&mut self, link: &mut Link) -> Result<End, Fault> {
        if !self.known.has_looked {
            self.known.has_looked = true;
            self.monitoring.calls_broker();
            if let Some(missing) = queues::first_missing(&self.settings, link)? {
                self.teller.warn(&missing.to_string());
            }
        }
        self.happened(Input::Connected);
        let mut earlier = Vec::new();
        let mut turn = self.follow(None);
        loop {
            match turn {
                Some(Turn::End(end)) => return Ok(end),
                Some(Turn::Lost(fault)) => return Err(fault),
                Some(Turn::Connect | Turn::Consume(_)) | None => {}
            }
            let channel = self.open(link)?;
            turn = self.serve_channel(link, &channel, &mut earlier)?;
            earlier.push(channel);
            earlier.retain(Channel::has_unsettled);
        }
    }

    /// Opens a channel on which the queue stands ready.
    fn open(&mut self, link: &mut Link) -> Result<Channel, Fault> {
        self.monitoring.calls_broker();
        let (channel, found) = self.settings.queue.open(link)?;
        self.known.queue_type = found.queue_type.or(self.known.queue_type);
        if found.has_unknown_arguments {
            self.happened(Input::UnknownArguments);
        }
        if let (Some(current), false) = (found.adopted, self.known.has_noted_adoption) {
            let note = adoption_note(&self.settings.queue.name, &current);
            self.teller.note(&note);
            self.known.has_noted_adoption = true;
        }
        Ok(channel)
    }

    /// Consumes on `channel` until another one is wanted, or the end. `None`: it is tried once more.
    fn serve_channel(
        &mut self,
        link: &mut Link,
        channel: &Channel,
        earlier: &mut Vec<Channel>,
    ) -> Result<Option<Turn>, Fault> {
        loop {
            self.monitoring.calls_broker();
            let queue = self.settings.queue.name.as_str();
            let queue_type = self.known.queue_type;
            let options =
                self.settings
                    .consume_options(self.core.prefetch(), link.series(), queue_type);
            let consuming = match channel.consume(link, queue, options) {
                Err(fault) if options.timeout.is_some() && queues::is_timeout_refused(&fault) => {
                    // Only a queue that was not declared can turn out to be classic here.
                    self.known.queue_type = Some(QueueType::Classic);
                    return Ok(None);
                }
                // It was deleted a moment after it was declared.
                Err(fault) if queues::may_be_declared(&self.settings.queue, &fault) => {
                    return Ok(None);
                }
                consuming => consuming?,
            };
            self.happened(Input::Consuming);
            let turn = self.pump(&mut Place {
                link,
                channel,
                earlier,
                consuming,
                took_in: Instant::now(),
            });
            match turn {
                Turn::Consume(core::ConsumeOn::Same) => {}
                other => return Ok(Some(other)),
            }
        }
    }

    /// The heart: deliveries in, acknowledgements out.
    fn pump(&mut self, place: &mut Place<'_, '_>) -> Turn {
        loop {
            self.look_at_host();
            if let Some(turn) = self.follow(Some(place)) {
                return turn;
            }
            if !self.flush() {
                continue;
            }
            if let Err(fault) = self.count_for_the_terminal(place) {
                return Turn::Lost(fault);
            }
            self.draw();
            self.tick();
            self.offer_next();
            let event = self.next_event(place);
            self.hear_of_taken();
            if let Err(fault) = self.take_in(place, event) {
                return Turn::Lost(fault);
            }
        }
    }

    /// Waits for an event. While slots have tasks to go on with, deliveries are left for [`LINGER`], as each
    /// that wakes this thread costs as much as a twentieth of a short command.
    fn next_event(&mut self, place: &mut Place<'_, '_>) -> ConsumerEvent<Incoming> {
        let left_until = place.took_in + LINGER;
        let left = left_until.saturating_duration_since(Instant::now());
        if self.may_leave_deliveries() && !left.is_zero() {
            if let Ok(message) = self.messages.recv_timeout(left.min(self.patience())) {
                return ConsumerEvent::Inbox(message);
            }
        }
        let event = place.consuming.wait(&self.messages, self.patience());
        if !matches!(event, ConsumerEvent::Inbox(_)) {
            place.took_in = Instant::now();
        }
        event
    }

    /// Whether nothing is lost while deliveries are left where they are: no slot runs out of tasks, and the
    /// core does not measure how long the next one takes.
    fn may_leave_deliveries(&mut self) -> bool {
        let commands = self.work.commands();
        !self.core.times_delivery() && commands.is_some_and(|commands| commands.has_offered())
    }

    /// Lets slots go on by themselves when their commands end, while this thread waits.
    fn offer_next(&mut self) {
        if let Some(commands) = self.work.commands() {
            commands.offer(self.core.next_tasks(), self.core.ends_until_due());
        }
    }

    /// Where slots have gone on by themselves, the core must hear of it before anything else, which may
    /// change what is next.
    fn hear_of_taken(&mut self) {
        let taken = self.work.commands().map(Commands::take_back);
        for ended in taken.into_iter().flatten() {
            self.ran(ended.at, ended.slot, Ok(ended.ran));
        }
    }

    /// Takes in an event, and the deliveries that are here behind it.
    pub(super) fn take_in(
        &mut self,
        place: &mut Place<'_, '_>,
        event: ConsumerEvent<Incoming>,
    ) -> Result<(), Fault> {
        let mut event = Some(event);
        let now = Moment::now();
        for _ in 0..AT_ONCE {
            match event.take() {
                Some(ConsumerEvent::Delivery(delivery)) => {
                    self.delivered(now, delivery);
                    event = place.consuming.try_delivery();
                }
                Some(ConsumerEvent::Inbox(message)) => {
                    self.handle(message);
                    return Ok(());
                }
                Some(ConsumerEvent::Cancelled) => {
                    self.monitoring.calls_broker();
                    let why = queues::why_cancelled(&self.settings.queue, place.link)?;
                    self.happened(Input::ConsumerCancelled(why));
                    return Ok(());
                }
                Some(ConsumerEvent::Ended(fault)) => return Err(fault),
                Some(ConsumerEvent::Timeout) => {
                    self.core.handle(now, Input::Time);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
        match event {
            Some(ConsumerEvent::Delivery(delivery)) => {
                self.delivered(now, delivery);
                Ok(())
            }
            Some(other) => self.take_in(place, other),
            None => Ok(()),
        }
    }

    /// All is done and acknowledged. The goodbye makes sure that the broker has read the
    /// acknowledgements; without its answer some tasks may be done again.
    fn say_goodbye(&self, mut link: Link, end: &End) {
        let is_interrupted = matches!(end.reason, Reason::Interrupted);
        let acknowledges = self.settings.core.ack == Ack::After;
        if let (Err(fault), false, true) = (link.close(), is_interrupted, acknowledges) {
            self.teller.warn(&format!(
                "{fault}; the last acknowledgements may not have arrived, and those tasks would be \
                 done again"
            ));
        }
    }
}
