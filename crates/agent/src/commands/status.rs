//! `daybook-agent status`.

use std::fs::{File, TryLockError};
use std::path::Path;

use domain::time::UnixMs;

use crate::clock;
use crate::privacy::private::Private;
use crate::privacy::{dir_in, rules};
use crate::relay::sqlite;
use crate::session::Device;
use crate::spool::{self, Summary};
use crate::store::{Place, SavedSession};

use super::{CommandError, LOCK_FILE, print};

/// Says who is signed in where, what waits and what is merged.
pub fn status(dir: &Path) -> Result<(), CommandError> {
    let session = SavedSession::load(dir)?;
    let device = Device::load(dir)?;
    let spool = spool::summary(dir)?;
    let mut rows = signed_in(session.as_ref(), &spool);
    rows.push(("device", or_none(device.map(|device| device.device_id))));
    rows.push(("running", if is_running(dir) { "yes" } else { "no" }.to_owned()));
    rows.push(("private", private(dir)?));
    rows.push(("rules", rules::load(&dir_in(dir))?.len().to_string()));
    rows.extend(waiting(&spool));
    rows.extend(from_watchers(dir)?);
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:<17} {value}\n"))
        .collect();
    print(&lines.concat())
}

/// Whether nothing is recorded, and until when.
fn private(dir: &Path) -> Result<String, CommandError> {
    let private = Private::load(&dir_in(dir))?.filter(|private| private.is_on(clock::wall()));
    Ok(match private {
        None => "no".to_owned(),
        Some(Private { until: Some(until), .. }) => format!("until {until}"),
        Some(Private { until: None, .. }) => "until `daybook-agent resume`".to_owned(),
    })
}

fn from_watchers(dir: &Path) -> Result<[Row; 3], CommandError> {
    let relay = sqlite::kept(dir)?;
    let kept = relay.map(|kept| {
        let (events, buckets, bytes) = (kept.events, kept.buckets, kept.bytes);
        format!("{events} events in {buckets} buckets, {bytes} bytes")
    });
    let oldest = relay.and_then(|kept| kept.oldest).map(|at| at.to_string());
    Ok([
        ("from watchers", or_none(kept)),
        ("since", or_none(oldest)),
        ("given up", relay.map_or(0, |kept| kept.dropped).to_string()),
    ])
}

type Row = (&'static str, String);

fn signed_in(session: Option<&SavedSession>, spool: &Summary) -> Vec<Row> {
    let place = session.map(|session| match session.place() {
        Place::Keyring => "keyring",
        Place::File => "file",
    });
    let account = session.map(|session| session.email.clone());
    vec![
        ("server", or_none(session.map(|session| session.server.clone()))),
        ("account", or_none(account.or(spool.owner.clone()))),
        ("signed in", if session.is_some() { "yes" } else { "no" }.to_owned()),
        ("tokens in", or_none(place.map(str::to_owned))),
    ]
}

fn waiting(spool: &Summary) -> [Row; 9] {
    let instant = |at: Option<UnixMs>| or_none(at.map(|at| at.to_string()));
    [
        ("waiting", spool.waiting.to_string()),
        ("waiting bytes", spool.bytes.to_string()),
        ("waiting since", instant(spool.oldest)),
        ("numbered through", spool.numbered.to_string()),
        ("merged through", spool.merged.to_string()),
        ("last sent", instant(spool.answered_at)),
        ("dropped", spool.dropped.to_string()),
        ("refused", spool.refused.to_string()),
        ("unreadable lines", spool.unreadable.to_string()),
    ]
}

/// Whether an agent works on the directory.
pub(super) fn is_running(dir: &Path) -> bool {
    match File::open(dir.join(LOCK_FILE)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "none".to_owned())
}
