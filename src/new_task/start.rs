//! What every way of sending begins with.

use super::args::NewTaskArgs;
use super::event::SendEvent;
use super::options::SendOptions;
use super::ordered::Ordered;
use super::pending::TaskInput;
use super::reporter::{Mode, Reporter, SendCounts};
use super::sender::Ended;
use super::sending;
use crate::amqp::FramesInFlight;
use crate::amqp::connector::Connector;
use crate::base::cancellation::WhenCancelled;
use crate::base::fault::Fault;
use crate::output::Report;
use crate::output::progress::BulkBar;
use crate::task::Template;

/// How the broker is reached.
pub(super) fn connector(
    args: &NewTaskArgs,
    when_cancelled: WhenCancelled,
    report: &Report,
) -> Result<Connector, Fault> {
    let name = format!("new_task {}", report.who());
    let mut connector = args
        .common
        .connector(name, args.retry_for, when_cancelled)?;
    connector.options.frames_in_flight = FramesInFlight::Many;
    Ok(connector)
}

/// What tells the outcome.
pub(super) fn reporter<'a>(args: &NewTaskArgs, mode: Mode, report: &'a mut Report) -> Reporter<'a> {
    Reporter {
        report,
        queue: args.common.work_queue().name,
        mode,
        wait: args.wait,
        ordered: args.keep_order.then(Ordered::default),
        unsent: None,
        bar: BulkBar::none(),
        counts: SendCounts::default(),
        exit_code: None,
    }
}

/// Sends all tasks of `input`.
pub(super) fn send_all(
    args: &NewTaskArgs,
    connector: Connector,
    options: &SendOptions,
    input: TaskInput,
    reporter: &mut Reporter<'_>,
) -> Ended {
    let queue = args.common.work_queue();
    let template = Template::new(&args.task_options());
    let mut tell = |event: SendEvent<'_>| reporter.take(event);
    sending::send(connector, queue, options, input, template, &mut tell)
}
