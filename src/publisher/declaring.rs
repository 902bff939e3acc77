//! Declares queues beside the channel that is published on: a refusal closes the channel on which it
//! was asked, and an answer may take long.

use super::core::{Destination, Form};
use crate::amqp::{Channel, Link};
use crate::base::fault::{Fault, Kind};
use crate::queues::{Auxiliary, Opened, QueueName, QueueType, WorkQueue};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::thread;

/// A queue to be declared, or asked for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Whose it is.
    pub(super) to: Destination,
    /// The same with the delay that the queue has.
    pub(super) at: Destination,
    /// Its name.
    pub(super) queue: String,
    pub(super) form: Form,
}

/// What came of it.
pub(super) struct Answer {
    pub(super) queue: String,
    pub(super) declared: Result<KnownQueue, Fault>,
}

/// What is known of a queue that was declared.
#[derive(Default)]
pub(super) struct KnownQueue {
    pub(super) queue_type: Option<QueueType>,
    pub(super) adopted: Option<String>,
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
    pub(super) fn new(work: &WorkQueue, queue_type: QueueType) -> Self {
        let (sender, answers) = unbounded();
        Self {
            work: work.clone(),
            queue_type,
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
        let queue_type = self.queue_type;
        let started = thread::Builder::new()
            .name("declaration".to_owned())
            .spawn(move || {
                let asked = ask(&channel, &request, &work, queue_type);
                let answer = Answer {
                    queue: request.queue,
                    declared: asked.map(|()| KnownQueue::default()),
                };
                // A refusal has closed it.
                let channel = answer.declared.is_ok().then_some(channel);
                let _ = sender.send((answer, channel));
            });
        if let Err(error) = started {
            let text = format!("cannot start a thread to declare a queue with: {error}");
            self.answer(queue, Err(Fault::new(Kind::Lost, text)), None);
        }
    }

    fn open_work_queue(&mut self, link: &mut Link) {
        // A channel that looked for the queue in vain is closed, and must not be used.
        self.channels.clear();
        let (declared, channel) = match self.work.open(link) {
            Ok(Opened {
                channel,
                queue_type,
                adopted,
            }) => {
                let declared = KnownQueue {
                    queue_type,
                    adopted,
                };
                (Ok(declared), Some(channel))
            }
            Err(fault) => (Err(fault), None),
        };
        self.answer(self.work.name.to_string(), declared, channel);
    }

    fn answer(&self, queue: String, declared: Result<KnownQueue, Fault>, channel: Option<Channel>) {
        let _ = self.sender.send((Answer { queue, declared }, channel));
    }

    /// Declares a queue on the channel that is published on, without waiting.
    pub(super) fn declare_nowait(&self, channel: &Channel, request: &Request) -> Result<(), Fault> {
        match auxiliary(&request.at) {
            None => self.work.declare_nowait(channel),
            Some(auxiliary) => {
                let arguments = auxiliary.arguments(&self.work.name, self.queue_type);
                channel.declare_nowait(&request.queue, &arguments)
            }
        }
    }
}

fn ask(
    channel: &Channel,
    request: &Request,
    work: &QueueName,
    queue_type: QueueType,
) -> Result<(), Fault> {
    let queue_type = match (request.form, queue_type) {
        (Form::OtherType, QueueType::Classic) => QueueType::Quorum,
        (Form::OtherType, QueueType::Quorum) => QueueType::Classic,
        (_, queue_type) => queue_type,
    };
    let made = match request.form {
        Form::Make | Form::OtherType => auxiliary(&request.at),
        Form::Look | Form::AsItIs | Form::Check | Form::Blind => None,
    };
    match made {
        Some(auxiliary) => {
            let arguments = auxiliary.arguments(work, queue_type);
            channel.declare(&request.queue, &arguments).map(drop)
        }
        None => channel.inspect(&request.queue).map(drop),
    }
}

/// What is beside the work queue.
fn auxiliary(at: &Destination) -> Option<Auxiliary> {
    match at {
        Destination::Delay(delay) => Some(Auxiliary::Delay(*delay)),
        Destination::Dead(name) => Some(Auxiliary::Dead(name.clone())),
        Destination::Work | Destination::Reply(_) => None,
    }
}
