//! What `new_task` says behind its options.

use super::NewTaskArgs;
use crate::cli::sections::{
    Documented,
    Item::{Entry, Example, Paragraph},
    Section,
};

/// The forms of its command line.
pub(super) const USAGE: &str = "new_task [OPTIONS] [MESSAGE]...
       new_task [OPTIONS] --body-file FILE
       new_task [OPTIONS] --file FILE
       new_task [OPTIONS] --collect NAME";

impl Documented for NewTaskArgs {
    fn sections() -> Vec<Section> {
        vec![
            Section::exit_status(&[
                Entry("0", "The broker confirmed every task"),
                Entry(
                    "1",
                    "Any other error; with `--file --wait` or --collect: a task failed",
                ),
                Entry(
                    "75",
                    "The broker did not take every task (nack, no queue, no confirm in time, backlog \
                     full): send those of --unsent again. Or a result is missing: its task was \
                     sent, do not send it again",
                ),
                Paragraph(
                    "With --wait and a single task, the exit code is the task's own, or 128 plus the \
                     signal that ended it. A run that ends by `--halt soon,success=N` or \
                     `now,success=N` ends with 0, whatever failed before.",
                ),
            ]),
            Section::environment(&[
                Entry(
                    "TRACEPARENT",
                    "Trace: becomes the header traceparent, unless --header sets it",
                ),
                Entry("TRACESTATE", "The same, as tracestate"),
                Entry("BAGGAGE", "The same, as baggage"),
            ]),
            Section::new(
                "Signals",
                &[
                    Paragraph(
                        "INT (Ctrl+C), TERM and HUP mean the same. For a single task, the first one \
                         ends the command. With --file:",
                    ),
                    Entry(
                        "First",
                        "Stops sending. Saves unconfirmed tasks to the file of --unsent, and the rest \
                         of stdin until it ends.",
                    ),
                    Entry("Second", "Stops saving the rest of stdin."),
                    Entry("Third", "Exits at once."),
                ],
            ),
            Section::files(&[
                Entry(
                    "--file FILE",
                    "Tasks: lines, or with --null records that end with NUL",
                ),
                Entry("--body-file FILE", "The body of a single task, any bytes"),
                Entry(
                    "--unsent FILE",
                    "Unconfirmed tasks in the format of --file; emptied at the start",
                ),
                Entry(
                    "--metrics-file FILE",
                    "Numbers of the run, in Prometheus's text format; replaced at the end",
                ),
                Entry(
                    "--joblog FILE",
                    "Results in the format of GNU parallel; with --wait, emptied at the start without \
                     --resume or --resume-failed",
                ),
            ]),
            Section::new(
                "Examples",
                &[
                    Example("Send one task:", "new_task 'resize photo.jpg'"),
                    Example(
                        "Send one task per file; keep what the broker does not confirm:",
                        "find . -name '*.mov' -print0 | new_task -0 --file - --unsent later",
                    ),
                    Example("Send what was kept:", "new_task -0 --file later"),
                    Example(
                        "Print the results of a hundred tasks, in their order:",
                        "seq 100 | new_task --file - --wait --keep-order",
                    ),
                    Example(
                        "Send now, and print the results in the morning:",
                        "new_task --file list --results night\nnew_task --collect night --keep-order",
                    ),
                    Example(
                        "Log results, and later do what failed or is missing:",
                        "new_task --file list --wait --joblog log\nnew_task --file list --wait --joblog log --resume-failed",
                    ),
                    Example(
                        "Deliver a task in ten minutes:",
                        "new_task --delay 10m 'remind me'",
                    ),
                ],
            ),
            Section::new("See also", &[Paragraph("worker(1), rabbitmqctl(8)")]),
        ]
    }
}
