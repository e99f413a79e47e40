//! What is announced of sessions, in one stream that every node reads by itself: an entry arrives at once, and the answer that there is none is proof.

mod entry;

use std::time::Duration;

use async_trait::async_trait;
use ports::PortError;
use ports::accounts::{ANNOUNCED_FOR, Announcements, Heard, Hearing, News, StandingChange};
use redis::{RedisError, RedisResult, Value, cmd};

use super::keys;
use super::link::{Link, port_error};
use entry::Entry;

/// See the script.
const ANNOUNCE: &str = include_str!("standing/announce.lua");
/// How many entries there may be: what is announced beyond that is refused.
const ENTRIES_MAX: usize = 100_000;
/// How many changes share an entry.
const CHANGES_MAX: usize = 64;
/// How many entries are read at once.
const READ_MAX: usize = 256;
/// How long Redis waits for an entry before it says that there is none.
const WAIT: Duration = Duration::from_millis(250);
/// Where the stream begins.
const START: &str = "0-0";

/// The announcements in Redis, for those who tell.
pub struct RedisAnnouncements {
    link: Link,
}

impl RedisAnnouncements {
    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }
}

#[async_trait]
impl Announcements for RedisAnnouncements {
    async fn announce(&self, changes: &[StandingChange]) -> Result<(), PortError> {
        let attempted = || format!("announce {} changes of sessions", changes.len());
        for entry in changes.chunks(CHANGES_MAX).flat_map(entry::written) {
            let mut announce = cmd("EVAL");
            announce
                .arg(ANNOUNCE)
                .arg(1)
                .arg(keys::STANDING)
                .arg(ANNOUNCED_FOR.as_millis().to_string())
                .arg(ENTRIES_MAX)
                .arg(entry.field)
                .arg(entry.value);
            let has_room: RedisResult<bool> = self.link.query_again(&announce).await;
            if !has_room.map_err(|error| port_error(attempted(), error))? {
                let cause = format!("{} holds {ENTRIES_MAX} entries", keys::STANDING);
                return Err(PortError::unavailable(attempted(), cause));
            }
        }
        Ok(())
    }
}

/// The announcements in Redis, for one who hears.
pub struct RedisHearing {
    link: Link,
}

impl RedisHearing {
    /// How long an answer may take. What is known when it comes would be too old to be of use if it took longer.
    pub(super) const ANSWER_MAX: Duration = Duration::from_secs(1);

    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }

    async fn read(&self, heard: Option<&str>) -> RedisResult<Vec<Entry>> {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(READ_MAX);
        if heard.is_some() {
            read.arg("BLOCK").arg(WAIT.as_millis().to_string());
        }
        read.arg("STREAMS").arg(keys::STANDING).arg(heard.unwrap_or(START));
        // Once only: over a new connection another server may answer, to whom the id means nothing.
        entry::read(self.link.query::<Value>(&read).await?)
    }
}

#[async_trait]
impl Hearing for RedisHearing {
    async fn after(&self, heard: Option<&Heard>) -> Result<News, PortError> {
        let attempted = "hear what is announced of sessions";
        let failed = |error: RedisError| port_error(attempted, error);
        let entries = self.read(heard.map(|heard| heard.0.as_str())).await.map_err(failed)?;
        let is_all = entries.len() < READ_MAX;
        let heard = match (entries.last(), heard) {
            (Some(last), _) => Heard(last.id.clone()),
            (None, Some(heard)) => heard.clone(),
            (None, None) => Heard(START.to_owned()),
        };
        let mut changes = Vec::new();
        for entry in entries {
            // Not passed over: it may say, in the words of a newer program, that a session has ended.
            let unreadable = || {
                format!(
                    "the entry {} of {} cannot be read: delete it, or upgrade this program",
                    entry.id,
                    keys::STANDING
                )
            };
            let read = entry::changes(&entry.fields).ok_or_else(|| PortError::bug(attempted, unreadable()))?;
            changes.extend(read);
        }
        Ok(News { changes, heard, is_all })
    }
}
