//! Sending tasks: a task is sent when the broker has confirmed it.
//!
//! One task or ten million go the same way. `pending` gives the next, `session` publishes it on a
//! channel, `flight` knows what is under way there, `news` takes what the broker says, and `course`
//! knows when that is too late. What a refusal teaches is in `learn`. This file opens the next
//! channel or connection when one is used up. What was not confirmed by then is sent again, with the
//! same id: twice is better than never.

mod age;
mod backlog;
pub mod core;
mod course;
mod delays;
mod event;
mod faults;
mod flight;
mod learn;
mod news;
mod options;
mod pending;
mod session;
mod unanswered;

pub use backlog::Backlog;
pub use delays::Delay;
pub use event::{Event, Standing, Tell};
pub use options::{Answers, Priority, SendOptions};
pub use pending::{Input, Parcel, Pending, Rest};
pub use unanswered::Answer;

use crate::amqp::Link;
use crate::backoff::Backoff;
use crate::connection::{Connector, RetryFor};
use crate::fault::Fault;
use crate::task::Template;
use crate::topology::{Declare, QueueType, WorkQueue};
use age::Age;
use backlog::Gate;
use crossbeam_channel::RecvTimeoutError;
use delays::DelayQueue;
use flight::Refusal;
use learn::Learnt;
use session::Flow;
use std::time::{Duration, Instant};
use unanswered::Unanswered;

/// How the sending ended.
#[derive(Debug)]
pub struct Ended {
    /// Why it ended before all was done.
    pub fault: Option<Fault>,
    /// What was not confirmed, in order.
    pub unconfirmed: Vec<Parcel>,
    /// What was not looked at.
    pub rest: Pending,
    /// Whether any of the unconfirmed may be in the queue all the same.
    pub perhaps: bool,
}

/// Sends all tasks of an input.
pub struct Publisher<'a> {
    connector: Connector,
    queue: WorkQueue,
    options: SendOptions,
    tell: &'a mut Tell<'a>,
    /// Why the caller wants no more.
    halted: Option<Fault>,
    pending: Pending,
    unanswered: Unanswered,
    gate: Gate,
    delay: Option<DelayQueue>,
    age: Age,
    /// The queue's real type, where it had to be found out.
    queue_type: Option<QueueType>,
    /// The queue is of another type than a plain declaration makes, so that it must be asked for.
    other_type: bool,
    /// The broker has blocked the connection; why.
    blocked: Option<String>,
    /// The last time that a task was confirmed, or that one was sent when none was under way. The
    /// time without a connection does not count.
    last_progress: Instant,
    /// How many tasks were confirmed or answered.
    done: u64,
    /// The highest number of a task that was sent.
    newest: u64,
    /// Why the broker last refused a task, since it last took one.
    refusal: Option<Refusal>,
    /// When that was last told.
    told: Option<Instant>,
    /// How many tasks may be unconfirmed at the moment.
    window: usize,
    /// The window was full, and is not half empty yet.
    full: bool,
    /// The largest body that the broker takes, in bytes, and what it said of a larger one.
    too_large: Option<(usize, Fault)>,
    /// A task was handed over and never settled.
    perhaps: bool,
}

impl<'a> Publisher<'a> {
    /// Sends what comes in by `input`, as tasks after `template`, and tells what happens.
    pub fn new(
        connector: Connector,
        queue: WorkQueue,
        options: SendOptions,
        input: Input,
        template: Template,
        tell: &'a mut Tell<'a>,
    ) -> Self {
        let age = Age::of(&queue);
        Self {
            connector,
            pending: Pending::new(input, template),
            unanswered: Unanswered::default(),
            gate: Gate::new(options.backlog),
            delay: options.delay.map(|delay| DelayQueue::new(delay, &queue)),
            age,
            queue,
            options,
            tell,
            halted: None,
            queue_type: None,
            other_type: false,
            blocked: None,
            last_progress: Instant::now(),
            done: 0,
            newest: 0,
            refusal: None,
            told: None,
            window: usize::MAX,
            full: false,
            too_large: None,
            perhaps: false,
        }
    }

    /// Sends until all is confirmed, and answered where that is wanted.
    #[must_use]
    pub fn run(mut self) -> Ended {
        let fault = self.over_connections().err();
        self.give_up_answers();
        Ended {
            fault,
            unconfirmed: self.pending.take_again(),
            rest: self.pending,
            perhaps: self.perhaps,
        }
    }

    fn say(&mut self, event: Event<'_>) {
        if let Err(fault) = (self.tell)(event) {
            self.halted.get_or_insert(fault);
        }
    }

    fn over_connections(&mut self) -> Result<(), Fault> {
        let mut backoff = Backoff::default();
        let mut lost: Option<Lost> = None;
        loop {
            let began = Instant::now();
            let avoid = lost.as_ref().map(|lost| lost.address.as_str());
            self.connector.options.expected_queue = match self.age {
                Age::Unknown => Some(self.queue.name.as_str().to_owned()),
                Age::Any | Age::Enough | Age::Ours(_) => None,
            };
            let tell = &mut self.tell;
            let connected = self.connector.connect(avoid, |fault| {
                let _ = tell(Event::Retrying(fault));
            });
            let mut link = connected?;
            self.last_progress += began.elapsed();
            self.say(Event::Connected(link.address()));
            self.blocked = None;
            let done = self.done;
            let fault = match self.over_channels(&mut link) {
                Ok(()) => return Ok(()),
                Err(fault) => link.diagnose(fault),
            };
            if self.done > done {
                lost = None;
                backoff = Backoff::default();
            }
            let since = lost.as_ref().map_or_else(Instant::now, |lost| lost.since);
            if !fault.is_transient() || self.is_over(since) {
                return Err(fault);
            }
            if !self.pending.again().is_empty() && self.patience_left().is_zero() {
                return Err(self.gave_up());
            }
            lost = Some(Lost {
                since,
                address: link.address().to_owned(),
            });
            drop(link);
            self.after_loss(&fault);
            if self.nothing_is_left() {
                return Ok(());
            }
            // A broker that takes connections and drops them must not be hammered.
            self.pause(backoff.step())?;
        }
    }

    /// The answers that were to come over a broken connection will not come.
    fn after_loss(&mut self, fault: &Fault) {
        self.doubt_queues();
        let again = self.pending.again().len();
        self.say(Event::Lost(fault, again));
        self.give_up_answers();
    }

    fn over_channels(&mut self, link: &mut Link) -> Result<(), Fault> {
        let mut backoff = Backoff::default();
        loop {
            let done = self.done;
            let ended = self.session(link);
            if self.done > done {
                backoff = Backoff::default();
            }
            match ended {
                Ok(Flow::Over(channel)) => {
                    // All is safe; a goodbye that goes wrong changes nothing. It is waited for, as
                    // RabbitMQ would else log a warning for each task. The channel closes with the
                    // connection, which spares a round trip.
                    let _ = link.close();
                    drop(channel);
                    return Ok(());
                }
                Ok(Flow::Refused { count, refusal }) => {
                    self.was_refused(count, refusal);
                    let left = self.patience_left();
                    if left.is_zero() {
                        return Err(self.gave_up());
                    }
                    self.pause(backoff.step().min(left))?;
                }
                Err(fault) => {
                    let learnt = self.learn(fault)?;
                    if self.patience_left().is_zero() && !self.pending.again().is_empty() {
                        return Err(self.gave_up());
                    }
                    if learnt == Learnt::Doubtful {
                        self.pause(backoff.step())?;
                    }
                }
            }
            self.give_up_answers();
        }
    }

    /// Outcomes come to the channel that the tasks were sent on, and it is gone.
    fn give_up_answers(&mut self) {
        let given_up = self.unanswered.take_except(self.pending.again());
        if !given_up.is_empty() {
            self.say(Event::Unanswered(given_up));
        }
    }

    fn nothing_is_left(&self) -> bool {
        self.pending.is_over() && self.unanswered.is_empty()
    }

    /// How much longer nothing may be confirmed.
    fn patience_left(&self) -> Duration {
        let deadline = self.last_progress + self.options.confirm_timeout;
        deadline.saturating_duration_since(Instant::now())
    }

    fn is_over(&self, first_loss: Instant) -> bool {
        match self.connector.retry_for {
            RetryFor::Forever => false,
            RetryFor::AtMost(limit) => first_loss.elapsed() > limit.max(Duration::from_millis(1)),
        }
    }

    fn pause(&self, time: Duration) -> Result<(), Fault> {
        match self.options.when_cut.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(faults::interrupted(
                self.pending.again().len(),
                self.perhaps,
            )),
        }
    }

    fn gave_up(&self) -> Fault {
        faults::gave_up(
            &self.queue,
            &self.options,
            self.pending.again().len(),
            self.blocked.as_deref(),
            self.refusal.as_ref(),
        )
    }

    /// The queues may be gone.
    fn doubt_queues(&mut self) {
        if let Some(delay) = &mut self.delay {
            delay.doubt();
        }
        self.age.doubt();
    }

    fn may_declare(&self) -> bool {
        self.queue.declare == Declare::Yes
    }
}

/// A connection that broke without having got anything done.
struct Lost {
    since: Instant,
    address: String,
}
