//! From connecting to consuming, and back when the connection breaks.

use super::status::inspect;
use super::{Message, Stop, Worker, events};
use crate::amqp::{Channel, ConsumeOptions, Consuming, Event, Link, Series};
use crate::backoff::Backoff;
use crate::cli::Ack;
use crate::fault::{Fault, Kind};
use crate::progress;
use crate::topology::{Declare, QueueType, adoption_note};
use crossbeam_channel::{Receiver, after, bounded, never, select};
use serde_json::json;
use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

/// How often an idle worker with `--exit-when-empty` asks whether the queue is empty, and how
/// often the count on the terminal is renewed. One question costs the broker about 0.1 ms.
const POLL: Duration = Duration::from_millis(100);
const COUNT: Duration = Duration::from_secs(1);

/// So many deliveries that are here already are taken in before anything else is looked at.
const AT_ONCE: usize = 1000;

/// A connection that lasted so long was a good one.
const SERVED_WELL: Duration = Duration::from_secs(5);

/// Why consuming paused.
enum Pause {
    /// To stop.
    Stop,
    /// Nothing runs, and the broker says that nothing is ready; or the consumer is cancelled
    /// already, and what it was handed is done.
    SeemsEmpty,
    /// The broker ended the consumer.
    Cancelled,
}

impl Worker<'_> {
    /// Works until it is to stop.
    pub(super) fn work(&mut self) -> Result<(), Fault> {
        let mut backoff = Backoff::default();
        let mut pause = Duration::ZERO;
        let mut lost = None;
        loop {
            let Some(mut link) = self.await_link(lost, pause)? else {
                return Ok(());
            };
            lost = Some(link.address().to_owned());
            let connected = Instant::now();
            let fault = match self.serve(&mut link) {
                Ok(()) => {
                    self.say_goodbye(link);
                    return Ok(());
                }
                Err(fault) => link.diagnose(fault),
            };
            self.void_deliveries();
            self.ready = None;
            if self.is_stopping() {
                self.finish_running();
                if self.void_acks == 0 {
                    return Ok(());
                }
                return Err(fault);
            }
            if !fault.is_transient() {
                self.stop(Stop::Failed(fault));
                self.finish_running();
                return Ok(());
            }
            events::plain(
                self.report,
                "disconnected",
                "reason",
                json!(fault.to_string()),
            );
            self.flush();
            let running = match self.slots.running() {
                0 => String::new(),
                count => format!("; {count} running task(s) go on"),
            };
            self.warn(&format!("{fault}; connecting again{running}"));
            // A broker that takes connections and drops them must not be hammered.
            if connected.elapsed() > SERVED_WELL {
                backoff = Backoff::default();
                pause = Duration::ZERO;
            } else {
                pause = backoff.step();
            }
        }
    }

    /// Connects after a `pause`, while running tasks go on; to the node whose connection was
    /// `lost` only if no other one answers. `None`: it stopped meanwhile.
    fn await_link(&mut self, lost: Option<String>, pause: Duration) -> Result<Option<Link>, Fault> {
        let (sender, links) = bounded(1);
        let connector = self.settings.connector.clone();
        let messages = self.sender.clone();
        thread::Builder::new()
            .name("connector".to_owned())
            .spawn(move || {
                let _ = connector.options.when_cut.recv_timeout(pause);
                let connected = connector.connect(lost.as_deref(), |fault| {
                    let _ = messages.send(Message::Retrying(fault.clone()));
                });
                let _ = sender.send(connected);
            })
            .map_err(|error| {
                let text = format!("cannot start a thread to connect with: {error}");
                Fault::new(Kind::Unreachable, text)
            })?;
        loop {
            self.begin_tasks();
            self.end_due_tasks(None);
            self.draw();
            if self.is_stopping() {
                self.finish_running();
                return Ok(None);
            }
            match self.next_link(&links) {
                Some(Ok(link)) => return Ok(Some(link)),
                Some(Err(fault)) => {
                    self.stop(Stop::Failed(fault));
                }
                None => {}
            }
        }
    }

    fn next_link(&mut self, links: &Receiver<Result<Link, Fault>>) -> Option<Result<Link, Fault>> {
        // Idle time counts only while there is a broker that could hand tasks out.
        let due = match earliest(self.slots.next_due(), self.next_tick()) {
            Some(at) => after(at.saturating_duration_since(Instant::now())),
            None => never(),
        };
        select! {
            recv(links) -> link => link.ok(),
            recv(self.messages) -> message => {
                if let Ok(message) = message {
                    self.handle(message, None);
                }
                None
            }
            recv(due) -> _ => None,
        }
    }

    /// Consumes over `link` until it is to stop (`Ok`) or cannot go on.
    fn serve(&mut self, link: &mut Link) -> Result<(), Fault> {
        if !self.has_waited {
            self.look_for_queues_beside(link)?;
        }
        loop {
            let opened = self.settings.queue.open(link)?;
            self.queue_type = opened.queue_type.or(self.queue_type);
            if let Some(current) = opened.adopted {
                if !self.has_noted_adoption {
                    self.note(&adoption_note(&self.settings.queue.name, &current));
                    self.has_noted_adoption = true;
                }
            }
            if self.consume(link, &opened.channel)? == Consumed::Stopped {
                return Ok(());
            }
        }
    }

    fn consume(&mut self, link: &mut Link, channel: &Channel) -> Result<Consumed, Fault> {
        let mut announced = false;
        loop {
            let queue = self.settings.queue.name.as_str();
            let options = self.consume_options(link.series());
            let mut consuming = match channel.consume(link, queue, options) {
                Err(fault) if options.timeout.is_some() && is_timeout_refused(&fault) => {
                    // Only a queue that was not declared can turn out to be classic here.
                    self.queue_type = Some(QueueType::Classic);
                    return Ok(Consumed::Cancelled);
                }
                consuming => consuming?,
            };
            if !announced {
                self.announce(link);
                announced = true;
            }
            loop {
                match self.pump(&mut consuming)? {
                    Pause::Stop => {
                        self.drain(&mut consuming)?;
                        return Ok(Consumed::Stopped);
                    }
                    Pause::SeemsEmpty => {
                        // A delivery may be on its way to us while the queue says that it is
                        // empty. Once the consumer is cancelled none can be.
                        for delivery in consuming.cancel()? {
                            self.accept(delivery, channel);
                        }
                        self.send_acks(channel);
                        if !self.is_idle() {
                            // Tasks came at the last moment. They are done before anything else
                            // is consumed: the broker would hand a new consumer as many tasks as
                            // `--prefetch` says beside them.
                            continue;
                        }
                        if self.nothing_put_off(channel)? && self.count_ready(channel)? == 0 {
                            self.stop(Stop::Empty);
                            return Ok(Consumed::Stopped);
                        }
                        break;
                    }
                    Pause::Cancelled => {
                        if inspect(link, self.settings.queue.name.as_str())?.is_none() {
                            // Another channel follows, on which these cannot be acknowledged.
                            self.void_deliveries();
                            self.warn(&self.deleted_text());
                            return Ok(Consumed::Cancelled);
                        }
                        // The queue is there: what runs can still be acknowledged on this
                        // channel. What has not begun may have been handed to another worker.
                        self.warn(&self.cancelled_text(link.series()));
                        self.give_back_backlog(channel)?;
                        self.slots.doubt_tokens();
                        break;
                    }
                }
            }
        }
    }

    fn consume_options(&self, series: Series) -> ConsumeOptions {
        let settings = &self.settings;
        let heeds_timeout = series >= FIRST_WITH_CONSUMER_TIMEOUT
            && self.queue_type != Some(QueueType::Classic)
            && settings.ack != Ack::Auto;
        ConsumeOptions {
            prefetch: settings.prefetch,
            settlement: settings.settlement(),
            timeout: heeds_timeout.then(|| settings.consumer_timeout()),
        }
    }

    fn cancelled_text(&self, series: Series) -> String {
        let name = &self.settings.queue.name;
        if series >= FIRST_WITH_CONSUMER_TIMEOUT {
            format!(
                "the broker cancelled the consumer of queue `{name}`: a task was not acknowledged \
                 within the queue's `consumer_timeout` and goes to another worker, or the queue \
                 moved to another node; for longer tasks raise `consumer-timeout` in the queue's \
                 policy, or `consumer_timeout` in rabbitmq.conf (milliseconds); consuming again"
            )
        } else {
            format!(
                "the broker cancelled the consumer: queue `{name}` moved to another node; \
                 consuming again"
            )
        }
    }

    fn deleted_text(&self) -> String {
        let queue = &self.settings.queue;
        let then = match queue.declare {
            Declare::Yes => "it is declared again",
            Declare::No => "it is looked for again",
        };
        format!(
            "the broker cancelled the consumer: queue `{}` was deleted; {then}",
            queue.name
        )
    }

    fn announce(&mut self, link: &Link) {
        self.idle_since = Instant::now();
        self.void_acks = 0;
        if self.has_waited {
            events::plain(self.report, "reconnected", "broker", json!(link.address()));
            self.flush();
            return;
        }
        self.has_waited = true;
        self.report
            .detail(&format!("connected to {}", link.address()));
        events::waiting(self.report, self.settings.queue.name.as_str());
        self.flush();
    }

    /// The heart: deliveries in, acknowledgements out.
    fn pump(&mut self, consuming: &mut Consuming<'_>) -> Result<Pause, Fault> {
        let channel = consuming.channel();
        let mut next_poll = Instant::now();
        loop {
            self.begin_tasks();
            self.end_due_tasks(Some(channel));
            if self.is_stopping() {
                return Ok(Pause::Stop);
            }
            if self.may_begin() && self.slots.free().is_some() && !self.backlog.is_empty() {
                continue;
            }
            self.send_due_acks(channel);
            self.flush();
            if Instant::now() >= next_poll {
                if self.settings.exit_when_empty && self.is_idle() {
                    if consuming.is_cancelled() || self.seems_empty(consuming)? {
                        return Ok(Pause::SeemsEmpty);
                    }
                    next_poll = Instant::now() + POLL;
                } else if self.progress.is_visible() {
                    self.ready = Some(self.count_ready(channel)?);
                    next_poll = Instant::now() + COUNT;
                }
            }
            self.draw();
            let polls = self.settings.exit_when_empty && self.is_idle();
            let deadline = earliest(self.next_deadline(), polls.then_some(next_poll));
            let deadline = earliest(deadline, self.acks.due());
            let mut event = Some(consuming.wait(&self.messages, deadline));
            while let Some(now) = event.take() {
                match now {
                    Event::Delivery(delivery) => {
                        self.accept(delivery, channel);
                        if self.backlog.len() < AT_ONCE {
                            event = consuming.try_delivery();
                        }
                    }
                    Event::Inbox(message) => self.handle(message, Some(channel)),
                    Event::Cancelled => return Ok(Pause::Cancelled),
                    Event::Ended(fault) => return Err(fault),
                    Event::Timeout => self.check_idle(),
                }
            }
        }
    }

    /// The next moment at which something is due of itself.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let idle = match self.settings.idle_timeout {
            Some(limit) if self.is_idle() => self.idle_since.checked_add(limit),
            _ => None,
        };
        earliest(earliest(self.slots.next_due(), idle), self.next_tick())
    }

    fn next_tick(&self) -> Option<Instant> {
        let is_visible = self.progress.is_visible();
        is_visible.then(|| Instant::now() + progress::TICK)
    }

    fn check_idle(&mut self) {
        let limit = self.settings.idle_timeout;
        if self.is_idle() && limit.is_some_and(|limit| self.idle_since.elapsed() >= limit) {
            self.stop(Stop::Idle);
        }
    }

    fn is_idle(&self) -> bool {
        self.slots.is_idle() && self.backlog.is_empty() && self.errands.is_empty()
    }

    /// Whether all tasks that this worker put off for a retry have come back to the work queue.
    fn nothing_put_off(&mut self, channel: &Channel) -> Result<bool, Fault> {
        /// A task that has left its delay queue is in the work queue after some milliseconds.
        const ON_ITS_WAY: Duration = Duration::from_millis(200);
        /// Then what still lies in the delay queue is another worker's.
        const OVERDUE: Duration = Duration::from_secs(5);
        let now = Instant::now();
        let mut left = HashMap::new();
        for (queue, until) in std::mem::take(self.errands.put_off()) {
            let waits = now < until + ON_ITS_WAY
                || (now < until + OVERDUE && channel.inspect(&queue)?.ready > 0);
            if waits {
                left.insert(queue, until);
            }
        }
        let nothing = left.is_empty();
        *self.errands.put_off() = left;
        Ok(nothing)
    }

    /// Whether nothing is left for an idle worker, as far as can be told while it consumes.
    fn seems_empty(&mut self, consuming: &Consuming<'_>) -> Result<bool, Fault> {
        let channel = consuming.channel();
        // A task that was handed out just before the first answer comes just behind it: the queue
        // counts it as gone while the channel has yet to send it. It comes before the second one.
        Ok(self.nothing_put_off(channel)?
            && self.count_ready(channel)? == 0
            && self.count_ready(channel)? == 0
            && !consuming.has_more())
    }

    fn count_ready(&self, channel: &Channel) -> Result<u32, Fault> {
        Ok(channel.inspect(self.settings.queue.name.as_str())?.ready)
    }

    pub(super) fn draw(&mut self) {
        let (done, running) = (self.totals.done, self.slots.running());
        let ready = match self.ready {
            Some(ready) => format!("ready {}", u64::from(ready) + self.backlog.len() as u64),
            None => "not connected".to_owned(),
        };
        self.progress
            .tick(|| format!("done {done}, running {running}, {ready}"));
    }

    /// All is done and acknowledged. The goodbye makes sure that the broker has read the
    /// acknowledgements; without its answer some tasks may be done again.
    fn say_goodbye(&self, mut link: Link) {
        let closed = link.close();
        if let (Err(fault), false, Ack::After) = (closed, self.stop_now, self.settings.ack) {
            self.warn(&format!(
                "{fault}; the last acknowledgements may not have arrived, and those tasks would be \
                 done again"
            ));
        }
    }
}

/// Since this series, only quorum queues have an acknowledgement time-out, and a consumer can set it.
const FIRST_WITH_CONSUMER_TIMEOUT: Series = (4, 3);

/// Whether the queue's type does not know the consumer's time-out.
fn is_timeout_refused(fault: &Fault) -> bool {
    let reply = fault.reply();
    reply.is_some_and(|reply| reply.code == 406 && reply.text.contains("x-consumer-timeout"))
}

#[derive(PartialEq, Eq)]
enum Consumed {
    Stopped,
    Cancelled,
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
