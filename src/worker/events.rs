//! What a worker tells, to people as lines and to programs as JSON.

use super::commands;
use super::core::policy::{Ack, Decision, Ending};
use super::core::{Event, TaskEvent, headers};
use super::fields::{fields, with};
use super::outputs::Outputs;
use super::process::{CommandOutput, StdoutTo};
use super::settings::WorkerSettings;
use super::totals::Totals;
use crate::base::duration::{milliseconds, rounded};
use crate::base::fault::Fault;
use crate::output::Report;
use crate::output::progress::TaskBars;
use serde_json::json;
use std::time::{Duration, Instant};

/// Whether lines name the task that they are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// One slot: it is clear.
    Implied,
    /// Several slots.
    Named,
}

/// Tells what happens.
pub(super) struct Teller<'a> {
    pub(super) report: &'a mut Report,
    pub(super) bars: TaskBars,
    pub(super) totals: Totals,
    pub(super) outputs: Outputs,
    naming: Naming,
    ack: Ack,
    queue: String,
    /// A consumer has been started before.
    has_waited: bool,
    /// What is said of the work once it begins.
    note: Option<String>,
    /// When the connection was lost, if there is none.
    lost: Option<Instant>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(
        settings: &WorkerSettings,
        note: Option<String>,
        report: &'a mut Report,
    ) -> Self {
        let slots = settings.core.slots;
        // A command's own output streams to the terminal where there is one slot; no bar next to
        // it.
        let no_bars = report.is_quiet() || (settings.has_command && slots == 1);
        Self {
            outputs: Outputs::new(commands::stdout_to(report)),
            report,
            bars: TaskBars::new(slots, no_bars),
            totals: Totals::default(),
            naming: if slots == 1 {
                Naming::Implied
            } else {
                Naming::Named
            },
            ack: settings.core.ack,
            queue: settings.queue.name.as_str().to_owned(),
            has_waited: false,
            note,
            lost: None,
        }
    }

    /// Tells of an event. `broker` is where the connection leads.
    pub(super) fn tell(&mut self, event: Event, broker: &str) {
        match event {
            Event::Consuming => self.consuming(broker),
            Event::Received(of) => {
                self.totals.received += 1;
                let line = || Some(format!(" [x] Received {}", of.task.line()));
                self.report.event("received", line, || fields(&of));
            }
            Event::Done { of, took } => {
                self.pass_on_of(of.slot);
                self.totals.done += 1;
                self.done(&of, took);
            }
            Event::Failed {
                of,
                took,
                ending,
                next,
            } => {
                self.pass_on_of(of.slot);
                self.totals.failed += 1;
                self.failed(&of, took, &ending, next);
            }
            Event::Retried { of, pause } => {
                self.totals.retried += 1;
                let delay = json!(milliseconds(pause));
                self.report
                    .silent("retried", || with(fields(&of), "delay_ms", delay));
            }
            Event::DeadLettered { of, reason } => {
                self.totals.dead_lettered += 1;
                // Of a task that has failed here that was told.
                let red = self.report.stands_out();
                let line = || {
                    let line = of.task.line();
                    (of.slot.is_none())
                        .then(|| format!("{red} [!] Dead letter{red:#} ({reason}) {line}"))
                };
                let fields = || with(fields(&of), "error", json!(reason));
                self.report.event("dead_lettered", line, fields);
            }
            Event::Dropped(of) => {
                self.totals.dropped += 1;
                self.report.silent("dropped", || fields(&of));
            }
            Event::Returned(of) => {
                self.totals.returned += 1;
                self.report.silent("returned", || fields(&of));
            }
            Event::Skipped(of) => {
                self.totals.skipped += 1;
                self.report.silent("skipped", || fields(&of));
            }
            Event::Disconnected(reason) => {
                self.lost.get_or_insert_with(Instant::now);
                self.report
                    .silent("disconnected", || json!({ "reason": reason }));
                self.flush();
            }
            Event::Draining(running) => {
                self.report
                    .silent("draining", || json!({ "running": running }));
                self.flush();
            }
            Event::Paused(why) => {
                self.report.silent("paused", || json!({ "reason": why }));
                self.note(&format!("{why}; taking no tasks until that is over"));
            }
            Event::Resumed => {
                self.report.silent("resumed", || json!({}));
                self.note("taking tasks again");
            }
            Event::Note(text) => self.note(&text),
            Event::Warning(text) => self.warn(&text),
            Event::Detail(text) => self.bars.suspend(|| self.report.detail(&text)),
        }
    }

    /// Why and how the worker has stopped.
    pub(super) fn stopped(&mut self, reason: &str) {
        self.pass_on_rest();
        let totals = self.totals;
        self.report.silent("stopped", || totals.fields(reason));
        self.report.flush();
        if self.has_waited && !self.report.is_json() {
            self.report.line_on_stderr(&totals.line());
        }
    }

    /// Whether there has been a consumer.
    pub(super) fn has_waited(&self) -> bool {
        self.has_waited
    }

    /// Whether there was a connection, and is none.
    pub(super) fn is_disconnected(&self) -> bool {
        self.lost.is_some()
    }

    pub(super) fn warn(&self, text: &str) {
        self.bars.suspend(|| self.report.warn(text));
    }

    pub(super) fn note(&self, text: &str) {
        self.bars.suspend(|| self.report.note(text));
    }

    /// Writes out what was told so far.
    pub(super) fn flush(&mut self) {
        if self.report.has_pending() {
            let Self { report, bars, .. } = self;
            bars.suspend(|| report.flush());
        }
    }

    /// Passes on what the command in this slot wrote, of whose end is told next.
    fn pass_on_of(&mut self, slot: Option<usize>) {
        let output = slot.and_then(|slot| Some((slot, self.outputs.take(slot)?)));
        if let Some((slot, output)) = output {
            self.pass_on(slot, output);
        }
    }

    /// Passes on what is left: of commands whose end is not told.
    pub(super) fn pass_on_rest(&mut self) {
        while let Some((slot, output)) = self.outputs.take_any() {
            self.pass_on(slot, output);
        }
    }

    fn pass_on(&mut self, slot: usize, mut output: CommandOutput) {
        self.bars.ended(slot);
        let to = self.outputs.to();
        if !output.is_empty() {
            self.flush();
            if let Err(error) = self.bars.suspend(|| output.write(to)) {
                self.report.output_failed(&error);
            }
        }
        if to == StdoutTo::Stdout {
            self.report.others_wrote(output.is_line_open);
        }
    }

    /// Why nobody reads what is told, if that is so. A terminal that goes is no such reason: people watched
    /// it, and SIGHUP says what is to be done.
    pub(super) fn failure(&self) -> Option<&Fault> {
        let is_terminal = self.report.is_terminal();
        self.report.failure().filter(|_| !is_terminal)
    }

    fn consuming(&mut self, broker: &str) {
        if self.has_waited {
            self.report
                .silent("reconnected", || json!({ "broker": broker }));
            if let Some(since) = self.lost.take() {
                let passed = rounded(since.elapsed());
                self.note(&format!("connected again after {passed}"));
            }
        } else {
            self.has_waited = true;
            self.report.detail(&format!("connected to {broker}"));
            let queue = &self.queue;
            if let Some(note) = &self.note {
                self.note(&format!("{note}; tasks leave queue `{queue}`"));
            }
            let line = || Some(" [*] Waiting for messages. To exit press CTRL+C".to_owned());
            self.report
                .event("waiting", line, || json!({ "queue": queue }));
        }
        self.flush();
    }

    fn done(&mut self, of: &TaskEvent, took: Duration) {
        let naming = self.naming;
        let line = || {
            Some(match naming {
                Naming::Implied => " [x] Done".to_owned(),
                Naming::Named => format!(" [x] Done {}", of.task.line()),
            })
        };
        let fields = || with(fields(of), "duration_ms", json!(milliseconds(took)));
        self.report.event("done", line, fields);
    }

    /// The line also says what becomes of the task.
    fn failed(&mut self, of: &TaskEvent, took: Duration, ending: &Ending, next: Decision) {
        let ack = self.ack;
        let red = self.report.stands_out();
        let line = || {
            let next = match next {
                _ if ack == Ack::Auto => "lost, by --ack auto".to_owned(),
                _ if ack == Ack::Never => "returns when this worker ends".to_owned(),
                Decision::Retry(pause) => {
                    format!("retry in {}", humantime::format_duration(pause))
                }
                Decision::Requeue => "back to the queue".to_owned(),
                Decision::DeadLetter => "dead letter".to_owned(),
                Decision::Drop | Decision::Done => "dropped".to_owned(),
            };
            let attempt = headers::attempt(&of.task);
            let (why, line) = (ending.describe(), of.task.line());
            Some(format!(
                "{red} [!] Failed{red:#} (attempt {attempt}: {why}; {next}) {line}"
            ))
        };
        self.report.event("failed", line, || {
            let mut fields = with(fields(of), "duration_ms", json!(milliseconds(took)));
            match ending {
                Ending::Exit(code) => fields["exit_code"] = json!(code),
                Ending::Signal(signal) => fields["signal"] = json!(signal),
                Ending::TimedOut(_) | Ending::NotStarted(_) | Ending::Impossible(_) => {}
            }
            with(fields, "error", json!(ending.describe()))
        });
        self.flush();
    }
}
