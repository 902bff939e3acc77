//! Scripts: what happens, and what follows.

mod ahead;
mod answers;
mod failing;
mod lost;
mod next_tasks;
mod pause;
mod sending;
mod stopping;
mod working;

use super::policy::{Ack, Ending, FailurePolicy, OnFailure, Outcome};
use super::testing::moment;
use super::*;
use crate::amqp::{AckToken, Prefetch};
use crate::base::fault::{Fault, Kind, Reply};
use crate::queues::ReplyPolicy;
use crate::task::Task;
use std::time::Duration;

/// A worker, and the broker, the commands and the clock around it.
struct Script {
    worker: Worker,
    now: Moment,
    channel: u64,
    tag: u64,
}

/// One slot, one task at a time.
fn settings() -> Settings {
    Settings {
        queue: "q".parse().unwrap(),
        dead_letters: "q.dead".parse().unwrap(),
        replies: ReplyPolicy::new(&"q".parse().unwrap(), Vec::new()),
        host: "host".to_owned(),
        slots: 1,
        prefetch: prefetch(1),
        prefetching: Prefetching::Fixed,
        ack: Ack::After,
        policy: FailurePolicy {
            on_failure: OnFailure::Retry,
            retries: 1,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            fatal_exit: Vec::new(),
        },
        max_redeliveries: 3,
        ending: EndSettings {
            exit_when_empty: false,
            idle_timeout: None,
            max_tasks: None,
            grace: None,
            kill_after: Some(Duration::from_secs(5)),
        },
        unnoticed_loss: Duration::from_secs(60),
    }
}

fn prefetch(count: u16) -> Prefetch {
    Prefetch::AtMost(count.try_into().unwrap())
}

/// Several slots, and as many tasks.
fn slots(count: u16) -> Settings {
    Settings {
        slots: usize::from(count),
        prefetch: prefetch(count),
        ..settings()
    }
}

impl Script {
    /// A worker that consumes.
    fn new(settings: Settings) -> Self {
        let now = moment();
        let mut script = Self {
            worker: Worker::new(settings, now),
            now,
            channel: 1,
            tag: 0,
        };
        assert_eq!(script.follows(), ["connect"]);
        script.connects();
        script
    }

    /// There is a connection, and tasks may come.
    fn connects(&mut self) {
        assert_eq!(self.on(Input::Connected), ["consume on new"]);
        assert_eq!(self.on(Input::Consuming)[0], "consuming");
    }

    /// Takes in what happens, and returns what follows.
    fn on(&mut self, input: Input) -> Vec<String> {
        self.worker.handle(self.now, input);
        self.follows()
    }

    fn follows(&mut self) -> Vec<String> {
        let mut follows = Vec::new();
        while let Some(action) = self.worker.poll() {
            follows.extend(shown(&action));
        }
        follows
    }

    /// The next delivery of a task over the present channel.
    fn next(&mut self, task: &Task, redelivered: bool) -> Delivery {
        self.tag += 1;
        let token = AckToken {
            channel: self.channel,
            tag: self.tag,
        };
        Delivery::new(task.clone(), redelivered, token)
    }

    fn fresh(&mut self, task: &Task) -> Vec<String> {
        let delivery = self.next(task, false);
        self.on(Input::Delivery(delivery))
    }

    fn again(&mut self, task: &Task) -> Vec<String> {
        let delivery = self.next(task, true);
        self.on(Input::Delivery(delivery))
    }

    fn ends(&mut self, slot: usize, code: i32) -> Vec<String> {
        let outcome = Outcome::from(Ending::Exit(code));
        self.on(Input::Ended { slot, outcome })
    }

    fn confirmed(&mut self, number: u64) -> Vec<String> {
        let queue = "somewhere".to_owned();
        self.verdict(number, Verdict::Confirmed(queue))
    }

    fn refused(&mut self, number: u64, fault: Fault) -> Vec<String> {
        self.verdict(number, Verdict::Refused(fault))
    }

    fn verdict(&mut self, number: u64, verdict: Verdict) -> Vec<String> {
        self.on(Input::Verdict { number, verdict })
    }

    fn loses_the_connection(&mut self) -> Vec<String> {
        self.channel += 1;
        self.tag = 0;
        self.on(Input::ConnectionLost(Fault::new(Kind::Lost, "cut")))
    }

    /// Time passes.
    fn waits(&mut self, seconds: f64) -> Vec<String> {
        self.passes(seconds);
        self.on(Input::Time)
    }

    /// Time passes, and nothing is told of it yet.
    fn passes(&mut self, seconds: f64) {
        let passed = Duration::from_secs_f64(seconds);
        self.now.instant += passed;
        self.now.wall += passed;
    }

    /// Time passes until something is due.
    fn waits_until_due(&mut self) -> (Duration, Vec<String>) {
        let at = self.worker.wakes_at().unwrap();
        let passed = at.saturating_duration_since(self.now.instant);
        (passed, self.waits(passed.as_secs_f64()))
    }
}

/// A message that is too large: its headers, or its body.
fn frame_too_large() -> Fault {
    refused_with(501, Kind::NotTaken)
}

/// The broker says how many tasks the queue holds.
fn ready(ready: u32) -> Input {
    Input::Counts(Counts {
        ready,
        delayed: 0,
        consumers: 1,
        cancelled_count: false,
    })
}

fn body_too_large() -> Fault {
    refused_with(406, Kind::NotTaken)
}

fn no_permission() -> Fault {
    refused_with(403, Kind::Refused)
}

fn refused_with(code: u16, kind: Kind) -> Fault {
    let text = "no".to_owned();
    Fault::new(kind, "no").with_reply(Reply { code, text })
}

/// An action in a few words; notes of the way are left out.
fn shown(action: &Action) -> Option<String> {
    Some(match action {
        Action::Connect => "connect".to_owned(),
        Action::Consume(ConsumeOn::New) => "consume on new".to_owned(),
        Action::Consume(ConsumeOn::Same) => "consume".to_owned(),
        Action::CancelConsumer => "cancel".to_owned(),
        Action::Start(start) => format!("start {} in {}", body(&start.task), start.slot),
        Action::Signal(Urgency::Term) => "term".to_owned(),
        Action::Signal(Urgency::Kill) => "kill".to_owned(),
        Action::Publish(message) => published(message),
        Action::Withdraw(number) => format!("withdraw {number}"),
        Action::Acknowledge(tokens) => {
            let tags: Vec<String> = tokens.iter().map(|token| token.tag.to_string()).collect();
            format!("ack {}", tags.join(" "))
        }
        Action::Return(token) => format!("return {}", token.tag),
        Action::Count(queues) if queues.is_empty() => "count".to_owned(),
        Action::Count(queues) => format!("count {}", queues.join(" ")),
        Action::Report(event) => return told(event),
        Action::End(end) => match &end.fault {
            Some(fault) => format!("end {}: {fault}", end.reason.name()),
            None => format!("end {}", end.reason.name()),
        },
    })
}

fn published(message: &Outgoing) -> String {
    let to = match &message.to {
        Destination::Work => "work".to_owned(),
        Destination::Delay(pause) => format!("delay {pause:?}"),
        Destination::Dead(_) => "dead".to_owned(),
        Destination::Reply(_) => "reply".to_owned(),
        Destination::Results(queue) => queue.clone(),
    };
    format!(
        "publish {} {} to {to}",
        message.number,
        body(&message.payload)
    )
}

fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::Consuming => "consuming".to_owned(),
        Event::Done { of, .. } => format!("done {}", body(&of.task)),
        Event::Failed { of, .. } => format!("failed {}", body(&of.task)),
        Event::Retried { of, .. } => format!("retried {}", body(&of.task)),
        Event::DeadLettered { of, .. } => format!("dead {}", body(&of.task)),
        Event::Dropped(of) => format!("dropped {}", body(&of.task)),
        Event::Returned(of) => format!("returned {}", body(&of.task)),
        Event::Skipped(of) => format!("skipped {}", body(&of.task)),
        Event::Disconnected(_) => "disconnected".to_owned(),
        Event::Draining(count) => format!("draining {count}"),
        Event::Paused(why) => format!("paused: {why}"),
        Event::Resumed => "resumed".to_owned(),
        Event::Received(_) | Event::Note(_) | Event::Detail(_) => return None,
        Event::Warning(text) => format!("warning: {}", text.split([':', ',', ';']).next()?),
    })
}

fn body(task: &Task) -> String {
    String::from_utf8_lossy(&task.body).into_owned()
}
