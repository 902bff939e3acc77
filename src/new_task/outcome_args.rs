//! The options of `new_task` that say what is done with outcomes.

use super::halt::Halt;
use super::joblog::Again;
use super::outcomes::Tag;
use crate::cli::positive;
use clap::{Args, ValueHint};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// How far a run that may halt is ahead of its results: enough for some dozens of slots.
const AHEAD: usize = 100;

/// What is done with outcomes.
#[derive(Args, Debug)]
pub struct OutcomeArgs {
    /// Begin each line of output with the task's body and a tab
    #[arg(long, requires = "receives", help_heading = "Results")]
    tag: bool,

    /// Log each result to FILE, in the format of GNU parallel
    ///
    /// With --wait, what FILE held before is lost, unless --resume or --resume-failed is given.
    /// --collect adds to FILE, which is for one NAME.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "receives", help_heading = "Results")]
    pub joblog: Option<PathBuf>,

    /// Skip the tasks in the log of an earlier run
    #[arg(long, requires = "joblog", requires = "file", conflicts_with_all = ["words", "body_file"], help_heading = "Results")]
    resume: bool,

    /// Skip the tasks that succeeded in an earlier run, by its log
    #[arg(long, requires = "joblog", requires = "file", conflicts_with_all = ["words", "body_file"], help_heading = "Results")]
    resume_failed: bool,

    /// When to stop before the end: `never`, or as in `soon,fail=1`
    ///
    /// `soon` sends no more tasks and waits for the results of those sent; `now` does not wait for
    /// them. Then `,fail=N`, `,success=N` or `,done=N`: N tasks have failed, succeeded or ended;
    /// `N%`: of all tasks in FILE, which is then read to its end first. Tasks that were sent cannot be
    /// called back: workers do them.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "never",
        requires = "wait",
        requires = "file",
        conflicts_with_all = ["words", "body_file"],
        help_heading = "Results"
    )]
    pub halt: Halt,

    /// Have at most N tasks without a result [default: no limit; with --halt, 100]
    #[arg(value_parser = positive::<NonZeroU32>, long, value_name = "N", requires = "wait", help_heading = "Results")]
    ahead: Option<NonZeroU32>,
}

impl OutcomeArgs {
    /// How lines of output are told apart.
    pub(super) fn tag(&self) -> Tag {
        if self.tag { Tag::Body } else { Tag::None }
    }

    /// Which logged tasks are sent again; `None`: no log is read.
    pub(super) fn again(&self) -> Option<Again> {
        match (self.resume, self.resume_failed) {
            (_, true) => Some(Again::Failed),
            (true, false) => Some(Again::Nothing),
            (false, false) => None,
        }
    }

    /// How many results may be waited for while more is sent; `None`: any number.
    pub(super) fn ahead(&self) -> Option<usize> {
        let given = self.ahead.map(|most| most.get() as usize);
        given.or((self.halt != Halt::Never).then_some(AHEAD))
    }
}
