//! `daybook-agent run`: its threads, and how they end.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::account::Account;
use crate::capture::{Absence, Capture};
use crate::chain::Chain;
use crate::clock::{self, Clock};
use crate::files::{self, FileError};
use crate::keeper::{self, Keeping, Seen};
use crate::outbox::Outbox;
use crate::privacy::Privacy;
use crate::privacy::news::RuleNews;
use crate::relay::desk::{self, Times};
use crate::relay::discretion::Wishes;
use crate::relay::joiner::Joiner;
use crate::relay::{Plan, Relay};
use crate::schedule::Schedule;
use crate::seat::Seat;
use crate::sender::{Heard, Sender};
use crate::session::Device;
use crate::settings::{RunSettings, SettingsError, Source};
use crate::spool::{Bounds, Spool};
use crate::threads::{self, has_ended};
use crate::watch::{Pace, Ping, Watch};

use super::{CommandError, LOCK_FILE, account, not_the_owner};

/// How long the end may take for a disk that does not answer.
const LAST_WRITE_MAX: Duration = Duration::from_secs(5);
/// How long the end may take for a last request.
const LAST_REQUEST_MAX: Duration = Duration::from_secs(3);

/// Watches and sends until a signal comes.
pub fn run(dir: &Path, settings: &RunSettings) -> Result<(), CommandError> {
    if settings.no_relay && settings.source == Source::Activitywatch {
        return Err(SettingsError::NoSource.into());
    }
    files::make_private_dir(dir)?;
    let _lock = lock(dir)?;
    let account = account(dir, &settings.account)?;
    let privacy = Arc::new(Privacy::open(dir)?);
    let spool = open_spool(dir, settings, &account.email)?;
    let stop = signals().map_err(|error| CommandError::System("listen to signals", error))?;
    let clock = Clock::start();
    let session = settings.session.clone();
    let seat = Seat::listen(clock, session).map_err(|error| CommandError::System("listen to logind", error))?;
    let outbox = Arc::new(Outbox::new(spool));
    let watches = Arc::new(AtomicBool::new(settings.source == Source::Desktop));
    let relay = relay(
        dir,
        settings,
        &Joined {
            outbox: &outbox,
            privacy: &privacy,
            watches: &watches,
        },
    )?;
    let (pings, unkept) = sync_channel(keeper::UNKEPT_MAX);
    let kept = {
        let (outbox, privacy) = (Arc::clone(&outbox), Arc::clone(&privacy));
        let seen = seen(relay.as_ref());
        let keeping = Keeping { privacy, seen };
        spawn("keeper", move || keeper::keep(&outbox, &unkept, &keeping))?
    };
    let mut sender = sender(&outbox, account, Duration::from_secs(settings.resend_secs));
    sender.rules = Some(RuleNews::new(Arc::clone(&privacy)));
    let posted = spawn("sender", move || sender.run())?;
    let pace = Pace {
        ping_every: Duration::from_secs(settings.ping_secs),
        idle_limit: Duration::from_secs(settings.idle_secs),
    };
    if settings.watches_display() {
        let capture = Capture {
            display: settings.display.clone(),
            watch: Watch::new(pace),
            pings,
            clock,
            watches,
            absence: Absence::new(seat, privacy),
        };
        capture.run(stop.as_fd());
    } else {
        tracing::info!("ActivityWatch's watchers tell which application has the focus");
        drop(pings);
        wait_for(&stop);
    }
    // The capture has let go of its end of the channel, so the keeper ends when everything is kept.
    let kept = has_ended(&kept, LAST_WRITE_MAX);
    let kept = relay.is_none_or(|relay| relay.stop(LAST_WRITE_MAX)) && kept;
    outbox.stop();
    let posted = has_ended(&posted, LAST_REQUEST_MAX);
    // A disk that does not answer may hold the lock for ever.
    let waiting = kept.then(|| outbox.lock().spool.waiting());
    tracing::info!(waiting, kept_in_time = kept, sent_in_time = posted, "stopped");
    Ok(())
}

/// Shows the relay what the agent itself sees, so that sites can be joined to it.
fn seen(relay: Option<&Relay>) -> Seen {
    let focus = relay.map(Relay::focus);
    Box::new(move |pings: &[Ping]| {
        if let Some(focus) = &focus {
            focus(pings);
        }
    })
}

/// Where what the relay joins goes.
struct Joined<'a> {
    outbox: &'a Arc<Outbox>,
    privacy: &'a Arc<Privacy>,
    watches: &'a Arc<AtomicBool>,
}

/// The relay, where it is wanted and can be had: without it the agent goes on, and says so.
fn relay(dir: &Path, settings: &RunSettings, to: &Joined<'_>) -> Result<Option<Relay>, CommandError> {
    if settings.no_relay {
        return Ok(None);
    }
    let plan = Plan {
        dir,
        port: settings.relay_port,
        hostname: super::hostname(),
        device: Device::load_or_make(dir, clock::random)?.device_id,
        times: Times {
            join_every: Duration::from_secs(settings.ping_secs),
            retry_pause: desk::RETRY_PAUSE,
            now: clock::wall,
        },
        discretion: Arc::new(Wishes::over(Arc::clone(to.privacy))),
    };
    let (outbox, privacy) = (Arc::clone(to.outbox), Arc::clone(to.privacy));
    let keep = move |pings: &[Ping]| {
        let admitted: Vec<Ping> = pings.iter().flat_map(|ping| privacy.admit(ping.clone())).collect();
        let dropped = outbox.keep(&admitted)?;
        if dropped > 0 {
            tracing::warn!(dropped, "the spool is full: the oldest pings are gone");
        }
        Ok(())
    };
    let relay = Relay::start(plan, Joiner::new(Box::new(keep), Arc::clone(to.watches)));
    if let Err(error) = &relay {
        tracing::warn!(error = %Chain(error), "going on without ActivityWatch's watchers");
    }
    Ok(relay.ok())
}

fn wait_for(stop: &UnixStream) {
    let mut fds = [PollFd::new(stop, PollFlags::IN)];
    // An interrupted wait is begun again.
    while poll(&mut fds, None).is_err() {}
}

fn open_spool(dir: &Path, settings: &RunSettings, email: &str) -> Result<Spool, CommandError> {
    let most = |bound: u32| usize::try_from(bound).unwrap_or(usize::MAX);
    let bounds = Bounds {
        pings: most(settings.spool_max),
        bytes: most(settings.spool_mib_max) << 20,
    };
    let mut spool = Spool::open_within(dir, bounds)?;
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

/// What sends the pings of an outbox; those that were taken and are not merged again after `resend`.
pub(super) fn sender(outbox: &Arc<Outbox>, account: Account, resend: Duration) -> Sender {
    Sender {
        outbox: Arc::clone(outbox),
        account,
        schedule: Schedule::new(resend),
        now: clock::wall,
        dice: clock::dice,
        heard: Heard::default(),
        rules: None,
    }
}

/// Held while an agent runs. The system lets go of it however the agent ends.
pub(super) fn lock(dir: &Path) -> Result<File, CommandError> {
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
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Receiver<()>, CommandError> {
    threads::spawn(name, work).map_err(|error| CommandError::System("start a thread", error))
}
