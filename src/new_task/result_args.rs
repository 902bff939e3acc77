//! Options on the results of tasks.

use super::expiry::results_expire;
use crate::base::duration::duration;
use crate::queues::ResultsName;
use clap::{ArgGroup, Args};
use std::time::Duration;

/// Options on the results of tasks.
#[derive(Args, Clone, Debug)]
#[group(skip)]
#[command(group = ArgGroup::new("receives").args(["wait", "collect"]))]
#[command(group = ArgGroup::new("keeps").args(["wait", "results"]))]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct ResultArgs {
    /// Wait for the results and print each task's stdout and stderr
    ///
    /// For a single task, exit with its exit code.
    #[arg(short, long, help_heading = "Results")]
    pub wait: bool,

    /// Keep the results in the broker, for --collect NAME; more tasks may be added later
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "wait",
        help_heading = "Results"
    )]
    pub results: Option<ResultsName>,

    /// Send nothing; print the results NAME as they come, and exit after the last one
    ///
    /// May be interrupted and run again, on any machine: each result is printed once. Several may run
    /// at the same time, and share the results; with --keep-order they wait for each other at each
    /// turn, so one alone is faster.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["wait", "results", "words", "file", "body_file"], help_heading = "Results")]
    pub collect: Option<ResultsName>,

    /// With --collect: only count the results
    #[arg(
        long,
        requires = "collect",
        conflicts_with_all = ["keep_order", "wait_timeout", "tag", "joblog"],
        help_heading = "Results"
    )]
    pub status: bool,

    /// Print results in the order of the tasks
    #[arg(short, long, requires = "receives", help_heading = "Results")]
    pub keep_order: bool,

    /// Give up if no result arrives for DUR
    #[arg(value_parser = duration, long, value_name = "DUR", requires = "receives", help_heading = "Results")]
    pub wait_timeout: Option<Duration>,

    /// Delete results that nobody has collected for DUR
    #[arg(value_parser = results_expire, long, value_name = "DUR", default_value = "7days", requires = "keeps", help_heading = "Results")]
    pub results_expire: Duration,
}
