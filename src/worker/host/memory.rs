//! How much memory there is, and how much of it is left.
//!
//! Of the machine: `MemTotal` and `MemAvailable` in `/proc/meminfo` (proc(5)). Of each cgroup that
//! this process is in, up to the root: its limit, less what it uses without the page cache that is not
//! in use (`inactive_file`), as Kubernetes reckons. Files of version 2 and 1 (Linux's
//! `Documentation/admin-guide/cgroup-v2.rst` and `cgroup-v1/memory.rst`).

use super::system::untold;
use crate::base::fault::Fault;
use std::path::{Path, PathBuf};

/// In bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) total: u64,
    pub(super) available: u64,
}

/// What this process may use, on the system whose root is here.
pub(super) fn of(root: &Path) -> Result<Memory, Fault> {
    let path = root.join("proc/meminfo");
    let machine = std::fs::read_to_string(&path).ok().and_then(|text| {
        Some(Memory {
            total: field(&text, "MemTotal:")?.checked_mul(1024)?,
            available: field(&text, "MemAvailable:")?.checked_mul(1024)?,
        })
    });
    let machine = machine.ok_or_else(|| untold("the memory", "--min-memory", &path))?;
    let limited = cgroups(root).into_iter().filter_map(|group| group.left());
    Ok(limited.fold(machine, |all, group| Memory {
        total: all.total.min(group.total),
        available: all.available.min(group.available),
    }))
}

/// A cgroup's directory, and the names of its files.
struct Cgroup {
    directory: PathBuf,
    limit: &'static str,
    usage: &'static str,
}

impl Cgroup {
    /// Its limit and what is left of it, if it has one.
    fn left(&self) -> Option<Memory> {
        let read = |name: &str| std::fs::read_to_string(self.directory.join(name)).ok();
        // `max`: it has none.
        let total: u64 = read(self.limit)?.trim().parse().ok()?;
        let usage: u64 = read(self.usage)?.trim().parse().ok()?;
        let stat = read("memory.stat").unwrap_or_default();
        let cache = field(&stat, "inactive_file").unwrap_or(0);
        let available = total.saturating_sub(usage.saturating_sub(cache));
        Some(Memory { total, available })
    }
}

/// The cgroups that this process is in, up to the root.
fn cgroups(root: &Path) -> Vec<Cgroup> {
    let text = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let (mount, limit, usage) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max", "memory.current"),
            "memory" => (
                "sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            ),
            _ => continue,
        };
        // In a container the path may be that outside, and the files of its own group lie at the
        // mount's root, which is looked at in any case.
        for part in Path::new(path.trim_start_matches('/')).ancestors() {
            groups.push(Cgroup {
                directory: root.join(mount).join(part),
                limit,
                usage,
            });
        }
    }
    groups
}

/// A number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
