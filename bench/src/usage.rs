//! What a process may use, and what it has used.

use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use crate::Error;

/// CPU time that this process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl CpuTime {
    pub(crate) fn now() -> Result<Self, Error> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let micros = |time: i64| Duration::from_micros(time.unsigned_abs());
        Ok(Self {
            user: micros(usage.user_time().num_microseconds()),
            system: micros(usage.system_time().num_microseconds()),
        })
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }

    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

/// Lets this process open as many files as it may allow itself: 10,000 connections are beyond the usual 1,024.
pub(crate) fn open_many_files() -> Result<(), Error> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}

/// The cores that this process may run on.
pub(crate) fn cores() -> Result<Vec<usize>, Error> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count())
        .filter(|core| set.is_set(*core).unwrap_or(false))
        .collect())
}

/// Runs this process on these cores alone.
pub(crate) fn pin(cores: &[usize]) -> Result<(), Error> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
}

/// Bytes of this process that are in memory.
pub(crate) fn resident() -> Result<u64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    kibibytes(&status, "VmRSS:").ok_or_else(|| "/proc/self/status does not say VmRSS".into())
}

/// The most that was ever in memory.
pub(crate) fn resident_peak() -> Result<u64, Error> {
    let kib = getrusage(UsageWho::RUSAGE_SELF)?.max_rss();
    Ok(kib.unsigned_abs() * 1024)
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_from_the_status_of_a_process() {
        let status = "Name:\tbench\nVmRSS:\t    5120 kB\nThreads:\t1\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(5 * 1024 * 1024));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
    }
}
