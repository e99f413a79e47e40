//! Keeps one server running: starts it again whenever it ends, until told to stop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::EmbeddedError;
use crate::leftovers;
use crate::process::Process;
use crate::server::Server;

/// The pause before the first new start.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause, after it was doubled again and again.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A server that ran this long is sound: its next end begins with the shortest pause.
const SOUND_AFTER: Duration = Duration::from_mins(1);

/// What a supervised server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It starts for the first time.
    Starting,
    /// It can be used.
    Up,
    /// It ended by itself and is started again.
    Restarting,
    /// It was told to stop and has ended, or it could not be started at all.
    Stopped,
}

/// A supervised server at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// What it is doing.
    pub state: ServerState,
    /// Its first process, while it is up.
    pub pid: Option<u32>,
    /// How often it was started again.
    pub restarts: u64,
}

/// Keeps a server running, until dropped.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    server: Arc<dyn Server>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    status: ServerStatus,
    stopping: bool,
    /// Why the first start failed.
    failure: Option<EmbeddedError>,
}

impl Keeper {
    /// Begins to start `server`. The first start may take as long as `bound`, and its failure is final.
    pub(crate) fn start(server: Arc<dyn Server>, bound: Duration) -> Result<Self, EmbeddedError> {
        let name = server.name();
        let status = ServerStatus {
            state: ServerState::Starting,
            pid: None,
            restarts: 0,
        };
        let state = Mutex::new(State {
            status,
            stopping: false,
            failure: None,
        });
        let shared = Arc::new(Shared {
            server,
            state,
            changed: Condvar::new(),
        });
        let keeping = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name(format!("keep-{name}"))
            .spawn(move || keeping.keep(bound))
            .map_err(EmbeddedError::attempt(format!("start the thread that keeps {name}")))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Waits until the server can be used for the first time.
    pub(crate) fn wait_up(&self) -> Result<(), EmbeddedError> {
        let starting = |state: &mut State| state.status.state == ServerState::Starting;
        let waited = self.shared.changed.wait_while(self.shared.lock(), starting);
        waited
            .unwrap_or_else(PoisonError::into_inner)
            .failure
            .take()
            .map_or(Ok(()), Err)
    }

    pub(crate) fn status(&self) -> ServerStatus {
        self.shared.lock().status
    }

    /// Tells the server to stop, without waiting for it.
    pub(crate) fn ask_to_stop(&self) {
        let mut state = self.shared.lock();
        if !state.stopping {
            state.stopping = true;
            self.shared.signal(&state, self.shared.server.signals().stop);
            self.shared.changed.notify_all();
        }
    }

    /// Waits until the server has stopped, and ends it ever more forcibly when that takes too long.
    fn wait_stopped(&mut self) {
        self.ask_to_stop();
        for (index, (signal, patience)) in self.shared.server.signals().in_order().into_iter().enumerate() {
            let state = self.shared.lock();
            if index > 0 {
                tracing::warn!(server = self.shared.server.name(), ?signal, "the server does not stop");
                self.shared.signal(&state, signal);
            }
            let running = |state: &mut State| state.status.state != ServerState::Stopped;
            let waited = self.shared.changed.wait_timeout_while(state, patience, running);
            if !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
                break;
            }
        }
        // A thread that still waits for an immortal process must not hold up the end of this one.
        if let Some(thread) = self
            .thread
            .take()
            .filter(|_| self.status().state == ServerState::Stopped)
        {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.wait_stopped();
    }
}

impl Shared {
    fn keep(&self, bound: Duration) {
        let stopping = || self.lock().stopping;
        let mut pauses = Pauses::new();
        match Process::start_unless(&self.server, bound, &stopping) {
            Ok(process) => self.watch(process, &mut pauses),
            Err(error) => return self.enter(ServerState::Stopped, |state| state.failure = Some(error)),
        }
        while self.pause(&mut pauses) {
            // A server may take as long as it needs to recover: beginning anew would only take longer.
            let started = leftovers::clear(&*self.server)
                .and_then(|()| Process::start_unless(&self.server, Duration::MAX, &stopping));
            match started {
                Ok(process) => self.watch(process, &mut pauses),
                Err(EmbeddedError::Stopped { .. }) => break,
                Err(error) => {
                    tracing::error!(server = self.server.name(), %error, "the server did not start; it is tried again");
                }
            }
        }
        self.enter(ServerState::Stopped, |_| {});
    }

    /// Waits for the end of the process.
    fn watch(&self, mut process: Process, pauses: &mut Pauses) {
        let (name, pid, began) = (self.server.name(), process.pid(), Instant::now());
        self.enter(ServerState::Up, |state| {
            state.status.pid = Some(pid);
            tracing::info!(server = name, pid, restarts = state.status.restarts, "the server is up");
            if state.stopping {
                self.signal(state, self.server.signals().stop);
            }
        });
        process.wait_unreaped();
        self.enter(ServerState::Restarting, |state| {
            // Reaped while nobody can take the id for the server's.
            let ended = process.wait(Duration::ZERO);
            state.status.pid = None;
            if state.stopping {
                tracing::info!(server = name, pid, ?ended, "the server has stopped");
            } else {
                tracing::error!(server = name, pid, ?ended, "the server has ended by itself");
            }
        });
        pauses.ran(began.elapsed());
    }

    /// Waits before the next start. False if there is to be none.
    fn pause(&self, pauses: &mut Pauses) -> bool {
        let pause = pauses.next();
        let going_on = |state: &mut State| !state.stopping;
        let waited = self.changed.wait_timeout_while(self.lock(), pause, going_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.stopping {
            return false;
        }
        state.status.restarts += 1;
        tracing::warn!(
            server = self.server.name(),
            restarts = state.status.restarts,
            pause_ms = pause.as_millis(),
            "starting the server again"
        );
        true
    }

    fn enter(&self, next: ServerState, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        state.status.state = next;
        self.changed.notify_all();
    }

    /// To the server's process, if it has one: its id is in the status for as long as it is not reaped.
    fn signal(&self, state: &State, signal: Signal) {
        let pid = state.status.pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        // A server that somebody has paused heeds nothing until it goes on.
        let send = |pid| {
            kill_process(pid, signal)
                .and_then(|()| kill_process(pid, Signal::CONT))
                .err()
        };
        if let Some(error) = pid.and_then(send) {
            tracing::error!(server = self.server.name(), ?signal, %error, "the server could not be signalled");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one step, so it is whole even if a thread panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pauses between starts: doubled from one to the next, and short again after a sound run.
struct Pauses {
    next: Duration,
}

impl Pauses {
    fn new() -> Self {
        Self { next: PAUSE_MIN }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(PAUSE_MAX);
        pause
    }

    fn ran(&mut self, time: Duration) {
        if time >= SOUND_AFTER {
            *self = Self::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PAUSE_MAX, PAUSE_MIN, Pauses, SOUND_AFTER};
    use std::time::Duration;

    #[test]
    fn pauses_double_up_to_their_bound() {
        let mut pauses = Pauses::new();
        let first: Vec<u128> = (0..8).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(first, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn a_sound_run_makes_the_next_pause_short_again_and_a_shorter_one_does_not() {
        let mut pauses = Pauses::new();
        while pauses.next() < PAUSE_MAX {}
        pauses.ran(SOUND_AFTER.saturating_sub(Duration::from_millis(1)));
        assert_eq!(pauses.next(), PAUSE_MAX);
        pauses.ran(SOUND_AFTER);
        assert_eq!(pauses.next(), PAUSE_MIN);
    }
}
