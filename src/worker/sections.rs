//! What `worker` says behind its options.

use super::WorkerArgs;
use crate::cli::sections::{
    Documented,
    Item::{self, Entry, Example, Paragraph},
    Section,
};

/// The forms of its command line.
pub(super) const USAGE: &str = "worker [OPTIONS] [-- COMMAND [ARG]...]
       worker [OPTIONS] --status [--watch] [--management URL]
       worker [OPTIONS] --list-dead | --replay-dead [--id ID]
       worker [OPTIONS] --drop-dead --yes [--id ID]";

impl Documented for WorkerArgs {
    fn sections() -> Vec<Section> {
        vec![
            Section::exit_status(&[
                Entry("0", "Everything done, even if tasks failed"),
                Entry("1", "Any other error"),
                Entry(
                    "75",
                    "The broker did not take every message, or a failed task is left in the queue: \
                     try again",
                ),
            ]),
            Section::environment(&ENVIRONMENT),
            Section::new("Signals", &SIGNALS),
            Section::files(&[]),
            Section::new("Examples", &EXAMPLES),
            Section::new("See also", &[Paragraph("new_task(1), rabbitmqctl(8)")]),
        ]
    }
}

const ENVIRONMENT: [Item; 17] = [
    Entry(
        "AMQP_MANAGEMENT_URL",
        "URL of the management API for --status, unless --management is given",
    ),
    Entry("PATH", "Directories to search for COMMAND"),
    Entry(
        "NOTIFY_SOCKET",
        "Socket of the service manager, to be told when tasks come, and more: sd_notify(3)",
    ),
    Entry(
        "WATCHDOG_USEC",
        "Microseconds after which the service manager takes a silent worker for stuck",
    ),
    Entry("WATCHDOG_PID", "Process that WATCHDOG_USEC is meant for"),
    Paragraph(
        "COMMAND inherits the environment, without the two URLs and the last three. In addition, it \
         gets:",
    ),
    Entry("TASK_ID", "ID of the task, empty if it has none"),
    Entry("TASK_QUEUE", "Name of the work queue"),
    Entry("TASK_ATTEMPT", "Number of this attempt, from 1"),
    Entry(
        "TASK_REDELIVERED",
        "1 if the task was delivered before, otherwise 0",
    ),
    Entry("TASK_PRIORITY", "Priority of the task, if it has one"),
    Entry(
        "TASK_TIMESTAMP",
        "When the task was sent, in seconds since 1970, if it says so",
    ),
    Entry(
        "TASK_HEADER_NAME",
        "Value of header NAME; NAME in upper case, with `_` for all but letters and digits",
    ),
    Entry(
        "TRACEPARENT",
        "Value of the header traceparent, if the task has it",
    ),
    Entry("TRACESTATE", "The same of tracestate"),
    Entry("BAGGAGE", "The same of baggage"),
    Entry(
        "WORKER_SLOT",
        "Number of the slot that runs the task, from 1 to --concurrency",
    ),
];

const SIGNALS: [Item; 5] = [
    Paragraph("INT (Ctrl+C), TERM and HUP mean the same (HUP is ignored under nohup):"),
    Entry(
        "First",
        "Takes no more tasks and exits when running tasks are done. --grace limits the wait, then \
         acts as the second signal.",
    ),
    Entry(
        "Second",
        "Sends TERM to running commands, and KILL after --kill-after. Their tasks go back to the \
         queue.",
    ),
    Entry("Third", "Sends KILL to running commands."),
    Entry("Fourth", "Exits at once."),
];

const EXAMPLES: [Item; 6] = [
    Example(
        "Run convert.sh for each task, four at a time:",
        "worker -j 4 -- convert.sh {}",
    ),
    Example(
        "Do what is in the queue, then exit; end a task after ten minutes:",
        "worker --exit-when-empty --timeout 10m -- convert.sh {}",
    ),
    Example(
        "Use the body in a script, as an argument. Never write {} inside the script: the shell would \
         execute it.",
        "worker -- sh -c 'sha256sum \"$1\" >> sums' sh {}",
    ),
    Example(
        "Look at dead letters, then send them again:",
        "worker --list-dead\nworker --replay-dead",
    ),
    Example("Show the length of the queue:", "worker --status"),
    Example(
        "See round robin, with pretended work:",
        "worker --prefetch 0",
    ),
];
