//! What processes cost, as the kernel counts it: processor time and resident memory.

use std::fs;
use std::io;
use std::ops::{Add, Sub};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// The processes that are watched: this one and the servers.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// The API, or the bare door in its place.
    pub api: Option<u32>,
    /// The worker.
    pub worker: Option<u32>,
    /// Redis.
    pub redis: Option<u32>,
    /// The first process of Postgres.
    pub postgres: Option<u32>,
    /// Where all processes of Postgres work.
    pub postgres_dir: PathBuf,
}

/// Processor time of each part, from its start until a moment; or between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// This process, which makes the load.
    pub generator: Duration,
    /// The API.
    pub api: Duration,
    /// The worker.
    pub worker: Duration,
    /// Redis.
    pub redis: Duration,
    /// All processes of Postgres.
    pub postgres: Duration,
}

/// Resident memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Resident {
    /// At this moment.
    pub now: u64,
    /// At most, since the process started.
    pub peak: u64,
}

impl Watched {
    /// What each part has used so far. A process that is not there has used nothing.
    #[must_use]
    pub fn cpu_times(&self) -> CpuTimes {
        let own = |pid: Option<u32>| pid.and_then(Usage::of).map_or(Duration::ZERO, |usage| usage.own);
        CpuTimes {
            generator: own(Some(std::process::id())),
            api: own(self.api),
            worker: own(self.worker),
            redis: own(self.redis),
            postgres: self.postgres_time(),
        }
    }

    /// Of all processes of Postgres that live, and of those that its first one has buried.
    fn postgres_time(&self) -> Duration {
        let buried = self
            .postgres
            .and_then(Usage::of)
            .map_or(Duration::ZERO, |usage| usage.buried);
        let living = embedded::processes_in(&self.postgres_dir, &["postgres"]);
        living
            .into_iter()
            .filter_map(Usage::of)
            .map(|usage| usage.own)
            .sum::<Duration>()
            + buried
    }
}

impl Sub for CpuTimes {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            generator: self.generator.saturating_sub(before.generator),
            api: self.api.saturating_sub(before.api),
            worker: self.worker.saturating_sub(before.worker),
            redis: self.redis.saturating_sub(before.redis),
            postgres: self.postgres.saturating_sub(before.postgres),
        }
    }
}

impl Resident {
    /// Of a process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            Some(kib * 1024)
        };
        match (bytes("VmRSS:"), bytes("VmHWM:")) {
            (Some(now), Some(peak)) => Ok(Self { now, peak }),
            // A process that has ended and is not buried yet has none.
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Add for Resident {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            now: self.now + other.now,
            peak: self.peak + other.peak,
        }
    }
}

/// Processor time of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Usage {
    own: Duration,
    /// Of its children that have ended and that it has waited for.
    buried: Duration,
}

impl Usage {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// From a line of proc(5), /proc/pid/stat. The second field is the program's name in parentheses, which may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut next = || ticks.next()?.ok().map(of_ticks);
        let (own_user, own_system, buried_user, buried_system) = (next()?, next()?, next()?, next()?);
        Some(Self {
            own: own_user + own_system,
            buried: buried_user + buried_system,
        })
    }
}

fn of_ticks(ticks: u64) -> Duration {
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_micros(ticks * 1_000_000 / ticks_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 300 20 4000 100 20 0 9 0 5 1 2";
        let usage = Usage::parse(stat).expect("well formed");
        assert_eq!(usage.own, of_ticks(320));
        assert_eq!(usage.buried, of_ticks(4_100));
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let mut spent = 0_u64;
        while Watched::default().cpu_times().generator.is_zero() && spent < 1 << 34 {
            spent += (0..1_u64 << 20).fold(0, |sum, n| std::hint::black_box(sum ^ n)) | 1 << 20;
        }
        assert!(!Watched::default().cpu_times().generator.is_zero());
        let resident = Resident::of(std::process::id()).expect("alive");
        assert!(resident.now > 0 && resident.peak >= resident.now, "{resident:?}");
    }

    #[test]
    fn a_process_that_is_not_there_has_used_nothing() {
        let gone = Watched {
            api: Some(u32::MAX),
            ..Watched::default()
        };
        assert!(gone.cpu_times().api.is_zero());
        assert!(Resident::of(u32::MAX).is_err());
    }
}
