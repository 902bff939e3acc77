//! What `new_task` does.

use crate::backoff::Backoff;
use crate::cli::NewTaskArgs;
use crate::connection::{Connector, RetryFor};
use crate::exit_code::ExitCode;
use crate::fault::{Fault, Kind};
use crate::publisher::{self, Notice, SendOptions};
use crate::report::{Fields, Report, insert_body};
use crate::shutdown::{self, EndsAt};
use crate::task::Task;
use crate::topology::{WorkQueue, adoption_note};
use anyhow::Result;
use serde_json::json;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// The largest body that RabbitMQ can be configured to take (`max_message_size`), in bytes.
const BODY_MAX: u64 = 512 * 1024 * 1024;

/// Sends one task.
pub fn run(args: &NewTaskArgs, report: &mut Report) -> Result<ExitCode> {
    let when_cut = shutdown::install(EndsAt::FIRST, || {})?;
    let body = if let Some(path) = &args.body_file {
        read_body(path)?
    } else {
        if args.has_no_words() && stdin_is_a_pipe() {
            report.warn("stdin is not read without --body-file -; sending `Hello World!`");
        }
        args.message()
    };
    let task = Task::new(body, &args.task_options());
    let name = format!("new_task {}", report.who());
    let sender = Sender {
        connector: args
            .common
            .connector(name, args.retry_for, when_cut.clone())?,
        queue: args.common.work_queue(),
        options: SendOptions {
            confirm_timeout: args.confirm_timeout,
            when_cut,
        },
    };
    match sender.send(&task, report) {
        Ok(()) => {
            if let Some(fault) = report.failure() {
                let text = format!("the task was sent and confirmed, but {fault}");
                return Err(Fault::new(fault.kind, text).into());
            }
            Ok(ExitCode::Done)
        }
        Err(fault) => {
            report.event("failed", || None, || failed_fields(&task, &fault));
            report.flush();
            Err(fault.into())
        }
    }
}

struct Sender {
    connector: Connector,
    queue: WorkQueue,
    options: SendOptions,
}

impl Sender {
    /// Sends until the task is confirmed. A task whose confirm was lost with the connection is
    /// sent again with the same id: twice is better than never.
    fn send(&self, task: &Task, report: &mut Report) -> Result<(), Fault> {
        let mut backoff = Backoff::default();
        let mut first_loss: Option<Instant> = None;
        loop {
            let mut link = self.connector.connect(|fault| {
                let retry_for = self.connector.retry_for;
                report.warn(&format!("{fault}; trying again (--retry-for {retry_for})"));
            })?;
            report.detail(&format!("connected to {}", link.address()));
            let sent =
                publisher::send(&mut link, &self.queue, task, &self.options, &mut |notice| {
                    tell(report, &self.queue, notice);
                });
            let fault = match sent {
                Ok(channel) => {
                    report.event(
                        "sent",
                        || Some(format!(" [x] Sent {}", task.line())),
                        || task_fields(task),
                    );
                    report.flush();
                    // The task is safe; a goodbye that goes wrong changes nothing.
                    if let Err(fault) = link.close() {
                        report.detail(&format!("while closing: {fault}"));
                    }
                    drop(channel);
                    return Ok(());
                }
                Err(fault) => fault,
            };
            let since = *first_loss.get_or_insert_with(Instant::now);
            if !fault.is_transient() || self.is_over(since) {
                return Err(fault);
            }
            report.warn(&format!("{fault}; sending the task again"));
            // A broker that takes connections and drops them must not be hammered.
            let _ = self.options.when_cut.recv_timeout(backoff.step());
        }
    }

    fn is_over(&self, first_loss: Instant) -> bool {
        match self.connector.retry_for {
            RetryFor::Forever => false,
            RetryFor::AtMost(limit) => first_loss.elapsed() > limit.max(Duration::from_millis(1)),
        }
    }
}

fn tell(report: &Report, queue: &WorkQueue, notice: Notice) {
    match notice {
        Notice::Adopted(current) => report.note(&adoption_note(&queue.name, &current)),
        Notice::Blocked(reason) => {
            report.warn(&format!(
                "the broker takes no tasks for now ({reason}); waiting"
            ));
        }
        Notice::Unblocked => report.note("the broker takes tasks again"),
    }
}

fn task_fields(task: &Task) -> Fields {
    let mut fields = Fields::new();
    fields.insert("id".to_owned(), json!(task.id()));
    insert_body(&mut fields, &task.body);
    fields
}

fn failed_fields(task: &Task, fault: &Fault) -> Fields {
    let mut fields = task_fields(task);
    fields.insert("error".to_owned(), json!(fault.to_string()));
    fields
}

fn stdin_is_a_pipe() -> bool {
    use rustix::fs::{FileType, fstat};
    fstat(io::stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo)
}

fn read_body(path: &Path) -> Result<Vec<u8>, Fault> {
    let failed = |error: io::Error| {
        let text = format!("cannot read the body from {}: {error}", path.display());
        Fault::new(Kind::InputOutput, text)
    };
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(BODY_MAX + 1).read_to_end(&mut body)
    } else {
        let file = File::open(path).map_err(failed)?;
        file.take(BODY_MAX + 1).read_to_end(&mut body)
    };
    if read.map_err(failed)? as u64 > BODY_MAX {
        let text = format!(
            "the body in {} is larger than 512 MiB, the most that RabbitMQ can be configured to \
             take; send a reference to the data instead",
            path.display()
        );
        return Err(Fault::new(Kind::NotTaken, text));
    }
    Ok(body)
}
