//! The broker and the queues, as the command line names them.

use super::args::NewTaskArgs;
use crate::amqp::FramesInFlight;
use crate::amqp::connector::Connector;
use crate::base::cancellation::WhenCancelled;
use crate::base::fault::{Fault, Kind};
use crate::output::Report;
use crate::queues::{QueueType, ResultsName, ResultsQueue};

/// How the broker is reached.
pub(super) fn connector(
    args: &NewTaskArgs,
    when_cancelled: WhenCancelled,
    report: &Report,
) -> Result<Connector, Fault> {
    let name = format!("new_task {}", report.who());
    let common = &args.common;
    let mut connector = common.connector(name, args.retry_for, when_cancelled, None)?;
    connector.options.frames_in_flight = FramesInFlight::Many;
    Ok(connector)
}

/// The queue that keeps these results.
pub(super) fn results_queue(args: &NewTaskArgs, name: &ResultsName) -> Result<ResultsQueue, Fault> {
    let work = args.common.work_queue();
    let Some(queue) = name.queue(&work.name) else {
        let text = format!("the name of the results `{name}` is too long");
        return Err(Fault::new(Kind::SetUp, text));
    };
    Ok(ResultsQueue {
        results: name.clone(),
        name: queue,
        queue_type: work.queue_type.unwrap_or(QueueType::Classic),
        expires: args.results.results_expire,
    })
}
