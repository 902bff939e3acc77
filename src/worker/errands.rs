//! What must be safe elsewhere before a task is acknowledged.
//!
//! A retry, a dead letter and a result are published and confirmed first, and only then is the
//! original acknowledged. A worker that dies in between leaves both: the task is done twice, and
//! never not at all.

use super::finished::{Fingerprint, is_same};
use super::letters::{self, Reply};
use super::postman::{Destination, Letter, Postman};
use super::tasks::Handed;
use super::{Stop, Worker, events, redelivery};
use crate::amqp::{AckToken, Channel};
use crate::auxiliary::Auxiliary;
use crate::fault::{Fault, Kind};
use crate::task::Task;
use crate::topology::QueueType;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A task that the broker handed out and that was not acknowledged yet.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) slot: Option<usize>,
    pub(super) task: Arc<Task>,
    pub(super) redelivered: bool,
    pub(super) token: Option<AckToken>,
}

/// What is to be done before the acknowledgement.
#[derive(Debug)]
pub(super) enum Errand {
    /// Nothing but the answer, if one is wanted.
    Done,
    /// The same.
    Drop,
    /// A copy comes back after a pause.
    Retry(Duration),
    /// A copy goes to the end of the queue.
    Requeue,
    /// A copy goes to the dead letters.
    DeadLetter { reason: String, stderr: String },
    /// A copy that bears one more return goes to the end of the queue.
    CountReturn,
}

struct Pending {
    given: Given,
    errand: Errand,
    answer: Option<Reply>,
}

/// The errands that are under way, by the number of their letter.
#[derive(Default)]
pub(super) struct Errands {
    pending: HashMap<u64, Pending>,
    next: u64,
    /// The tasks whose return is being counted, each with the copies of it that are here already.
    counted: HashMap<Fingerprint, Vec<Handed>>,
    /// The queues in which this worker put tasks off, and until when.
    put_off: HashMap<String, Instant>,
}

impl Errands {
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn void_tokens(&mut self) {
        self.counted.values_mut().for_each(Vec::clear);
        for pending in self.pending.values_mut() {
            pending.given.token = None;
        }
    }

    /// Gives the token of a redelivered task to its errand, if it has one that lost its own.
    pub(super) fn reclaim(&mut self, handed: Handed) -> Option<Handed> {
        let pending = self.pending.values_mut().find(|pending| {
            pending.given.token.is_none() && is_same(&pending.given.task, &handed.task)
        });
        match pending {
            Some(pending) => {
                pending.given.token = Some(handed.token);
                None
            }
            None => Some(handed),
        }
    }

    /// Keeps a copy whose original is not acknowledged yet. If it ran before that and killed the
    /// worker both would come back, and there would be one more task with each death.
    pub(super) fn hold(&mut self, handed: Handed) -> Option<Handed> {
        if self.counted.is_empty() {
            return Some(handed);
        }
        match self.counted.get_mut(&Fingerprint::of(&handed.task)) {
            Some(copies) => {
                copies.push(handed);
                None
            }
            None => Some(handed),
        }
    }

    /// The queues in which tasks of this worker's may still wait, until then at the latest.
    pub(super) fn put_off(&mut self) -> &mut HashMap<String, Instant> {
        &mut self.put_off
    }

    fn add(&mut self, pending: Pending) -> u64 {
        if matches!(pending.errand, Errand::CountReturn) {
            let task = Fingerprint::of(&pending.given.task);
            self.counted.entry(task).or_default();
        }
        self.next += 1;
        self.pending.insert(self.next, pending);
        self.next
    }
}

impl Worker<'_> {
    /// Does what is to be done before the acknowledgement, and then acknowledges.
    pub(super) fn carry_out(
        &mut self,
        given: Given,
        errand: Errand,
        answer: Option<Reply>,
        channel: Option<&Channel>,
    ) {
        let copy = match &errand {
            Errand::Done | Errand::Drop => None,
            Errand::Retry(pause) => {
                let delay = Auxiliary::Delay(*pause);
                let mut task = letters::failed_once_more(&given.task);
                if let Some(after) = delay.expiration(self.settings.queue.declare) {
                    task.properties = task.properties.with_expiration(after.as_millis());
                }
                Some((Destination::Beside(delay), task))
            }
            Errand::Requeue => Some((Destination::Work, letters::failed_once_more(&given.task))),
            Errand::DeadLetter { reason, stderr } => {
                let dead = Auxiliary::Dead(self.settings.dead_letters.clone());
                let letter = letters::dead_letter(
                    &given.task,
                    reason,
                    stderr,
                    self.report.host(),
                    &self.settings.queue.name,
                );
                Some((Destination::Beside(dead), letter))
            }
            Errand::CountReturn => {
                let returns = redelivery::redeliveries(&given.task, true);
                let copy = letters::returned_so_often(&given.task, returns);
                Some((Destination::Work, copy))
            }
        };
        let (to, task, answer) = match (copy, answer) {
            (Some((to, task)), answer) => (to, task, answer),
            (None, Some(reply)) => (Destination::Answer(reply.to), reply.task, None),
            (None, None) => {
                self.concluded(given, &errand, channel);
                return;
            }
        };
        let pending = Pending {
            given,
            errand,
            answer,
        };
        let number = self.errands.add(pending);
        if let Some(postman) = self.postman() {
            postman.post(Letter { number, to, task });
        }
    }

    /// A letter was confirmed, or cannot be delivered.
    pub(super) fn posted(
        &mut self,
        number: u64,
        queue: String,
        result: Result<(), Fault>,
        channel: Option<&Channel>,
    ) {
        let Some(pending) = self.errands.pending.remove(&number) else {
            return;
        };
        let Pending {
            given,
            errand,
            answer,
        } = pending;
        let counted = matches!(errand, Errand::CountReturn).then(|| Fingerprint::of(&given.task));
        match result {
            // The copy may be safe or not: the original goes back.
            Err(fault) if fault.is_transient() => {
                if let (Some(token), Some(channel)) = (given.token, channel) {
                    let _ = channel.requeue(token);
                }
            }
            // This user may not publish, so nothing can be counted: the task itself is done.
            Err(fault) if matches!(errand, Errand::CountReturn) => {
                if self.settings.max_redeliveries > 0 {
                    self.settings.max_redeliveries = 0;
                    self.warn(&format!(
                        "cannot count how often tasks come back without an outcome: {fault}"
                    ));
                }
                if let Some(token) = given.token {
                    self.backlog.push_back(Handed {
                        task: given.task,
                        redelivered: true,
                        token,
                    });
                }
            }
            // Not acknowledged, so the task goes back when the connection closes.
            Err(fault) => {
                let text = format!("cannot put a task aside, so it stays in the queue: {fault}");
                self.stop(Stop::Failed(Fault::new(fault.kind, text)));
            }
            Ok(()) => {
                if let Some(Reply { to, task }) = answer {
                    let number = self.errands.add(Pending {
                        given,
                        errand,
                        answer: None,
                    });
                    let to = Destination::Answer(to);
                    if let Some(postman) = self.postman() {
                        postman.post(Letter { number, to, task });
                    }
                    return;
                }
                self.note_put_off(&errand, queue);
                self.concluded(given, &errand, channel);
            }
        }
        let copies = counted.and_then(|task| self.errands.counted.remove(&task));
        self.backlog.extend(copies.into_iter().flatten());
    }

    /// Remembers that a task of this worker's is still to come back.
    fn note_put_off(&mut self, errand: &Errand, queue: String) {
        if let Errand::Retry(pause) = errand {
            if let Some(until) = Instant::now().checked_add(*pause) {
                self.errands.put_off.insert(queue, until);
            }
        }
    }

    /// All is safe: tells of it and acknowledges.
    fn concluded(&mut self, given: Given, errand: &Errand, channel: Option<&Channel>) {
        match errand {
            Errand::Done | Errand::CountReturn => {}
            Errand::Drop => {
                self.totals.dropped += 1;
                events::dropped(self.report, &given);
            }
            Errand::Retry(pause) => {
                self.totals.retried += 1;
                events::retried(self.report, &given, *pause);
            }
            Errand::Requeue => {
                events::returned(self.report, given.slot, &given.task, given.redelivered);
            }
            Errand::DeadLetter { reason, .. } => {
                self.totals.dead_lettered += 1;
                events::dead_lettered(self.report, &given, reason);
            }
        }
        self.idle_since = Instant::now();
        if matches!(errand, Errand::CountReturn) {
            // Not done, so not to be remembered as done: its copy is the same task. If the
            // acknowledgement is void the original comes back beside the copy.
            if let (Some(token), Some(channel)) = (given.token, channel) {
                let _ = channel.ack(token);
            }
            return;
        }
        self.settle(given.task, given.token, channel);
    }

    /// Publishes a copy that bears one more return; the copy is done in its turn.
    pub(super) fn count_return(&mut self, handed: Handed, returns: u64) {
        self.progress.suspend(|| {
            let text = format!("came back without an outcome, {returns} so far");
            self.report
                .detail(&format!("{text}: {}", handed.task.line()));
        });
        self.carry_out(given(handed), Errand::CountReturn, None, None);
    }

    /// Puts a task with the dead letters that has not begun.
    pub(super) fn bury(&mut self, handed: Handed, reason: String) {
        let stderr = String::new();
        let answer = letters::burial(&handed.task, self.report.host());
        let errand = Errand::DeadLetter { reason, stderr };
        self.carry_out(given(handed), errand, answer, None);
    }

    /// The postman, started when it is first needed.
    fn postman(&mut self) -> Option<&Postman> {
        if self.postman.is_none() {
            let started = Postman::start(
                &self.settings.connector,
                &self.settings.queue,
                self.queue_type.unwrap_or(QueueType::Classic),
                self.settings.policy.ladder(),
                self.sender.clone(),
            );
            match started {
                Ok(postman) => self.postman = Some(postman),
                Err(error) => {
                    let text = format!("cannot start a thread for retries: {error}");
                    self.stop(Stop::Failed(Fault::new(Kind::Lost, text)));
                }
            }
        }
        self.postman.as_ref()
    }
}

fn given(handed: Handed) -> Given {
    Given {
        slot: None,
        task: handed.task,
        redelivered: handed.redelivered,
        token: Some(handed.token),
    }
}
