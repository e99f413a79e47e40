//! `daybook-agent sync`: sends what waits, or watches the agent that runs do so.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::files;
use crate::outbox::Outbox;
use crate::settings::SyncSettings;
use crate::spool::{self, Spool, Summary};

use super::run::{lock, sender, spawn};
use super::status::is_running;
use super::{CommandError, account, not_the_owner, print};

/// After how long what was taken is asked for again: whoever calls this waits for it.
const RESEND_AFTER: Duration = Duration::from_secs(1);
/// How often to look how far an agent that runs has come.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The end of the sender may take so long for a request that is under way.
const LAST_REQUEST_MAX: Duration = Duration::from_secs(3);
/// Nothing is added to the spool here, so no bound of it is met.
const NO_BOUND: usize = usize::MAX;

/// Sends until everything that waits now is merged, or the time is over.
pub fn sync(dir: &Path, settings: &SyncSettings) -> Result<(), CommandError> {
    files::make_private_dir(dir)?;
    let until = Instant::now() + Duration::from_secs(settings.wait_secs);
    // By time and not by number: numbers may be given anew.
    let newest = spool::summary(dir)?.newest;
    let is_merged = |summary: &Summary| summary.oldest.is_none_or(|oldest| Some(oldest) > newest);
    let summary = if is_running(dir) {
        watch(dir, until, is_merged)?
    } else {
        send(dir, settings, until, is_merged)?
    };
    if !is_merged(&summary) {
        return Err(CommandError::NotSent {
            waiting: summary.waiting,
            why: "the time is over; the log above says more".to_owned(),
        });
    }
    print(&format!("Everything through {} is merged.\n", summary.merged))
}

fn watch(dir: &Path, until: Instant, is_merged: impl Fn(&Summary) -> bool) -> Result<Summary, CommandError> {
    loop {
        let summary = spool::summary(dir)?;
        if is_merged(&summary) || Instant::now() >= until {
            return Ok(summary);
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn send(
    dir: &Path,
    settings: &SyncSettings,
    until: Instant,
    is_merged: impl Fn(&Summary) -> bool,
) -> Result<Summary, CommandError> {
    let _lock = lock(dir)?;
    let account = account(dir, &settings.account)?;
    let mut spool = Spool::open(dir, NO_BOUND)?;
    if !spool.own(&account.email)? {
        let summary = spool.summary();
        return Err(not_the_owner(dir, summary.waiting, summary.owner.unwrap_or_default()));
    }
    let outbox = Arc::new(Outbox::new(spool));
    let mut sender = sender(&outbox, account, RESEND_AFTER);
    let sent = spawn("sender", move || sender.run())?;
    let summary = loop {
        let summary = outbox.lock().spool.summary();
        if is_merged(&summary) || Instant::now() >= until {
            break summary;
        }
        thread::sleep(LOOK_EVERY);
    };
    // A last round would send once more what the server has.
    outbox.abandon();
    ended(&sent);
    Ok(summary)
}

fn ended(sent: &Receiver<()>) {
    if sent.recv_timeout(LAST_REQUEST_MAX) == Err(RecvTimeoutError::Timeout) {
        tracing::debug!("a request is under way still");
    }
}
