//! A worker: the real core, and a shell that knows the model's queue alone.

use super::queue::Request;
use super::{Happens, Model, Workers};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use work_queue::amqp::AckToken;
use work_queue::queues::ReplyPolicy;
use work_queue::task::{Task, TaskOptions, Template};
use work_queue::worker::core::policy::{Ack, Ending, FailurePolicy, OnFailure, Outcome};
use work_queue::worker::core::{
    Action, Counts, Delivery, EndSettings, Input, Settings, Verdict, Worker,
};

/// What reaches a worker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    Consuming,
    Stopped,
    /// Its tag, and the task's number.
    Delivery(u64, usize),
    Confirmed(u64),
    /// How many consumers there are.
    Counted(usize),
    /// The task in a slot has ended.
    Ended(usize),
}

/// A worker.
pub struct ModelWorker {
    number: usize,
    core: Worker,
    slots: usize,
    /// It waits for an answer, as the real loop does, and hears nothing else until then.
    awaits: Option<News>,
    unheard: VecDeque<News>,
    /// When each task came here last.
    came: BTreeMap<usize, Duration>,
    wakes: Option<Duration>,
}

impl ModelWorker {
    pub fn new(number: usize, workers: Workers, now: work_queue::worker::core::Moment) -> Self {
        let queue: work_queue::queues::QueueName = "work".parse().unwrap();
        let settings = Settings {
            dead_letters: "work.dead".parse().unwrap(),
            replies: ReplyPolicy::new(&queue, Vec::new()),
            queue,
            host: "host".to_owned(),
            slots: workers.slots,
            prefetch: workers.prefetch(),
            prefetching: workers.prefetching,
            ack: Ack::After,
            policy: FailurePolicy {
                on_failure: OnFailure::Retry,
                retries: 1,
                backoff: Duration::from_secs(1),
                backoff_max: Duration::from_secs(1),
                fatal_exit: Vec::new(),
            },
            max_redeliveries: 20,
            ending: EndSettings {
                exit_when_empty: false,
                idle_timeout: None,
                max_tasks: None,
                grace: None,
                kill_after: None,
            },
            unnoticed_loss: Duration::from_secs(60),
        };
        Self {
            number,
            core: Worker::new(settings, now),
            slots: workers.slots,
            awaits: None,
            unheard: VecDeque::new(),
            came: BTreeMap::new(),
            wakes: None,
        }
    }

    pub fn hear(&mut self, model: &mut Model, news: News) {
        match &self.awaits {
            Some(awaited) if *awaited != news => self.unheard.push_back(news),
            _ => {
                self.awaits = None;
                // What was delivered before the consumer stopped is told before.
                if news == News::Stopped {
                    let (come, rest) = std::mem::take(&mut self.unheard)
                        .into_iter()
                        .partition(|news| matches!(news, News::Delivery(..)));
                    self.unheard = rest;
                    let come: VecDeque<News> = come;
                    for news in &come {
                        self.tell(model, news);
                    }
                }
                self.tell(model, &news);
            }
        }
        self.go_on(model);
    }

    pub fn wake(&mut self, model: &mut Model) {
        if self.wakes == Some(model.now) {
            self.wakes = None;
            if self.awaits.is_none() {
                self.core.handle(model.moment(), Input::Time);
            }
            self.go_on(model);
        }
    }

    fn tell(&mut self, model: &mut Model, news: &News) {
        let input = match *news {
            News::Consuming => Input::Consuming,
            News::Stopped => Input::ConsumerStopped,
            News::Delivery(tag, task) => {
                self.came.insert(task, model.now);
                let token = AckToken { channel: 1, tag };
                Input::Delivery(Delivery::new(numbered(task), false, token))
            }
            News::Confirmed(number) => Input::Verdict {
                number,
                verdict: Verdict::Confirmed("work".to_owned()),
            },
            News::Counted(consumers) => Input::Counts(Counts {
                ready: 0,
                delayed: 0,
                consumers: consumers.try_into().unwrap(),
                cancelled_count: false,
            }),
            News::Ended(slot) => Input::Ended {
                slot,
                outcome: Outcome::from(Ending::Exit(0)),
            },
        };
        self.core.handle(model.moment(), input);
    }

    /// Does what the core wants, until that waits.
    pub fn go_on(&mut self, model: &mut Model) {
        loop {
            while self.awaits.is_none() {
                let Some(action) = self.core.poll() else {
                    break;
                };
                self.act(model, action);
            }
            if self.awaits.is_some() {
                break;
            }
            let Some(news) = self.unheard.pop_front() else {
                break;
            };
            self.tell(model, &news);
        }
        let is_idle = self.core.running() < self.slots && self.core.waiting() == 0;
        let since = model.idle[self.number].unwrap_or(model.now);
        model.idle[self.number] = is_idle.then_some(since);
        let at = self.core.wakes_at().filter(|_| self.awaits.is_none());
        if let Some(at) = at.map(|at| (at - model.epoch).max(model.now)) {
            if self.wakes.is_none_or(|wakes| at < wakes) {
                self.wakes = Some(at);
                model.plan(at, Happens::Wakes(self.number));
            }
        }
    }

    fn act(&mut self, model: &mut Model, action: Action) {
        match action {
            Action::Connect => self.core.handle(model.moment(), Input::Connected),
            Action::Consume(_) => {
                let work_queue::amqp::Prefetch::AtMost(prefetch) = self.core.prefetch() else {
                    return;
                };
                self.awaits = Some(News::Consuming);
                // `basic.qos` is answered before.
                let at = model.now + model.way * 3;
                let request = Request::Consume(prefetch.get().into());
                model.plan(at, Happens::ToBroker(self.number, request));
            }
            Action::CancelConsumer => {
                self.awaits = Some(News::Stopped);
                self.send(model, Request::Cancel);
            }
            Action::Start(start) => {
                let task = number(&start.task);
                let came = self.came.get(&task).copied().unwrap_or_default();
                model.begins(self.number, task, came);
                let at = model.now + model.runs[task];
                let ended = News::Ended(start.slot);
                model.plan(at, Happens::ToWorker(self.number, ended));
            }
            Action::Acknowledge(tokens) => {
                let tags = tokens.iter().map(|token| token.tag).collect();
                self.send(model, Request::Acknowledge(tags));
            }
            Action::Return(token) => self.send(model, Request::Return(token.tag)),
            Action::Publish(message) => {
                let task = number(&message.payload);
                let came = self.came.get(&task).copied().unwrap_or_default();
                model.waited(self.number, came);
                model.handed_on += 1;
                self.send(model, Request::Publish(message.number, task));
            }
            Action::End(end) => panic!("it ends: {end:?}"),
            Action::Count(_) => self.send(model, Request::Count),
            Action::Signal(_) | Action::Withdraw(_) | Action::Report(_) => {}
        }
    }

    fn send(&self, model: &mut Model, request: Request) {
        let at = model.now + model.way;
        model.plan(at, Happens::ToBroker(self.number, request));
    }
}

/// A task that is told by its number.
fn numbered(number: usize) -> Task {
    Template::new(&TaskOptions::default()).task(number.to_string().into_bytes())
}

fn number(task: &Task) -> usize {
    std::str::from_utf8(&task.body).unwrap().parse().unwrap()
}
