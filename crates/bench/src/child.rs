//! A program of ours as a child process: it says when it is ready, and ends with this process at the latest.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use crate::failure::Failure;

/// How long a program may take until it is ready.
const READY_MAX: Duration = Duration::from_mins(1);
/// How long it may take to end when asked to.
const STOP_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How much of its log a failure shows.
const SHOWN_MAX: usize = 2_000;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    name: &'static str,
    log: PathBuf,
    /// What it writes to its standard output, line by line.
    lines: Receiver<String>,
}

impl Child {
    /// Starts `command`. Must be called on the main thread: the child is killed when the thread that started it ends.
    pub fn start(name: &'static str, mut command: Command, log_dir: &Path) -> Result<Self, Failure> {
        let failed = || format!("could not start {name}");
        let log = log_dir.join(format!("{name}.log"));
        let errors = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(Failure::because(failed()))?;
        die_with_parent(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut process = command.spawn().map_err(Failure::because(failed()))?;
        let (send, lines) = mpsc::channel();
        if let Some(output) = process.stdout.take() {
            // Reads to the end whether anybody listens or not, so that the program never waits for a reader.
            let read = move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    drop(send.send(line));
                }
            };
            thread::Builder::new()
                .name(format!("output of {name}"))
                .spawn(read)
                .map_err(Failure::because(failed()))?;
        }
        Ok(Self {
            process,
            name,
            log,
            lines,
        })
    }

    /// Waits for a line that holds `words`.
    pub fn line_with(&self, words: &str) -> Result<String, Failure> {
        let deadline = Instant::now() + READY_MAX;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(words) => return Ok(line),
                Ok(_) => {}
                Err(_) => {
                    let (name, said) = (self.name, self.last_words());
                    return Err(Failure::new(format!(
                        "{name} did not say {words:?}; the end of its log: {said}"
                    )));
                }
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Fails when it has ended though nobody asked it to.
    pub fn check_alive(&mut self) -> Result<(), Failure> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                let (name, said) = (self.name, self.last_words());
                Err(Failure::new(format!(
                    "{name} ended by itself ({status}); the end of its log: {said}"
                )))
            }
            Err(error) => Err(Failure::because(format!("could not look at {}", self.name))(error)),
        }
    }

    /// Waits until it has ended by itself, as a command does, and succeeded.
    pub fn succeed(mut self) -> Result<(), Failure> {
        match self.wait(READY_MAX) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(status) => {
                let status = status.map_or_else(|| "it does not end".to_owned(), |status| status.to_string());
                let (name, said) = (self.name, self.last_words());
                Err(Failure::new(format!(
                    "{name} failed ({status}); the end of its log: {said}"
                )))
            }
            Err(error) => Err(Failure::because(format!("could not wait for {}", self.name))(error)),
        }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Result<(), Failure> {
        let name = self.name;
        kill_process(Pid::from_child(&self.process), Signal::TERM)
            .map_err(io::Error::from)
            .and_then(|()| self.wait(STOP_MAX))
            .map_err(Failure::because(format!("could not stop {name}")))?
            .map(drop)
            .ok_or_else(|| Failure::new(format!("{name} does not stop")))
    }

    fn wait(&mut self, bound: Duration) -> io::Result<Option<process::ExitStatus>> {
        let began = Instant::now();
        loop {
            let ended = self.process.try_wait()?;
            if ended.is_some() || began.elapsed() >= bound {
                return Ok(ended);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let end = &log[log.len().saturating_sub(SHOWN_MAX)..];
        String::from_utf8_lossy(end).trim().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

#[expect(
    unsafe_code,
    reason = "PR_SET_PDEATHSIG has to be set in the child, between fork and exec"
)]
fn die_with_parent(command: &mut Command) {
    let parent = getpid();
    let set = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above; then nobody would ever send the signal.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from(rustix::io::Errno::SRCH))
        }
    };
    // SAFETY: the closure makes two system calls and allocates nothing, so it may run between fork and exec.
    unsafe {
        command.pre_exec(set);
    }
}
