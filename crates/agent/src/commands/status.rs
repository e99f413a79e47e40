//! `daybook-agent status`.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::session::{Device, Session};
use crate::spool;

use super::{CommandError, LOCK_FILE, print};

/// Says what waits and what is merged.
pub fn status(dir: &Path) -> Result<(), CommandError> {
    let session = Session::load(dir)?;
    let device = Device::load(dir)?;
    let spool = spool::summary(dir)?;
    let running = match File::open(dir.join(LOCK_FILE)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    };
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let rows = [
        (
            "server",
            or_none(session.as_ref().map(|session| session.server.clone())),
        ),
        ("account", or_none(session.map(|session| session.email).or(spool.owner))),
        ("device", or_none(device.map(|device| device.device_id))),
        ("running", if running { "yes" } else { "no" }.to_owned()),
        ("waiting", spool.waiting.to_string()),
        ("waiting since", or_none(spool.oldest.map(|at| at.to_string()))),
        ("numbered through", spool.numbered.to_string()),
        ("merged through", spool.merged.to_string()),
        ("last sent", or_none(spool.answered_at.map(|at| at.to_string()))),
        ("dropped", spool.dropped.to_string()),
        ("refused", spool.refused.to_string()),
        ("unreadable lines", spool.unreadable.to_string()),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| format!("{name:<17} {value}\n"))
        .collect();
    print(&lines.concat())
}
