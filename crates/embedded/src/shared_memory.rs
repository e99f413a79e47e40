//! Gives back the shared memory of a killed Postgres: a system keeps only so many segments (`kernel.shmmni`), and they outlive the process that made them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::EmbeddedError;

/// The segments of the system (`proc(5)`): key, id, mode, size, creator, last user, number of attached processes, and more.
const SEGMENTS: &str = "/proc/sysvipc/shm";
/// The line of `postmaster.pid` that names the segment by key and id, counted from 0 (`LOCK_FILE_LINE_SHMEM_KEY` in Postgres' `pidfile.h`, counted from 1).
const SEGMENT_LINE: usize = 6;

/// Removes the segment that a killed Postgres on `data_dir` has left. The next start on that directory would do so: this is for a directory that nobody
/// will start again. A segment in use, or of another process, is not touched.
///
/// # Errors
/// When `ipcrm` cannot be run, or does not remove it.
pub fn release_shared_memory(data_dir: &Path) -> Result<(), EmbeddedError> {
    let Some(segment) = noted(data_dir).filter(Segment::is_left) else {
        return Ok(());
    };
    let action = format!("remove the shared memory {} of {}", segment.id, data_dir.display());
    let status = Command::new("ipcrm")
        .arg("-m")
        .arg(segment.id.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(EmbeddedError::attempt(action.clone()))?;
    if status.success() || !segment.is_left() {
        Ok(())
    } else {
        let source = std::io::Error::other(format!("ipcrm failed: {status}"));
        Err(EmbeddedError::System { action, source })
    }
}

/// The segment that a postmaster has noted as its own.
struct Segment {
    id: u64,
    creator: u64,
}

fn noted(data_dir: &Path) -> Option<Segment> {
    parsed(&fs::read_to_string(data_dir.join("postmaster.pid")).ok()?)
}

fn parsed(pid_file: &str) -> Option<Segment> {
    let lines: Vec<&str> = pid_file.lines().collect();
    Some(Segment {
        id: lines.get(SEGMENT_LINE)?.split_whitespace().nth(1)?.parse().ok()?,
        creator: lines.first()?.trim().parse().ok()?,
    })
}

impl Segment {
    /// Whether the system has it still, and nobody uses it.
    fn is_left(&self) -> bool {
        fs::read_to_string(SEGMENTS).is_ok_and(|segments| self.is_left_in(&segments))
    }

    fn is_left_in(&self, segments: &str) -> bool {
        segments.lines().skip(1).any(|line| {
            let fields: Vec<Option<u64>> = line.split_whitespace().map(|field| field.parse().ok()).collect();
            matches!(fields[..], [_, Some(id), _, _, Some(creator), _, Some(0), ..] if id == self.id && creator == self.creator)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::parsed;

    const PID_FILE: &str = "123\n/data\n1700000000\n5432\n/sockets\n\n 10806802    524288\nready   \n";
    const HEAD: &str = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime\n";

    #[test]
    fn only_an_unused_segment_of_that_postmaster_is_left() {
        let segment = parsed(PID_FILE).unwrap();
        let line = |id: u64, creator: u64, attached: u64| {
            format!(
                "{HEAD}-10806802 {id}   600      56   {creator}   124      {attached}   105   111   105   111 0 0 0\n"
            )
        };
        assert!(segment.is_left_in(&line(524_288, 123, 0)));
        assert!(!segment.is_left_in(&line(524_288, 123, 1)), "in use");
        assert!(!segment.is_left_in(&line(524_288, 999, 0)), "of another process");
        assert!(!segment.is_left_in(&line(524_289, 123, 0)), "another segment");
        assert!(!segment.is_left_in(HEAD));
    }

    #[test]
    fn a_pid_file_without_a_segment_names_none() {
        let first_lines = PID_FILE.lines().take(6).collect::<Vec<_>>().join("\n");
        assert!(parsed(&first_lines).is_none());
        assert!(parsed("").is_none());
    }
}
