//! One server running as a child process, without supervision: it ends with this process at the latest.

use std::io;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::error::EmbeddedError;
use crate::leftovers;
use crate::log;
use crate::server::{Readiness, Server};
use crate::spawner;

/// How soon a starting server is tried again. Each try that comes too early is a line in the server's log, so they get rarer.
const TRY_AFTER: Duration = Duration::from_millis(5);
/// How long the pauses between the tries become.
const TRY_AFTER_MAX: Duration = Duration::from_millis(250);
/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long a start that failed for a passing reason is tried again.
const PASSING: Duration = Duration::from_secs(5);
/// The pause before such a new try.
const PASSING_PAUSE: Duration = Duration::from_millis(100);

/// A server's process. Dropping it kills the server.
pub struct Process {
    child: Child,
    server: Arc<dyn Server>,
    /// The length of the log before this process wrote to it.
    log_from: u64,
}

impl Process {
    /// Starts `server` and waits until it can be used, at most for `bound`.
    pub fn start(server: &Arc<dyn Server>, bound: Duration) -> Result<Self, EmbeddedError> {
        Self::start_unless(server, bound, &|| false)
    }

    /// The same, given up with [`EmbeddedError::Stopped`] once `stopping` says so.
    pub(crate) fn start_unless(
        server: &Arc<dyn Server>,
        bound: Duration,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Self, EmbeddedError> {
        let began = Instant::now();
        loop {
            let mut process = Self::spawn(server)?;
            match process.wait_ready(bound.saturating_sub(began.elapsed()), stopping) {
                Ok(()) => return Ok(process),
                Err(EmbeddedError::Died { tail, .. }) if server.is_passing(&tail) && began.elapsed() < PASSING => {
                    thread::sleep(PASSING_PAUSE);
                }
                Err(error) => {
                    process.stop();
                    return Err(error);
                }
            }
        }
    }

    /// Starts `server` without waiting for anything.
    pub(crate) fn spawn(server: &Arc<dyn Server>) -> Result<Self, EmbeddedError> {
        let place = server.place();
        let (log, log_from) = log::open(&place.log)?;
        let stderr = log.try_clone().map_err(EmbeddedError::on("open", &place.log))?;
        server
            .force()
            .map_err(EmbeddedError::on("force to disk what is in", &place.dir))?;
        let mut command = server.command();
        place.account.apply(&mut command);
        command
            .current_dir(&place.dir)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(stderr);
        let program = command.get_program().to_owned();
        let child = spawner::spawn(command, server.signals().stop).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => place.account.refused(&place.dir, program.as_ref()),
            _ => EmbeddedError::System {
                action: format!("start {}", server.name()),
                source,
            },
        })?;
        Ok(Self {
            child,
            server: Arc::clone(server),
            log_from,
        })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal`, unless the process is known to have ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        // Not reaped, so the id is still its own.
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Sends `signal` to every process of the server: to the first, then to those that it started.
    pub fn signal_all(&mut self, signal: Signal) -> Result<(), EmbeddedError> {
        self.signal(signal)
            .map_err(EmbeddedError::attempt(format!("signal {}", self.server.name())))?;
        leftovers::signal_others(&*self.server, self.pid(), signal)
    }

    /// Kills every process of the server, as a crash of the machine would, and waits until they are gone.
    pub fn crash(mut self) -> Result<(), EmbeddedError> {
        let failed = format!("kill {}", self.server.name());
        self.signal(Signal::KILL)
            .and_then(|()| self.child.wait())
            .map_err(EmbeddedError::attempt(failed))?;
        leftovers::kill(&*self.server)
    }

    /// Ends every process of the server at once, for data that nobody wants any more. Unlike after a crash, what it holds of the system is given back.
    pub fn discard(mut self) -> Result<(), EmbeddedError> {
        let [_, (abort, patience), _] = self.server.signals().in_order();
        let heeded = self
            .signal_all(Signal::CONT)
            .and_then(|()| self.signal(abort).map_err(EmbeddedError::attempt("abort".to_owned())));
        if heeded.is_ok() {
            let _ = self.wait(patience);
        }
        self.crash()
    }

    /// Ends the server, in order if it heeds that in time. True if it has ended, whichever way.
    pub fn stop(&mut self) -> bool {
        // What somebody has paused heeds nothing until it goes on.
        let _ = self.signal_all(Signal::CONT);
        let signals = self.server.signals().in_order();
        signals
            .into_iter()
            .any(|(signal, patience)| self.signal(signal).is_ok() && matches!(self.wait(patience), Ok(Some(_))))
    }

    /// Waits for the end of the process, at most for `bound`; `None` if it runs on.
    pub fn wait(&mut self, bound: Duration) -> io::Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            let ended = self.child.try_wait()?;
            if ended.is_some() || began.elapsed() >= bound {
                return Ok(ended);
            }
            thread::sleep(LOOK_EVERY.min(bound));
        }
    }

    /// Waits for the end of the process without reaping it: until it is reaped, its id stays its own.
    pub(crate) fn wait_unreaped(&self) {
        let pid = WaitId::Pid(Pid::from_child(&self.child));
        // Only an interruption is no answer; any other error would mean that there is no such child, so nothing to wait for.
        while matches!(
            waitid(pid.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT),
            Err(Errno::INTR)
        ) {}
    }

    fn wait_ready(&mut self, bound: Duration, stopping: &dyn Fn() -> bool) -> Result<(), EmbeddedError> {
        let (name, log, began) = (self.server.name(), self.server.place().log.clone(), Instant::now());
        let mut pause = TRY_AFTER;
        loop {
            if let Some(status) = self
                .wait(Duration::ZERO)
                .map_err(EmbeddedError::attempt(format!("watch {name}")))?
            {
                let tail = log::tail(&log, self.log_from);
                return Err(EmbeddedError::Died {
                    server: name,
                    status,
                    log,
                    tail,
                });
            }
            let last = match self.server.readiness() {
                Readiness::Ready => return Ok(()),
                Readiness::Starting(why) => why,
            };
            if stopping() {
                return Err(EmbeddedError::Stopped { server: name });
            }
            if began.elapsed() >= bound {
                return Err(EmbeddedError::NotReady {
                    server: name,
                    waited: bound,
                    last,
                    log,
                });
            }
            thread::sleep(pause);
            pause = (pause * 3 / 2).min(TRY_AFTER_MAX);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
