//! Declares queues on a channel of its own: a refusal closes the channel on which it
//! was asked, and an answer may take long.

use super::core::{Destination, Form, Queues, Request};
use crate::amqp::{Channel, Link};
use crate::base::fault::{Fault, Kind};
use crate::queues::{KnownQueue, QueueName, QueueType, WorkQueue, make_durable, may_forget};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::thread;

/// What came of it.
pub(super) struct Answer {
    pub(super) queue: String,
    pub(super) declared: Result<KnownQueue, Fault>,
}

/// The requests on one connection.
pub(super) struct Requests {
    work: WorkQueue,
    queue_type: QueueType,
    /// Open channels that nobody uses.
    channels: Vec<Channel>,
    sender: Sender<(Answer, Option<Channel>)>,
    answers: Receiver<(Answer, Option<Channel>)>,
}

impl Requests {
    pub(super) fn new(queues: &Queues) -> Self {
        let (sender, answers) = unbounded();
        Self {
            work: queues.work.clone(),
            queue_type: queues.queue_type,
            channels: Vec::new(),
            sender,
            answers,
        }
    }

    /// Where answers come in.
    pub(super) fn answers(&self) -> &Receiver<(Answer, Option<Channel>)> {
        &self.answers
    }

    /// An answer has come in.
    pub(super) fn came(&mut self, (answer, channel): (Answer, Option<Channel>)) -> Answer {
        self.channels.extend(channel);
        answer
    }

    /// A channel to publish on.
    pub(super) fn channel(&mut self, link: &mut Link) -> Result<Channel, Fault> {
        match self.channels.pop() {
            Some(channel) => Ok(channel.watched()),
            None => link.channel(),
        }
    }

    /// Sends the request. Its answer comes in by [`Requests::answers`].
    pub(super) fn send(&mut self, link: &mut Link, request: Request) {
        let queue = request.queue.clone();
        let channel = match (&request.to, request.form) {
            (Destination::Work, Form::Make) => return self.open_work_queue(link),
            _ => self.channel(link),
        };
        let channel = match channel {
            Ok(channel) => channel.unwatched(),
            Err(fault) => return self.answer(queue, Err(fault), None),
        };
        let (sender, work) = (self.sender.clone(), self.work.name.clone());
        let (queue_type, series) = (self.queue_type, link.series());
        let started = thread::Builder::new()
            .name("declaration".to_owned())
            .spawn(move || {
                let asked = ask(&channel, &request, &work, queue_type);
                // A refusal closes the channel.
                let (declared, channel) = match asked {
                    Ok(Asked::Made) if may_forget(series) => {
                        match make_durable(channel, &request.queue) {
                            Ok(channel) => (Ok(KnownQueue::default()), channel),
                            Err(fault) => (Err(fault), None),
                        }
                    }
                    Ok(_) => (Ok(KnownQueue::default()), Some(channel)),
                    Err(fault) => (Err(fault), None),
                };
                let answer = Answer {
                    queue: request.queue,
                    declared,
                };
                let _ = sender.send((answer, channel));
            });
        if let Err(error) = started {
            let text = format!("cannot start a thread to declare a queue with: {error}");
            self.answer(queue, Err(Fault::new(Kind::Lost, text)), None);
        }
    }

    fn open_work_queue(&mut self, link: &mut Link) {
        // A channel that did not find the queue is closed, and must not be used.
        self.channels.clear();
        let (declared, channel) = match self.work.open(link) {
            Ok((channel, known)) => (Ok(known), Some(channel)),
            Err(fault) => (Err(fault), None),
        };
        self.answer(self.work.name.to_string(), declared, channel);
    }

    fn answer(&self, queue: String, declared: Result<KnownQueue, Fault>, channel: Option<Channel>) {
        let _ = self.sender.send((Answer { queue, declared }, channel));
    }

    /// Declares a queue on the channel that is published on, without waiting.
    pub(super) fn declare_nowait(&self, channel: &Channel, request: &Request) -> Result<(), Fault> {
        match request.at.arguments(&self.work.name, self.queue_type) {
            None => self.work.declare_nowait(channel),
            Some(arguments) => channel.declare_nowait(&request.queue, &arguments),
        }
    }
}

/// What an answer tells of a queue.
enum Asked {
    There,
    /// It may just have been made, and be forgotten.
    Made,
}

fn ask(
    channel: &Channel,
    request: &Request,
    work: &QueueName,
    queue_type: QueueType,
) -> Result<Asked, Fault> {
    let queue_type = match (request.form, queue_type) {
        (Form::OtherType, QueueType::Classic) => QueueType::Quorum,
        (Form::OtherType, QueueType::Quorum) => QueueType::Classic,
        (_, queue_type) => queue_type,
    };
    let arguments = match request.form {
        Form::Make | Form::OtherType => request.at.arguments(work, queue_type),
        Form::Look | Form::AsItIs | Form::Check | Form::Blind => None,
    };
    let Some(arguments) = arguments else {
        return channel.inspect(&request.queue).map(|_| Asked::There);
    };
    let found = channel.declare(&request.queue, &arguments)?;
    // What is sent to a quorum queue that is new is held to be unsafe for a while, as it is.
    let is_dead = matches!(request.to, Destination::Dead(_));
    Ok(
        if found.ready == 0 && is_dead && queue_type == QueueType::Classic {
            Asked::Made
        } else {
            Asked::There
        },
    )
}
