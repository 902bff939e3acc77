//! The options of what a worker does without working.

use clap::Args;

/// What to do instead of working.
#[derive(Args, Clone, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct AdminArgs {
    /// Show the numbers of waiting tasks and of workers, then exit
    #[arg(
        long,
        conflicts_with_all = ["command", "list_dead", "replay_dead", "drop_dead"],
        help_heading = "Administration"
    )]
    status: bool,

    /// With --status: renew it every second, with rates
    #[arg(long, requires = "status", help_heading = "Administration")]
    watch: bool,

    /// List the dead letters and their reasons, then exit
    #[arg(
        long,
        conflicts_with_all = ["command", "replay_dead", "drop_dead"],
        help_heading = "Administration"
    )]
    list_dead: bool,

    /// Send the dead letters to the work queue again, then exit
    #[arg(
        long,
        conflicts_with_all = ["command", "drop_dead"],
        help_heading = "Administration"
    )]
    replay_dead: bool,

    /// Discard the dead letters, then exit; needs --yes
    #[arg(long, conflicts_with = "command", help_heading = "Administration")]
    drop_dead: bool,

    /// Confirm --drop-dead
    #[arg(long, requires = "drop_dead", help_heading = "Administration")]
    yes: bool,

    /// With --list-dead, --replay-dead or --drop-dead: only the dead letters of this task
    #[arg(long, value_name = "ID", help_heading = "Administration")]
    pub id: Option<String>,
}

/// What a worker does without working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminTask {
    Status(Repeat),
    List,
    Replay,
    Drop(Consent),
}

/// How often the status is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    Once,
    EachSecond,
}

/// Whether the user means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Given,
    Missing,
}

impl AdminArgs {
    /// What is asked for, if anything is.
    #[must_use]
    pub fn task(&self) -> Option<AdminTask> {
        let consent = if self.yes {
            Consent::Given
        } else {
            Consent::Missing
        };
        let repeat = if self.watch {
            Repeat::EachSecond
        } else {
            Repeat::Once
        };
        [
            (self.status, AdminTask::Status(repeat)),
            (self.list_dead, AdminTask::List),
            (self.replay_dead, AdminTask::Replay),
            (self.drop_dead, AdminTask::Drop(consent)),
        ]
        .into_iter()
        .find_map(|(wanted, task)| wanted.then_some(task))
    }
}
