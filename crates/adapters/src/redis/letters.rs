//! The dead letters: a stream that only a person empties.

use async_trait::async_trait;
use domain::time::UnixMs;
use domain::usage::{Arrival, Lane};
use ports::PortError;
use ports::usage::{DeadContent, DeadLetter, DeadLetters, KeptLetter};
use redis::{RedisResult, cmd};

use super::entry;
use super::keys;
use super::link::{Link, port_error};

/// See the script.
const REPLAY: &str = include_str!("letters/replay.lua");

/// The dead letters in Redis.
pub struct RedisDeadLetters {
    link: Link,
    shards: u16,
}

impl RedisDeadLetters {
    pub(super) fn new(link: Link, shards: u16) -> Self {
        Self { link, shards }
    }

    async fn range(&self, from: &str, to: &str, limit: usize) -> RedisResult<Vec<Stored>> {
        let mut range = cmd("XRANGE");
        range.arg(keys::DEAD).arg(from).arg(to).arg("COUNT").arg(limit);
        let letters: Vec<Raw> = self.link.query_again(&range).await?;
        Ok(letters.into_iter().map(Stored::read).collect())
    }

    async fn move_back(&self, id: &str) -> RedisResult<bool> {
        let Some(stored) = self.range(id, id, 1).await?.pop() else {
            return Ok(false);
        };
        let mut replay = cmd("EVAL");
        replay
            .arg(REPLAY)
            .arg(3)
            .arg(keys::DEAD)
            .arg(keys::pings(stored.goes_to(self.shards), Lane::Live))
            .arg(keys::BOOKS)
            .arg(id)
            .arg(stored.arrivals());
        self.link.query::<bool>(&replay).await
    }
}

#[async_trait]
impl DeadLetters for RedisDeadLetters {
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<KeptLetter>, PortError> {
        if after.is_some_and(|after| keys::put_at(after).is_none()) {
            return Ok(Vec::new());
        }
        // "(" leaves the id itself out.
        let from = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
        let letters = self.range(&from, "+", limit).await;
        let letters = letters.map_err(|error| port_error("list the dead letters", error))?;
        Ok(letters.into_iter().map(Stored::into_kept).collect())
    }

    async fn find(&self, id: &str) -> Result<Option<KeptLetter>, PortError> {
        if keys::put_at(id).is_none() {
            return Ok(None);
        }
        let found = self.range(id, id, 1).await;
        let found = found.map_err(|error| port_error(format!("read dead letter {id}"), error))?;
        Ok(found.into_iter().next().map(Stored::into_kept))
    }

    async fn replay(&self, id: &str) -> Result<bool, PortError> {
        if keys::put_at(id).is_none() {
            return Ok(false);
        }
        let moved = self.move_back(id).await;
        moved.map_err(|error| port_error(format!("put dead letter {id} back into the queue"), error))
    }
}

/// An entry of the stream: its id and its fields.
type Raw = (String, Vec<(String, Vec<u8>)>);

/// A letter as it is stored.
struct Stored {
    id: String,
    bytes: Vec<u8>,
    reason: String,
    shard: u16,
}

impl Stored {
    /// What is missing or of the wrong shape, which no letter of ours has, is read as nothing: it must not hide the others.
    fn read((id, fields): Raw) -> Self {
        let field = |name: &str| {
            let found = fields.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let text = |name| String::from_utf8_lossy(&field(name)).into_owned();
        Self {
            bytes: field(keys::LETTER),
            reason: text(keys::REASON),
            shard: text(keys::SHARD).parse().unwrap_or_default(),
            id,
        }
    }

    /// The arrival it holds, when it holds one that can be read.
    fn arrival(&self) -> Option<Arrival> {
        let arrivals = entry::read(&self.bytes).ok()?;
        <[Arrival; 1]>::try_from(arrivals).ok().map(|[arrival]| arrival)
    }

    /// How many arrivals it counts as once it is in the queue again.
    fn arrivals(&self) -> u64 {
        entry::read(&self.bytes).map_or_else(
            |_| entry::unreadable_arrivals(&self.bytes),
            |arrivals| arrivals.len() as u64,
        )
    }

    /// The shard of its user today, as there may be another number of them; where nobody can tell, the one it came from.
    fn goes_to(&self, shards: u16) -> u16 {
        match entry::read(&self.bytes).ok().as_deref() {
            Some([first, ..]) => keys::shard_of(first.user(), shards),
            _ => self.shard % shards.max(1),
        }
    }

    fn into_kept(self) -> KeptLetter {
        let content = match self.arrival() {
            Some(arrival) => DeadContent::Arrival(arrival),
            None => DeadContent::Unreadable(self.bytes),
        };
        KeptLetter {
            died_at: keys::put_at(&self.id).unwrap_or(UnixMs(0)),
            id: self.id,
            letter: DeadLetter {
                content,
                reason: self.reason,
            },
        }
    }
}
