//! When a run stops before its end (`--halt`). Pure.

use super::counts::SendCounts;
use crate::base::exit_code::ExitCode;
use crate::base::plural;
use std::str::FromStr;

/// How many results are enough to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// None.
    Never,
    /// These.
    When(Enough),
}

/// When it is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enough {
    /// What happens then.
    pub how: How,
    what: What,
    count: Count,
}

/// What becomes of the tasks that are sent and have no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Their results are waited for.
    Soon,
    /// They are left alone.
    Now,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Failed,
    Succeeded,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Tasks(u64),
    /// Of all tasks.
    Percent(u64),
}

impl Halt {
    /// Whether all tasks must be counted before any is sent.
    pub fn wants_total(self) -> bool {
        matches!(
            self,
            Self::When(Enough {
                count: Count::Percent(_),
                ..
            })
        )
    }
}

impl Enough {
    /// Whether these results are enough, of `total` tasks.
    pub fn is_reached(self, counts: SendCounts, total: Option<u64>) -> bool {
        let needed = match (self.count, total) {
            (Count::Tasks(count), _) => count,
            (Count::Percent(percent), Some(total)) => {
                let hundredths = u128::from(total) * u128::from(percent);
                u64::try_from(hundredths.div_ceil(100)).unwrap_or(u64::MAX)
            }
            (Count::Percent(_), None) => return false,
        };
        self.counted(counts) >= needed
    }

    /// Why it is enough, in words.
    pub fn reason(self, counts: SendCounts) -> String {
        let count = self.counted(counts);
        let what = match self.what {
            What::Failed => "failed",
            What::Succeeded => "succeeded",
            What::Done => "ended",
        };
        format!("{} {what} (--halt)", plural::counted(count, "task"))
    }

    /// How the command ends. To have enough successes is what was wanted, whatever failed before.
    pub fn exit_code(self, counts: SendCounts) -> ExitCode {
        if self.what == What::Succeeded || counts.undone == 0 {
            ExitCode::Done
        } else {
            ExitCode::Failure
        }
    }

    fn counted(self, counts: SendCounts) -> u64 {
        match self.what {
            What::Failed => counts.undone,
            What::Succeeded => counts.done,
            What::Done => counts.done + counts.undone,
        }
    }
}

impl FromStr for Halt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it should look like `soon,fail=1`, `now,success=3` or `soon,done=10%`";
        if text == "never" {
            return Ok(Self::Never);
        }
        let parts = || {
            let (how, rest) = text.split_once(',')?;
            let (what, count) = rest.split_once('=')?;
            let how = match how {
                "soon" => How::Soon,
                "now" => How::Now,
                _ => return None,
            };
            let what = match what {
                "fail" => What::Failed,
                "success" => What::Succeeded,
                "done" => What::Done,
                _ => return None,
            };
            Some((how, what, count))
        };
        let (how, what, count) = parts().ok_or(FORM)?;
        let number = count.strip_suffix('%').unwrap_or(count);
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| is_number).ok_or(FORM)?;
        let count = match count.ends_with('%') {
            true if (1..=100).contains(&number) => Count::Percent(number),
            true => return Err("the percentage must be from 1 to 100".to_owned()),
            false if number > 0 => Count::Tasks(number),
            false => return Err("the number must be at least 1".to_owned()),
        };
        Ok(Self::When(Enough { how, what, count }))
    }
}

#[cfg(test)]
mod tests;
