//! Finds the processes of a server that has ended, or of an earlier run, and ends them. A process that is not ours is never touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::error::EmbeddedError;
use crate::server::{KILL_MAX, Server};

/// How often it is looked whether they are gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The ids of the processes whose working directory is `dir` and whose names begin with one of `names`.
///
/// Every process of a server works in the server's directory, so this finds more than a pid file tells: workers of a killed
/// postmaster, and a server that was killed before it wrote the file.
#[must_use]
pub fn processes_in(dir: &Path, names: &[&str]) -> Vec<u32> {
    let (Ok(dir), Ok(entries)) = (dir.canonicalize(), fs::read_dir("/proc")) else {
        return Vec::new();
    };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|&pid| works_in(pid, &dir, names)).collect()
}

/// Ends what is left of `server` after its end; it may be ending already.
pub(crate) fn clear(server: &dyn Server) -> Result<(), EmbeddedError> {
    let [(stop, stop_max), abort, kill] = server.signals().in_order();
    let left = Left::of(server);
    let pids = left.pids();
    if pids.is_empty() {
        return Ok(());
    }
    tracing::warn!(server = server.name(), ?pids, "ending what was left running");
    // What somebody has paused heeds nothing until it goes on.
    left.tell(&pids, Signal::CONT)?;
    let patience = match main_of(server).filter(|main| pids.contains(main)) {
        Some(main) => left.tell(&[main], stop).map(|()| stop_max)?,
        // Without their first process, the others leave by themselves. In order is no longer possible.
        None => abort.1,
    };
    if left.wait_gone(patience).is_empty() {
        Ok(())
    } else {
        left.end(&[abort, kill])
    }
}

/// Kills what is left of `server`.
pub(crate) fn kill(server: &dyn Server) -> Result<(), EmbeddedError> {
    let [.., last] = server.signals().in_order();
    Left::of(server).end(&[last])
}

/// Kills the processes that work in `dir` and whose names begin with one of `names`.
pub(crate) fn kill_in(dir: &Path, names: &[&str]) -> Result<(), EmbeddedError> {
    Left {
        server: "set-up",
        dir,
        names,
    }
    .end(&[(Signal::KILL, KILL_MAX)])
}

/// Sends `signal` to the processes of `server` other than `main`, until no process is left that has not got it.
pub(crate) fn signal_others(server: &dyn Server, main: u32, signal: Signal) -> Result<(), EmbeddedError> {
    let left = Left::of(server);
    let mut told = vec![main];
    loop {
        let new: Vec<u32> = left.pids().into_iter().filter(|pid| !told.contains(pid)).collect();
        if new.is_empty() {
            return Ok(());
        }
        left.tell(&new, signal)?;
        told.extend(new);
    }
}

/// What may be left of a server: the processes in its directory.
struct Left<'a> {
    server: &'static str,
    dir: &'a Path,
    names: &'a [&'a str],
}

impl<'a> Left<'a> {
    fn of(server: &'a dyn Server) -> Self {
        Self {
            server: server.name(),
            dir: &server.place().dir,
            names: server.process_names(),
        }
    }

    fn pids(&self) -> Vec<u32> {
        processes_in(self.dir, self.names)
    }

    fn tell(&self, pids: &[u32], signal: Signal) -> Result<(), EmbeddedError> {
        let is_left = |pid| self.dir.canonicalize().is_ok_and(|dir| works_in(pid, &dir, self.names));
        pids.iter().try_for_each(|&pid| {
            let failed = format!("signal process {pid} of {}", self.server);
            send(pid, signal, || is_left(pid)).map_err(EmbeddedError::attempt(failed))
        })
    }

    /// Sends one signal after the other, each if the one before has not ended all in its time.
    fn end(&self, signals: &[(Signal, Duration)]) -> Result<(), EmbeddedError> {
        let mut pids = self.pids();
        for &(signal, patience) in signals {
            self.tell(&pids, signal)?;
            pids = self.wait_gone(patience);
            if pids.is_empty() {
                return Ok(());
            }
        }
        Err(EmbeddedError::Leftover {
            server: self.server,
            dir: self.dir.to_owned(),
            pids,
        })
    }

    /// Waits until none is left, and says which are after all.
    fn wait_gone(&self, patience: Duration) -> Vec<u32> {
        let began = Instant::now();
        loop {
            let pids = self.pids();
            if pids.is_empty() || began.elapsed() >= patience {
                return pids;
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// The first process of `server`, as it has noted itself.
fn main_of(server: &dyn Server) -> Option<u32> {
    fs::read_to_string(server.pid_file())
        .ok()?
        .lines()
        .next()?
        .trim()
        .parse()
        .ok()
}

fn works_in(pid: u32, dir: &Path, names: &[&str]) -> bool {
    let process = PathBuf::from(format!("/proc/{pid}"));
    // The directory of another user's process cannot be read; that process is not ours.
    fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == dir)
        && fs::read_to_string(process.join("comm")).is_ok_and(|comm| names.iter().any(|name| comm.starts_with(name)))
}

/// Holds the process by a descriptor while looking at it once more, so that its id cannot have gone to another one in between.
fn send(pid: u32, signal: Signal, is_ours: impl Fn() -> bool) -> io::Result<()> {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    let sent = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) if is_ours() => pidfd_send_signal(process, signal),
        // Kernels before 5.3.
        Err(Errno::NOSYS) if is_ours() => kill_process(pid, signal),
        Ok(_) | Err(Errno::NOSYS) => Ok(()),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
