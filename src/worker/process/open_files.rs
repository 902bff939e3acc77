//! Whether the system allows as many commands at once as the user wants.

use crate::base::fault::{Fault, Kind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors that a running command takes here: one to its stdin, both ends of the pipes of
/// its stdout and stderr, one that tells of its end, and two files where its output is long.
const FOR_EACH: u64 = 8;

/// What the worker takes besides: its own streams, two connections with what drives them, and a few
/// for commands that are just being started.
const FOR_ALL: u64 = 48;

/// Raises the limit of open files as far as `slots` commands at once need it, and `others` besides.
///
/// # Errors
/// [`Kind::SetUp`] where the system does not allow that many.
pub fn make_room(slots: usize, others: u64) -> Result<(), Fault> {
    let limit = getrlimit(Resource::Nofile);
    let for_all = FOR_ALL + others;
    let needed = for_all + FOR_EACH * slots as u64;
    // `None` is no limit.
    let (Some(current), maximum) = (limit.current, limit.maximum) else {
        return Ok(());
    };
    if current >= needed {
        return Ok(());
    }
    let raised = maximum.is_none_or(|maximum| maximum >= needed)
        && setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(needed),
                maximum,
            },
        )
        .is_ok();
    if raised {
        return Ok(());
    }
    let allowed = maximum.unwrap_or(current).max(current);
    let fits = allowed.saturating_sub(for_all) / FOR_EACH;
    let text = format!(
        "--concurrency {slots} needs {needed} open files, and the system allows {allowed}: take at \
         most --concurrency {fits}, or raise the limit (`ulimit -n`, or LimitNOFILE= of a systemd \
         unit)"
    );
    Err(Fault::new(Kind::SetUp, text))
}
