//! What was measured on: figures mean nothing without it.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Serialize;
use testkit::runs::Failure;

use crate::figures::{self, ms};
use crate::histogram::Histogram;

/// How often the disk is asked for its floor.
const SYNCS: u32 = 200;
/// How many bytes are appended before each.
const SYNCED_BYTES: usize = 4 * 1024;

/// The machine, the programs and the moment.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// How many of its cores this process may use.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler's version.
    pub rustc: String,
    /// The version of Postgres.
    pub postgres: String,
    /// The version of Redis.
    pub redis: String,
    /// The commit, with `+dirty` when the sources differ from it.
    pub commit: String,
    /// When the run began, RFC 3339.
    pub began_at: String,
    /// How busy the machine was when the run began: the mean number of running processes of the last 1, 5 and 15 minutes.
    pub load_before: String,
    /// The time a `fdatasync` of 4 KiB takes on the disk that holds the data.
    pub fsync_floor: FsyncFloor,
}

/// What no durable answer can be quicker than, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FsyncFloor {
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
}

impl Machine {
    /// This machine, with these versions of Postgres and of Redis; `sources` are those of the programs, `data_dir` lies on the disk that is measured.
    pub fn look(sources: &Path, data_dir: &Path, (postgres, redis): (String, String)) -> Result<Self, Failure> {
        Ok(Self {
            processor: after_colon(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            memory_bytes: memory_bytes(&read("/proc/meminfo")),
            kernel: first_words(&read("/proc/sys/kernel/osrelease"), 1),
            rustc: said(Command::new("rustc").arg("--version")).unwrap_or_else(unknown),
            postgres,
            redis,
            commit: commit(sources),
            began_at: figures::now().to_string(),
            load_before: load_average(),
            fsync_floor: FsyncFloor::measure(data_dir)?,
        })
    }
}

impl FsyncFloor {
    fn measure(dir: &Path) -> Result<Self, Failure> {
        let append = || -> std::io::Result<Histogram> {
            let path = dir.join("fsync-floor");
            let mut file = File::create(&path)?;
            let mut took = Histogram::default();
            for _ in 0..SYNCS {
                file.write_all(&[0; SYNCED_BYTES])?;
                let began = Instant::now();
                file.sync_data()?;
                took.record(began.elapsed());
            }
            fs::remove_file(path)?;
            Ok(took)
        };
        let took = append().map_err(Failure::because(format!(
            "could not measure fsync in {}",
            dir.display()
        )))?;
        Ok(Self {
            p50_ms: ms(took.quantile(500)),
            p99_ms: ms(took.quantile(990)),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "machine   {}, {} cores, {} MiB, Linux {}",
            self.processor,
            self.cores,
            self.memory_bytes >> 20,
            self.kernel
        )?;
        writeln!(
            f,
            "programs  commit {}, {}, PostgreSQL {}, Redis {}",
            self.commit, self.rustc, self.postgres, self.redis
        )?;
        writeln!(
            f,
            "moment    {}, load average before {} (1, 5, 15 minutes)",
            self.began_at, self.load_before
        )?;
        writeln!(
            f,
            "fsync     a fdatasync of 4 KiB takes {:.2} ms at the median, {:.2} ms at p99",
            self.fsync_floor.p50_ms, self.fsync_floor.p99_ms
        )
    }
}

/// The mean number of running processes of the last 1, 5 and 15 minutes.
#[must_use]
pub fn load_average() -> String {
    first_words(&read("/proc/loadavg"), 3)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn first_words(text: &str, count: usize) -> String {
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

fn after_colon(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = after_colon(meminfo, "MemTotal");
    total.trim_end_matches(" kB").parse().unwrap_or(0) * 1024
}

fn commit(sources: &Path) -> String {
    let git = |arguments: &[&str]| said(Command::new("git").arg("-C").arg(sources).args(arguments));
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return unknown();
    };
    match git(&["status", "--porcelain"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}+dirty"),
    }
}

/// What a command that succeeds writes.
fn said(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(memory_bytes("MemTotal:       24684 kB\nMemFree: 1 kB\n"), 24_684 * 1024);
        assert_eq!(memory_bytes(""), 0);
    }

    #[test]
    fn a_field_is_what_stands_after_its_colon() {
        assert_eq!(after_colon("a: 1\nmodel name\t: One: Two\n", "model name"), "One: Two");
        assert_eq!(after_colon("", "model name"), "unknown");
    }

    #[test]
    fn a_directory_without_a_repository_has_no_commit() {
        assert_eq!(commit(Path::new("/proc")), "unknown");
    }
}
