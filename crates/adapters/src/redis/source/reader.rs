//! Takes the entries of one stream: first what this worker held before it restarted, then what others have abandoned, then what is new.

use std::time::{Duration, Instant};

use domain::usage::Lane;
use ports::usage::Batch;
use redis::{Cmd, RedisResult, Value, cmd};
use tokio::sync::Mutex;

use super::Taking;
use super::newest::Newest;
use super::orphans::{self, Orphans, Whose};
use super::reply::{self, Delivered, ENTRIES_MAX, Taken};
use crate::redis::entry;
use crate::redis::keys;
use crate::redis::link::{Link, is_broken, is_without_stream};

/// Whoever could empty a Redis that is full must be able to begin.
const CREATE_GROUP: &str =
    "#!lua flags=allow-oom\nreturn redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')";
/// See the script.
const FORGET: &str = include_str!("forget.lua");

/// The reader of one stream.
pub(super) struct Reader {
    pub(super) shard: u16,
    pub(super) lane: Lane,
    pub(super) stream: String,
    taking: Taking,
    progress: Mutex<Progress>,
}

/// How far this worker has come since it started, or since something went wrong.
struct Progress {
    /// Whether the group is known to exist.
    has_group: bool,
    /// After which of its own entries it looks for more that it held before; none once it has them all.
    own_after: Option<String>,
    /// After which of the entries that anybody holds it looks for abandoned ones.
    scan_after: String,
    scan_due: Instant,
    forget_due: Instant,
    /// What was delivered while it was waited for anything: it goes into the next batch.
    begun: Vec<Delivered>,
    newest: Newest,
}

impl Progress {
    fn at_start() -> Self {
        let now = Instant::now();
        Self {
            has_group: false,
            own_after: Some(orphans::START.to_owned()),
            scan_after: orphans::START.to_owned(),
            scan_due: now,
            forget_due: now,
            begun: Vec::new(),
            newest: Newest::default(),
        }
    }
}

impl Reader {
    pub(super) fn new(shard: u16, lane: Lane, taking: Taking) -> Self {
        Self {
            shard,
            lane,
            stream: keys::pings(shard, lane),
            taking,
            progress: Mutex::new(Progress::at_start()),
        }
    }

    /// Whether there is something to take, or to look after, without anything new.
    pub(super) async fn is_due(&self) -> bool {
        let progress = self.progress.lock().await;
        progress.own_after.is_some() || !progress.begun.is_empty() || progress.scan_due <= Instant::now()
    }

    /// Whether what is new may be delivered to it: it has what it held before, which would come with it once more, and has not begun with any.
    pub(super) async fn may_begin(&self) -> bool {
        let progress = self.progress.lock().await;
        progress.own_after.is_none() && progress.begun.is_empty()
    }

    /// Keeps what was delivered elsewhere for the next batch.
    pub(super) async fn begin(&self, entries: Vec<Delivered>) {
        self.progress.lock().await.begun.extend(entries);
    }

    /// After something went wrong: what was delivered and did not arrive is among its own.
    pub(super) async fn start_over(&self) {
        *self.progress.lock().await = Progress::at_start();
    }

    /// The next batch, of so many arrivals at most.
    pub(super) async fn take(&self, link: &Link, arrivals_max: usize) -> RedisResult<Option<Batch>> {
        let mut progress = self.progress.lock().await;
        let mut taken = self.next(link, &mut progress, arrivals_max).await;
        if taken.as_ref().is_err_and(is_without_stream) {
            // Redis has lost its data, or somebody has removed them.
            *progress = Progress::at_start();
            taken = self.next(link, &mut progress, arrivals_max).await;
        }
        if taken.is_err() {
            *progress = Progress::at_start();
        }
        Ok(taken?.into_batch(self.shard, self.lane))
    }

    /// The newest, where much older ones wait.
    pub(super) async fn take_newest(&self, link: &Link, arrivals_max: usize) -> RedisResult<Option<Batch>> {
        let mut progress = self.progress.lock().await;
        if !progress.newest.is_wanted() {
            return Ok(None);
        }
        let mut taken = Taken::default();
        match self.fill_from_newest(link, &mut taken, arrivals_max).await {
            Ok(is_full) => {
                let last = taken.last().filter(|_| is_full);
                progress.newest.go_on(link, self, last).await;
                Ok(taken.into_batch(self.shard, self.lane))
            }
            Err(error) if is_without_stream(&error) => {
                // Another worker saw that the older ones have caught up.
                progress.newest = Newest::default();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn next(&self, link: &Link, progress: &mut Progress, arrivals_max: usize) -> RedisResult<Taken> {
        if !progress.has_group {
            self.create_group(link).await?;
            progress.has_group = true;
        }
        if progress.forget_due <= Instant::now() {
            self.forget_others(link).await?;
            progress.forget_due = Instant::now() + self.taking.forgotten_after;
        }
        let mut taken = Taken::default();
        self.inherit(link, progress, &mut taken, arrivals_max).await?;
        metrics::counter!("daybook_redeliveries_total").increment(taken.entries() as u64);
        let is_inherited = !taken.is_empty();
        // After a merge that took long it may count as abandoned itself.
        progress.begun.retain(|entry| !taken.holds(&entry.id));
        progress.begun = taken.add_some(std::mem::take(&mut progress.begun), arrivals_max);
        if !is_inherited {
            let is_full = self.fill_from_all(link, progress, &mut taken, arrivals_max).await?;
            let last = taken.last().filter(|_| is_full);
            progress.newest.look(link, self, last).await;
        }
        Ok(taken)
    }

    /// What this worker held before it restarted, or else what nobody has held for a while, this worker included.
    async fn inherit(
        &self,
        link: &Link,
        progress: &mut Progress,
        taken: &mut Taken,
        arrivals_max: usize,
    ) -> RedisResult<()> {
        let orphans = Orphans {
            link,
            stream: &self.stream,
            heir: &self.taking.name,
            // What has begun goes along.
            entries_max: (entries(arrivals_max).saturating_sub(progress.begun.len())).max(1),
        };
        if let Some(after) = progress.own_after.take() {
            progress.own_after = orphans.adopt(Whose::Own, after, taken).await?;
        }
        if taken.is_empty() && progress.scan_due <= Instant::now() {
            let whose = Whose::Abandoned(self.taking.abandoned_after);
            let after = std::mem::take(&mut progress.scan_after);
            let next = orphans.adopt(whose, after, taken).await?;
            if next.is_none() {
                progress.scan_due = Instant::now() + self.taking.abandoned_after / 3;
            }
            progress.scan_after = next.unwrap_or_else(|| orphans::START.to_owned());
        }
        Ok(())
    }

    /// Takes what is new to all workers until there is no room or no more, as many at a time as there should be room for after what came before; what there is
    /// none for then is the beginning of the next batch. Answers whether it was room that lacked.
    async fn fill_from_all(
        &self,
        link: &Link,
        progress: &mut Progress,
        taken: &mut Taken,
        arrivals_max: usize,
    ) -> RedisResult<bool> {
        loop {
            let room = room(taken, arrivals_max);
            if room == 0 || !progress.begun.is_empty() {
                return Ok(true);
            }
            let likely = arrivals_max.saturating_sub(taken.arrivals()) / taken.arrivals_per_entry();
            let count = likely.clamp(room, ENTRIES_MAX - taken.entries());
            let delivered = self
                .read(link, self.new_to(keys::GROUP).arg("COUNT").arg(count))
                .await?;
            let is_last = delivered.len() < count;
            progress.begun = taken.add_some(delivered, arrivals_max);
            if is_last {
                return Ok(!progress.begun.is_empty());
            }
        }
    }

    /// Takes what is new to the second group, likewise. No more than there is room for, because what is delivered is held for the other group or for none.
    async fn fill_from_newest(&self, link: &Link, taken: &mut Taken, arrivals_max: usize) -> RedisResult<bool> {
        loop {
            let room = room(taken, arrivals_max);
            if room == 0 {
                return Ok(true);
            }
            let mut read = self.new_to(keys::NEWEST);
            let delivered = self.read(link, read.arg("COUNT").arg(room).arg("NOACK")).await?;
            let is_last = delivered.len() < room;
            taken.add(delivered);
            if is_last {
                return Ok(false);
            }
        }
    }

    fn new_to(&self, group: &str) -> Cmd {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(group).arg(&self.taking.name);
        read
    }

    async fn read(&self, link: &Link, read: &mut Cmd) -> RedisResult<Vec<Delivered>> {
        read.arg("STREAMS").arg(&self.stream).arg(">");
        let streams = reply::read(link.query(read).await?)?;
        Ok(streams.into_iter().flat_map(|(_, entries)| entries).collect())
    }

    /// From the first entry on: what was pushed before there was a group is for it.
    async fn create_group(&self, link: &Link) -> RedisResult<()> {
        let mut create = cmd("EVAL");
        create.arg(CREATE_GROUP).arg(1).arg(&self.stream).arg(keys::GROUP);
        match link.query::<Value>(&create).await {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            _ => Ok(()),
        }
    }

    async fn forget_others(&self, link: &Link) -> RedisResult<()> {
        let mut forget = cmd("EVAL");
        forget.arg(FORGET).arg(1).arg(&self.stream);
        forget
            .arg(keys::GROUP)
            .arg(&self.taking.name)
            .arg(ms(self.taking.forgotten_after));
        match link.query::<Value>(&forget).await {
            Err(error) if is_broken(&error) || is_without_stream(&error) => Err(error),
            Err(error) => {
                // They are in nobody's way.
                tracing::warn!(%error, shard = self.shard, "workers that are gone cannot be forgotten");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// From how much on entries are far older than others.
    pub(super) fn lags_after(&self) -> Duration {
        self.taking.lags_after
    }
}

/// How many more entries there is room for, whatever they hold; for one, where there is none yet.
fn room(taken: &Taken, arrivals_max: usize) -> usize {
    let room = entries(arrivals_max.saturating_sub(taken.arrivals()));
    let least = usize::from(taken.is_empty());
    room.max(least).min(ENTRIES_MAX.saturating_sub(taken.entries()))
}

/// The most entries that can be asked for: they hold no more arrivals than there is room for.
fn entries(arrivals_max: usize) -> usize {
    arrivals_max.min(Batch::ARRIVALS_MAX) / entry::ARRIVALS_MAX
}

pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
