//! Prints results in their turn, tagged and logged where that is wanted.

use super::joblog::JobLog;
use super::listed_task::ListedTask;
use super::ordered::Ordered;
use super::outcome;
use super::task_result::TaskResult;
use crate::amqp::AckToken;
use crate::base::fault::Fault;
use crate::output::Report;
use crate::output::progress::SendBar;
use crate::task::TaskBody;
use std::collections::HashMap;

/// Whether lines of output are told apart by a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// They are as the tasks wrote them.
    None,
    /// The body of its task and a tab stand before each.
    Body,
}

/// Prints results in their turn.
pub struct Outcomes {
    /// Puts them in order, where that is wanted.
    ordered: Option<Ordered>,
    printer: Printer,
    /// The number after that of the last task that was sent.
    next: u64,
}

struct Printer {
    tag: Tag,
    log: Option<JobLog>,
    /// The tasks whose results are not printed yet, as far as these show them.
    tasks: HashMap<u64, ListedTask>,
    /// Whether events show the body: whoever collects results has not sent the tasks.
    shows_bodies: bool,
    /// What results that are printed and logged are acknowledged with.
    written: Vec<AckToken>,
    /// Why the log ends. Nothing is printed after that, as it would look as if it had not been.
    fault: Option<Fault>,
}

impl Outcomes {
    /// As they come, or in the order of the tasks.
    pub(super) fn new(ordered: Option<Ordered>, tag: Tag) -> Self {
        Self {
            ordered,
            printer: Printer {
                tag,
                log: None,
                tasks: HashMap::new(),
                shows_bodies: false,
                written: Vec::new(),
                fault: None,
            },
            next: 1,
        }
    }

    /// From now on each result is logged.
    pub(super) fn log_to(&mut self, log: JobLog) {
        self.printer.log = Some(log);
    }

    /// From now on events show the bodies of their tasks.
    pub(super) fn show_bodies(&mut self) {
        self.printer.shows_bodies = true;
    }

    /// The result of this task will be taken. Tasks are announced in the order of their numbers; those
    /// between two have no result.
    pub(super) fn expect(&mut self, number: u64, body: &[u8]) {
        if let Some(ordered) = &mut self.ordered {
            ordered.leave_out(self.next..number);
        }
        self.next = number + 1;
        if self.printer.shows_tasks() {
            let body = TaskBody::whole(body.to_vec());
            self.printer
                .tasks
                .insert(number, ListedTask { number, body });
        }
    }

    /// Whether results that are printed show their tasks.
    pub(super) fn show_tasks(&self) -> bool {
        self.printer.shows_tasks()
    }

    /// Takes a result; `None`: none will come. Those whose turn has come are printed.
    pub(super) fn take(
        &mut self,
        number: u64,
        result: Option<TaskResult>,
        report: &mut Report,
        bar: &SendBar,
    ) -> Result<(), Fault> {
        let printer = &mut self.printer;
        if result.is_none() {
            printer.tasks.remove(&number);
        }
        let mut print =
            |number, result: &TaskResult| bar.suspend(|| printer.print(number, result, report));
        match (&mut self.ordered, result) {
            (Some(ordered), result) => ordered.take(number, result, print),
            (None, Some(result)) => print(number, &result),
            (None, None) => Ok(()),
        }
    }

    /// Prints those whose turn has come: none will come before this one.
    pub(super) fn advance(
        &mut self,
        number: u64,
        report: &mut Report,
        bar: &SendBar,
    ) -> Result<(), Fault> {
        let printer = &mut self.printer;
        let Some(ordered) = &mut self.ordered else {
            return Ok(());
        };
        ordered.advance(number, |number, result| {
            bar.suspend(|| printer.print(number, result, report))
        })
    }

    /// The result of this number came again. If it waits here for its turn, it has this token now, and
    /// its former one is given back.
    pub(super) fn renew(&mut self, number: u64, token: AckToken) -> Option<AckToken> {
        self.ordered.as_mut()?.renew(number, token)
    }

    /// How many wait for their turn.
    pub(super) fn held(&self) -> usize {
        self.ordered.as_ref().map_or(0, Ordered::held)
    }

    /// Leaves those that wait for their turn where they came from: their numbers.
    pub(super) fn leave(&mut self) -> Vec<u64> {
        self.ordered.as_mut().map_or_else(Vec::new, Ordered::leave)
    }

    /// Whether they are printed in the order of the tasks.
    pub(super) fn are_ordered(&self) -> bool {
        self.ordered.is_some()
    }

    /// What results that are printed and logged are acknowledged with.
    pub(super) fn written(&mut self) -> &mut Vec<AckToken> {
        &mut self.printer.written
    }

    /// Prints those that still wait for their turn, as no more will come.
    pub(super) fn finish(&mut self, report: &mut Report) -> Result<(), Fault> {
        let printer = &mut self.printer;
        match &mut self.ordered {
            Some(ordered) => ordered.finish(|number, result| printer.print(number, result, report)),
            None => Ok(()),
        }
    }
}

impl Printer {
    fn shows_tasks(&self) -> bool {
        self.tag == Tag::Body || self.log.is_some() || self.shows_bodies
    }

    fn print(
        &mut self,
        number: u64,
        result: &TaskResult,
        report: &mut Report,
    ) -> Result<(), Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let sent = self.tasks.remove(&number);
        let unknown = ListedTask::default();
        let task = result.task.as_deref().or(sent.as_ref()).unwrap_or(&unknown);
        let tag = (self.tag == Tag::Body).then(|| task.body.line());
        let body = self.shows_bodies.then_some(&task.body);
        outcome::print(report, result, tag.as_deref(), body)?;
        let logged = match &mut self.log {
            Some(log) => log.add(task.number, &task.body, result),
            None => Ok(()),
        };
        if let Err(fault) = logged {
            self.fault = Some(fault.clone());
            return Err(fault);
        }
        self.written.extend(result.token);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
