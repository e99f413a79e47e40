//! `daybook-agent run`: three threads, and how they end.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::account::Account;
use crate::capture::Capture;
use crate::clock::{self, Clock};
use crate::files::{self, FileError};
use crate::keeper;
use crate::outbox::Outbox;
use crate::schedule::Schedule;
use crate::sender::{Heard, Sender};
use crate::settings::RunSettings;
use crate::spool::Spool;
use crate::watch::{Pace, Watch};

use super::{CommandError, LOCK_FILE, account, not_the_owner};

/// How long the end may take for a disk that does not answer.
const LAST_WRITE_MAX: Duration = Duration::from_secs(5);
/// How long the end may take for a last request.
const LAST_REQUEST_MAX: Duration = Duration::from_secs(3);

/// Watches and sends until a signal comes.
pub fn run(dir: &Path, settings: &RunSettings) -> Result<(), CommandError> {
    files::make_private_dir(dir)?;
    let _lock = lock(dir)?;
    let account = account(dir, &settings.account)?;
    let spool = open_spool(dir, settings, &account.email)?;
    let stop = signals().map_err(|error| CommandError::System("listen to signals", error))?;
    let outbox = Arc::new(Outbox::new(spool));
    let (pings, unkept) = sync_channel(keeper::UNKEPT_MAX);
    let kept = {
        let outbox = Arc::clone(&outbox);
        spawn("keeper", move || keeper::keep(&outbox, &unkept))?
    };
    let mut sender = sender(&outbox, account, settings);
    let sent = spawn("sender", move || sender.run())?;
    let pace = Pace {
        ping_every: Duration::from_secs(settings.ping_secs),
        idle_limit: Duration::from_secs(settings.idle_secs),
    };
    let capture = Capture {
        display: settings.display.clone(),
        watch: Watch::new(pace),
        pings,
        clock: Clock::start(),
    };
    capture.run(stop.as_fd());
    // The capture has let go of its end of the channel, so the keeper ends when everything is kept.
    let kept = has_ended(&kept, LAST_WRITE_MAX);
    outbox.stop();
    let sent = has_ended(&sent, LAST_REQUEST_MAX);
    // A disk that does not answer may hold the lock for ever.
    let waiting = kept.then(|| outbox.lock().spool.waiting());
    tracing::info!(waiting, kept_in_time = kept, sent_in_time = sent, "stopped");
    Ok(())
}

fn open_spool(dir: &Path, settings: &RunSettings, email: &str) -> Result<Spool, CommandError> {
    let mut spool = Spool::open(dir, usize::try_from(settings.spool_max).unwrap_or(usize::MAX))?;
    let summary = spool.summary();
    if !spool.own(email)? {
        return Err(not_the_owner(dir, summary.waiting, summary.owner.unwrap_or_default()));
    }
    let (waiting, numbered, merged) = (summary.waiting, summary.numbered, summary.merged);
    tracing::info!(waiting, numbered, merged, "started");
    if summary.unreadable > 0 {
        tracing::warn!(
            lines = summary.unreadable,
            "the spool was damaged: what these lines held is lost"
        );
    }
    Ok(spool)
}

fn sender(outbox: &Arc<Outbox>, account: Account, settings: &RunSettings) -> Sender {
    Sender {
        outbox: Arc::clone(outbox),
        account,
        schedule: Schedule::new(Duration::from_secs(settings.resend_secs)),
        now: clock::wall,
        dice: clock::dice,
        heard: Heard::default(),
    }
}

/// Held while an agent runs. The system lets go of it however the agent ends.
fn lock(dir: &Path) -> Result<File, CommandError> {
    let path = dir.join(LOCK_FILE);
    let failed = |source| CommandError::File(FileError::new("lock", &path, source));
    let file = File::options().append(true).create(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CommandError::Running(dir.display().to_string())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// What becomes readable with the first signal to end.
fn signals() -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// Starts a thread. What is given back is disconnected when the thread ends.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Receiver<()>, CommandError> {
    let (alive, ended) = channel();
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _alive = alive;
        work();
    });
    match spawned {
        Ok(_) => Ok(ended),
        Err(error) => Err(CommandError::System("start a thread", error)),
    }
}

fn has_ended(thread: &Receiver<()>, bound: Duration) -> bool {
    thread.recv_timeout(bound) == Err(RecvTimeoutError::Disconnected)
}
