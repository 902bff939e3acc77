//! The options of what a worker does without working.

use crate::base::fault::Fault;
use crate::management::Address;
use clap::{Args, ValueHint};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

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

    /// With --status: also show unacknowledged tasks; ask RabbitMQ's management API at URL
    ///
    /// AMQP does not tell their number. URL begins with http:// or https://, and the port is mostly
    /// 15672. Without USER:PASSWORD@ it uses those of --url. The user needs RabbitMQ's tag
    /// management.
    #[arg(
        long,
        value_name = "URL",
        env = "AMQP_MANAGEMENT_URL",
        hide_env_values = true,
        value_hint = ValueHint::Url,
        help_heading = "Administration"
    )]
    management: Option<String>,

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
    /// Where the management API is, if it is to be asked.
    pub fn management(&self) -> Result<Option<Address>, Fault> {
        let url = self.management.as_deref().filter(|_| self.status);
        url.map(Address::parse).transpose()
    }

    /// What is wrong with the command line `given`. The variable alone asks for nothing, so that
    /// clap's `requires` will not do.
    pub(super) fn mistake(&self, given: &[OsString]) -> Option<String> {
        let mut options = given.iter().take_while(|argument| *argument != "--");
        let is_given = |argument: &OsString| argument.as_bytes().starts_with(b"--management");
        let idle = !self.status && options.any(is_given);
        idle.then(|| "--management is of use with --status alone".to_owned())
    }

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
