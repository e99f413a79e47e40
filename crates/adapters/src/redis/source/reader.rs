//! Takes the entries of one shard: first what this worker held before it restarted, then what others have abandoned, then what is new.

use std::time::{Duration, Instant};

use ports::usage::Batch;
use redis::{Cmd, RedisResult, Value, cmd};
use tokio::sync::Mutex;

use super::Taking;
use super::reply::{self, Delivered, Taken};
use crate::redis::entry;
use crate::redis::keys;
use crate::redis::link::{Link, is_broken, is_without_stream};

/// The most arrivals in a batch.
pub const ARRIVALS_MAX: usize = 8_192;
/// The most entries that can be asked for at once: they hold no more arrivals than a batch may have.
const ENTRIES_AT_ONCE: usize = ARRIVALS_MAX / entry::ARRIVALS_MAX;
/// The most entries in a batch, when they hold little each.
const ENTRIES_MAX: usize = 1_024;
/// See the script.
const FORGET: &str = include_str!("forget.lua");
/// Where a scan of what others hold starts, and what it answers when it has seen all.
const SCAN_START: &str = "0-0";

/// The reader of one shard.
pub(super) struct Reader {
    shard: u16,
    stream: String,
    taking: Taking,
    link: Link,
    progress: Mutex<Progress>,
}

/// How far this worker has come since it started, or since something went wrong.
struct Progress {
    /// Whether the group is known to exist.
    has_group: bool,
    /// After which of its own entries it looks for more that it held before; none once it has them all.
    own_after: Option<String>,
    /// Where the scan of what others hold goes on.
    scan_from: String,
    scan_due: Instant,
    forget_due: Instant,
}

impl Progress {
    fn at_start() -> Self {
        let now = Instant::now();
        Self {
            has_group: false,
            own_after: Some("0".to_owned()),
            scan_from: SCAN_START.to_owned(),
            scan_due: now,
            forget_due: now,
        }
    }
}

impl Reader {
    pub(super) fn new(shard: u16, taking: Taking, link: Link) -> Self {
        Self {
            shard,
            stream: keys::pings(shard),
            taking,
            link,
            progress: Mutex::new(Progress::at_start()),
        }
    }

    /// The next batch, or nothing after a while.
    pub(super) async fn take(&self) -> RedisResult<Option<Batch>> {
        let mut progress = self.progress.lock().await;
        let mut taken = self.next(&mut progress).await;
        if taken.as_ref().is_err_and(is_without_stream) {
            // Redis has lost its data, or somebody has removed them.
            *progress = Progress::at_start();
            taken = self.next(&mut progress).await;
        }
        match taken {
            Ok(taken) => Ok(taken.into_batch(self.shard)),
            Err(error) => {
                // What was delivered and did not arrive is among its own.
                *progress = Progress::at_start();
                Err(error)
            }
        }
    }

    async fn next(&self, progress: &mut Progress) -> RedisResult<Taken> {
        if !progress.has_group {
            self.create_group().await?;
            progress.has_group = true;
        }
        if progress.forget_due <= Instant::now() {
            self.forget_others().await?;
            progress.forget_due = Instant::now() + self.taking.forgotten_after;
        }
        let mut taken = Taken::default();
        taken.add(self.own(progress).await?);
        if taken.entries() == 0 && progress.scan_due <= Instant::now() {
            taken.add(self.abandoned(progress).await?);
        }
        if taken.entries() == 0 {
            self.fresh(&mut taken).await?;
        }
        Ok(taken)
    }

    /// What this worker held before it restarted.
    async fn own(&self, progress: &mut Progress) -> RedisResult<Vec<Delivered>> {
        let Some(after) = &progress.own_after else {
            return Ok(Vec::new());
        };
        let entries = self.read(after, ENTRIES_AT_ONCE, None).await?;
        progress.own_after = entries.last().map(|entry| entry.id.clone());
        Ok(entries)
    }

    /// What nobody has held for a while, this worker included.
    async fn abandoned(&self, progress: &mut Progress) -> RedisResult<Vec<Delivered>> {
        loop {
            let mut claim = cmd("XAUTOCLAIM");
            claim
                .arg(&self.stream)
                .arg(keys::GROUP)
                .arg(&self.taking.name)
                .arg(ms(self.taking.abandoned_after))
                .arg(&progress.scan_from)
                .arg("COUNT")
                .arg(ENTRIES_AT_ONCE);
            let (next, entries) = reply::claimed(self.link.query(&claim).await?)?;
            progress.scan_from = next;
            if progress.scan_from == SCAN_START {
                progress.scan_due = Instant::now() + self.taking.abandoned_after / 3;
            }
            if !entries.is_empty() || progress.scan_from == SCAN_START {
                return Ok(entries);
            }
        }
    }

    /// What is new: waits for the first, then takes what else is there until the batch is full.
    async fn fresh(&self, taken: &mut Taken) -> RedisResult<()> {
        let mut wait = Some(self.taking.wait);
        loop {
            let room = (ARRIVALS_MAX - taken.arrivals().min(ARRIVALS_MAX)) / entry::ARRIVALS_MAX;
            if room == 0 || taken.entries() >= ENTRIES_MAX {
                return Ok(());
            }
            let entries = self.read(">", room, wait.take()).await?;
            let is_last = entries.len() < room;
            taken.add(entries);
            if is_last {
                return Ok(());
            }
        }
    }

    async fn read(&self, after: &str, count: usize, wait: Option<Duration>) -> RedisResult<Vec<Delivered>> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(keys::GROUP).arg(&self.taking.name);
        read.arg("COUNT").arg(count);
        if let Some(wait) = wait {
            // 0 would be for ever.
            read.arg("BLOCK").arg(ms(wait).max(1));
        }
        read.arg("STREAMS").arg(&self.stream).arg(after);
        reply::read(self.link.query(&read).await?)
    }

    /// From the first entry on: what was pushed before there was a group is for it.
    async fn create_group(&self) -> RedisResult<()> {
        let mut create = cmd("XGROUP");
        create
            .arg("CREATE")
            .arg(&self.stream)
            .arg(keys::GROUP)
            .arg("0")
            .arg("MKSTREAM");
        match self.link.query::<Value>(&create).await {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            _ => Ok(()),
        }
    }

    async fn forget_others(&self) -> RedisResult<()> {
        let mut forget: Cmd = cmd("EVAL");
        forget.arg(FORGET).arg(1).arg(&self.stream);
        forget
            .arg(keys::GROUP)
            .arg(&self.taking.name)
            .arg(ms(self.taking.forgotten_after));
        match self.link.query::<Value>(&forget).await {
            Err(error) if is_broken(&error) || is_without_stream(&error) => Err(error),
            Err(error) => {
                // They are in nobody's way.
                tracing::warn!(%error, shard = self.shard, "workers that are gone cannot be forgotten");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
