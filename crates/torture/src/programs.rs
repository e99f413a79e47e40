//! Programs of ours as child processes: killed by their ids alone, and ended with this process at the latest, however that ends.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use crate::failure::Failure;

/// How often it is looked whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How much of a log a failure shows.
const SHOWN_MAX: usize = 2_000;

/// A program that runs, or has ended. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command`; what it writes goes to `log`, which is emptied first.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let failed = || Failure::because(format!("could not start {}", command_name(log)));
        let out = File::create(log).map_err(failed())?;
        let err = out.try_clone().map_err(failed())?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        Ok(Self {
            child: spawn(command).map_err(failed())?,
            log: log.to_owned(),
        })
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

    /// All that it has written.
    #[must_use]
    pub fn output(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The end of what it has written.
    #[must_use]
    pub fn last_words(&self) -> String {
        let output = self.output();
        let from = output.len().saturating_sub(SHOWN_MAX);
        let from = (from..output.len())
            .find(|&at| output.is_char_boundary(at))
            .unwrap_or(0);
        output[from..].trim().to_owned()
    }

    /// Sends `signal`, unless it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<(), Failure> {
        if !self.is_running() {
            return Ok(());
        }
        // Not reaped, so the id is still its own.
        kill_process(Pid::from_child(&self.child), signal).map_err(Failure::because(format!(
            "could not signal {}",
            command_name(&self.log)
        )))
    }

    /// Waits for its end, at most for `bound`; none if it runs on.
    pub fn wait(&mut self, bound: Duration) -> Result<Option<ExitStatus>, Failure> {
        let began = Instant::now();
        loop {
            let ended = self.child.try_wait();
            let ended = ended.map_err(Failure::because(format!(
                "could not wait for {}",
                command_name(&self.log)
            )))?;
            if ended.is_some() || began.elapsed() >= bound {
                return Ok(ended);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until it has ended by itself, as a command does, and succeeded.
    pub fn succeed(mut self, bound: Duration) -> Result<(), Failure> {
        match self.wait(bound)? {
            Some(status) if status.success() => Ok(()),
            status => {
                let status = status.map_or_else(|| "it does not end".to_owned(), |status| status.to_string());
                let (name, said) = (command_name(&self.log), self.last_words());
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

type Order = (Command, Sender<io::Result<Child>>);

static ORDERS: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();

/// Starts `command` from one thread that lives as long as this process: the kernel kills a child when the thread that started it ends.
fn spawn(mut command: Command) -> io::Result<Child> {
    // A Ctrl-C at the terminal is for this program alone, which ends the others.
    command.process_group(0);
    die_with_parent(&mut command);
    let (answer, answered) = channel();
    let gone = || io::Error::other("the thread that starts programs is gone");
    ORDERS
        .get_or_init(|| Mutex::new(spawner()))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

fn spawner() -> Sender<Order> {
    let (orders, ordered) = channel::<Order>();
    // Should the thread not start, `ordered` is dropped with the closure, and every order is answered with an error.
    let _ = thread::Builder::new().name("spawner".to_owned()).spawn(move || {
        for (mut command, answer) in ordered {
            // Whoever asked waits for the answer.
            if let Err(unsent) = answer.send(command.spawn())
                && let Ok(mut child) = unsent.0
            {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    });
    orders
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
