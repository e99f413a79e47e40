//! Programs of ours as child processes: killed by their ids alone, and ended with this process at the latest, however that ends.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use embedded::Signal;
use rustix::process::{Pid, kill_process};

use super::Failure;

/// How often it is looked whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How much of a log a failure shows, in bytes.
const SHOWN_MAX: usize = 2_000;

/// A command that runs `program` with nothing in its environment but what any program needs.
#[must_use]
pub fn command_for(program: &Path) -> Command {
    let mut command = Command::new(program);
    let inherited = env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME" || name == "TMPDIR");
    command.env_clear().envs(inherited);
    command
}

/// A program that runs, or has ended. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command`; what it writes goes to `log`, which is emptied first.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let failed = || Failure::because(format!("could not start {}", command_name(log)));
        let out = File::create(log).map_err(failed())?;
        let err = out.try_clone().map_err(failed())?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        Self::spawn(command, log).map_err(failed())
    }

    /// Starts `command` and answers what it writes to its standard output, which somebody must read; what it writes to standard error is added to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_heard(mut command: Command, log: &Path) -> Result<(Self, ChildStdout), Failure> {
        let failed = || Failure::because(format!("could not start {}", command_name(log)));
        let errors = File::options().create(true).append(true).open(log);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors.map_err(failed())?);
        let mut program = Self::spawn(command, log).map_err(failed())?;
        let out = program.child.stdout.take();
        let out = out.ok_or_else(|| io::Error::other("its standard output is no pipe"));
        Ok((program, out.map_err(failed())?))
    }

    fn spawn(command: Command, log: &Path) -> io::Result<Self> {
        Ok(Self {
            child: embedded::spawn(command, Signal::KILL)?,
            log: log.to_owned(),
        })
    }

    /// What it is called: as its log is.
    #[must_use]
    pub fn name(&self) -> String {
        command_name(&self.log)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All that it has written to its log.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let end = &log[log.len().saturating_sub(SHOWN_MAX)..];
        String::from_utf8_lossy(end).trim().to_owned()
    }

    /// Sends `signal`, unless it has ended.
    ///
    /// # Errors
    /// When the kernel refuses that.
    pub fn signal(&mut self, signal: Signal) -> Result<(), Failure> {
        if !self.is_running() {
            return Ok(());
        }
        // Not reaped, so the id is still its own.
        kill_process(Pid::from_child(&self.child), signal)
            .map_err(Failure::because(format!("could not signal {}", self.name())))
    }

    /// Waits for its end, at most for `bound`; none if it runs on.
    ///
    /// # Errors
    /// When it cannot be known.
    pub fn wait(&mut self, bound: Duration) -> Result<Option<ExitStatus>, Failure> {
        let began = Instant::now();
        loop {
            let ended = self.child.try_wait();
            let ended = ended.map_err(Failure::because(format!("could not wait for {}", self.name())))?;
            if ended.is_some() || began.elapsed() >= bound {
                return Ok(ended);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until it has ended by itself, as a command does, and succeeded.
    ///
    /// # Errors
    /// When it does not within `bound`, or fails: with the end of its log.
    pub fn succeed(mut self, bound: Duration) -> Result<(), Failure> {
        match self.wait(bound)? {
            Some(status) if status.success() => Ok(()),
            status => {
                let status = status.map_or_else(|| "it does not end".to_owned(), |status| status.to_string());
                let (name, said) = (self.name(), self.last_words());
                Err(Failure::new(format!(
                    "{name} failed ({status}); the end of its log: {said}"
                )))
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn command_name(log: &Path) -> String {
    log.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// The longest that a test waits for a program to end.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_command_that_fails_tells_its_name_and_the_end_of_its_log() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("migrate.log");
        let script = shell("yes x | head -c 3000; echo; echo 'no database' >&2; exit 3");
        let failure = Program::start(script, &log).and_then(|program| program.succeed(PATIENCE));
        let told = failure.expect_err("exit 3").to_string();
        assert!(told.starts_with("migrate failed (exit status: 3)"), "{told}");
        assert!(told.ends_with("no database") && told.len() < 2_100, "{told}");
        let again = Program::start(shell("echo done"), &log).expect("started");
        again.succeed(PATIENCE).expect("success");
        assert_eq!(fs::read_to_string(&log).expect("a log"), "done\n");
    }

    #[test]
    fn what_is_heard_is_not_in_the_log_which_goes_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("api.log");
        for _ in 0..2 {
            let (program, mut out) = Program::start_heard(shell("echo ready; echo said >&2"), &log).expect("started");
            let mut heard = String::new();
            out.read_to_string(&mut heard).expect("text");
            assert_eq!(heard, "ready\n");
            program.succeed(PATIENCE).expect("success");
        }
        assert_eq!(fs::read_to_string(&log).expect("a log"), "said\nsaid\n");
    }

    #[test]
    fn a_program_is_ended_by_a_signal_and_is_then_known_to_have_ended() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut program = Program::start(shell("exec sleep 600"), &dir.path().join("api.log")).expect("started");
        assert!(program.is_running() && program.wait(Duration::ZERO).expect("known").is_none());
        program.signal(Signal::TERM).expect("sent");
        assert!(program.wait(PATIENCE).expect("known").is_some());
        program.signal(Signal::TERM).expect("nobody is left to get it");
    }
}
