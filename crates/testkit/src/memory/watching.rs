//! What ActivityWatch's watchers send, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::{Browser, Kind, Stretch, Tabs, Watched};
use ports::PortError;
use ports::trackers::{
    BUCKETS_MAX, BucketOutcome, EARLIER_MAX, Edit, EditOutcome, EventWindow, LASTING_MAX, LASTING_US, Look, Mark,
    SAME_START_MAX, Seen, WatchBucket, WatchBuckets, WatchEvent, WatchEvents, WatchMarks, WatchReader, WatchUpkeep,
    WatchedEvent, WatchedRows, Watcher,
};

use super::away::Away;

/// Buckets, events and marks that live as long as the value.
#[derive(Debug, Default)]
pub struct MemoryWatching {
    kept: Mutex<Kept>,
    away: Away,
}

#[derive(Debug, Default)]
struct Kept {
    buckets: BTreeMap<(Watcher, String), Bucket>,
    marks: BTreeMap<i64, (Watcher, Mark, UnixMs)>,
    last_mark: i64,
}

#[derive(Debug)]
struct Bucket {
    told: WatchBucket,
    version: i64,
    last_id: i64,
    kept_at: UnixMs,
    events: BTreeMap<i64, WatchEvent>,
}

impl MemoryWatching {
    /// From now on every call fails as if the database were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
    }

    /// How many marks there are, of all devices.
    #[must_use]
    pub fn marked(&self) -> usize {
        self.kept.lock().map_or(0, |kept| kept.marks.len())
    }

    fn kept(&self, attempted: &str) -> Result<MutexGuard<'_, Kept>, PortError> {
        self.away.check(attempted)?;
        Ok(self.kept.lock().expect("no test panicked while it kept something"))
    }
}

impl Bucket {
    fn shown(&self) -> WatchBucket {
        let start_us = self.events.values().map(|event| event.stretch.start_us).min();
        let end_us = self.events.values().map(|event| event.stretch.end_us).max();
        WatchBucket {
            stretch: start_us
                .zip(end_us)
                .map(|(start_us, end_us)| Stretch { start_us, end_us }),
            ..self.told.clone()
        }
    }

    /// In the order of their starts and numbers.
    fn sorted(&self) -> Vec<&WatchEvent> {
        let mut events: Vec<_> = self.events.values().collect();
        events.sort_by_key(|event| (event.stretch.start_us, event.id));
        events
    }

    /// The latest start first.
    fn within(&self, window: EventWindow) -> impl Iterator<Item = &WatchEvent> {
        let overlaps =
            move |event: &&WatchEvent| event.stretch.start_us <= window.to_us && event.stretch.end_us >= window.from_us;
        self.sorted().into_iter().rev().filter(overlaps)
    }

    /// The same, but of those that start before it only so many are looked at.
    fn around(&self, window: EventWindow) -> Vec<&WatchEvent> {
        let sorted = self.sorted();
        let (earlier, later) = sorted.split_at(sorted.partition_point(|event| event.stretch.start_us < window.from_us));
        let later = later
            .iter()
            .rev()
            .filter(|event| event.stretch.start_us <= window.to_us);
        let shortly_us = window.from_us.saturating_sub(LASTING_US);
        let shortly = earlier
            .iter()
            .rev()
            .take_while(|event| event.stretch.start_us >= shortly_us);
        let lasts = |event: &&WatchEvent| event.stretch.end_us - event.stretch.start_us > LASTING_US;
        let lasting = self.events.values().rev().filter(lasts).take(LASTING_MAX);
        let mut lasting: Vec<_> = lasting.filter(|event| event.stretch.start_us < shortly_us).collect();
        lasting.sort_by_key(|event| std::cmp::Reverse((event.stretch.start_us, event.id)));
        let earlier = shortly.take(EARLIER_MAX).copied().chain(lasting);
        let earlier = earlier.filter(|event| event.stretch.end_us >= window.from_us);
        later.copied().chain(earlier).collect()
    }
}

#[async_trait]
impl WatchBuckets for MemoryWatching {
    async fn buckets(&self, of: Watcher, id: Option<&str>) -> Result<Vec<WatchBucket>, PortError> {
        let kept = self.kept("read buckets")?;
        let asked = kept
            .buckets
            .iter()
            .filter(|((owner, name), _)| *owner == of && id.is_none_or(|id| id == name));
        Ok(asked.map(|(_, bucket)| bucket.shown()).collect())
    }

    async fn create(
        &self,
        of: Watcher,
        bucket: &WatchBucket,
        (silent_since, now): (UnixMs, UnixMs),
    ) -> Result<BucketOutcome, PortError> {
        let mut kept = self.kept("make a bucket")?;
        let key = (of, bucket.id.clone());
        if kept.buckets.contains_key(&key) {
            return Ok(BucketOutcome::There);
        }
        if kept.buckets.keys().filter(|(owner, _)| *owner == of).count() >= BUCKETS_MAX {
            let silent = kept.buckets.iter().filter(|((owner, _), bucket)| {
                *owner == of && bucket.events.is_empty() && bucket.kept_at < silent_since
            });
            let longest = silent.min_by_key(|(_, bucket)| bucket.kept_at);
            let Some(longest) = longest.map(|(key, _)| key.clone()) else {
                return Ok(BucketOutcome::TooMany);
            };
            kept.buckets.remove(&longest);
        }
        let made = Bucket {
            told: bucket.clone(),
            version: 0,
            last_id: 0,
            kept_at: now,
            events: BTreeMap::new(),
        };
        kept.buckets.insert(key, made);
        Ok(BucketOutcome::Made)
    }

    async fn change(&self, of: Watcher, bucket: &WatchBucket) -> Result<bool, PortError> {
        let mut kept = self.kept("change a bucket")?;
        let Some(known) = kept.buckets.get_mut(&(of, bucket.id.clone())) else {
            return Ok(false);
        };
        known.told = WatchBucket {
            created_us: known.told.created_us,
            ..bucket.clone()
        };
        Ok(true)
    }

    async fn delete(&self, of: Watcher, id: &str) -> Result<bool, PortError> {
        let mut kept = self.kept("forget a bucket")?;
        Ok(kept.buckets.remove(&(of, id.to_owned())).is_some())
    }
}

#[async_trait]
impl WatchEvents for MemoryWatching {
    async fn events(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<Vec<WatchEvent>, PortError> {
        let kept = self.kept("read events")?;
        let bucket = kept.buckets.get(&(of, bucket.to_owned()));
        Ok(bucket.map_or_else(Vec::new, |bucket| {
            bucket.within(window).take(window.limit).cloned().collect()
        }))
    }

    async fn count(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<u64, PortError> {
        let kept = self.kept("count events")?;
        let bucket = kept.buckets.get(&(of, bucket.to_owned()));
        Ok(bucket.map_or(0, |bucket| bucket.within(window).count() as u64))
    }

    async fn look(&self, of: Watcher, bucket: &str, look: &Look) -> Result<Option<Seen>, PortError> {
        let kept = self.kept("look at a bucket")?;
        let Some(bucket) = kept.buckets.get(&(of, bucket.to_owned())) else {
            return Ok(None);
        };
        let events = bucket.sorted();
        let (before, after) = events.split_at(events.partition_point(|event| event.stretch.start_us <= look.at_us));
        let reached = after.iter().take_while(|event| event.stretch.start_us <= look.until_us);
        let named = look.ids.iter().filter_map(|id| bucket.events.get(id));
        let started = look.starts_us.iter().flat_map(|start_us| {
            let same = bucket.events.values();
            same.filter(move |event| event.stretch.start_us == *start_us)
                .take(SAME_START_MAX)
        });
        Ok(Some(Seen {
            kind: bucket.told.kind.clone(),
            version: bucket.version,
            last_id: bucket.last_id,
            first_id: bucket.events.keys().next().copied(),
            before: before.last().map(|event| (*event).clone()),
            after: reached.take(look.limit).map(|event| (*event).clone()).collect(),
            named: named.cloned().collect(),
            started: started.cloned().collect(),
        }))
    }

    async fn keep(&self, of: Watcher, bucket: &str, edit: &Edit) -> Result<EditOutcome, PortError> {
        let mut kept = self.kept("keep events")?;
        let bucket = kept.buckets.get_mut(&(of, bucket.to_owned()));
        let Some(bucket) = bucket.filter(|bucket| bucket.version == edit.seen) else {
            return Ok(EditOutcome::Changed);
        };
        bucket.version += 1;
        (bucket.last_id, bucket.kept_at) = (edit.last_id, edit.now);
        bucket.events.retain(|id, _| !edit.removed.contains(id));
        bucket
            .events
            .extend(edit.put.iter().map(|event| (event.id, event.clone())));
        for span in &edit.touched {
            kept.last_mark += 1;
            let mark = Mark {
                id: kept.last_mark,
                span: *span,
                precedence: edit.precedence,
            };
            kept.marks.insert(mark.id, (of, mark, edit.now));
        }
        Ok(EditOutcome::Kept)
    }
}

#[async_trait]
impl WatchMarks for MemoryWatching {
    async fn marks(&self, of: Watcher, before: UnixMs, limit: usize) -> Result<Vec<Mark>, PortError> {
        let kept = self.kept("read what is marked")?;
        let marks = kept.marks.values().filter(|(owner, ..)| *owner == of);
        let mut marks: Vec<Mark> = marks
            .map(|(_, mark, _)| *mark)
            .filter(|mark| mark.span.start() < before)
            .collect();
        marks.sort_by_key(|mark| (mark.span.start(), mark.id));
        marks.truncate(limit);
        Ok(marks)
    }

    async fn watched(&self, of: Watcher, reach: Span, limit: usize) -> Result<WatchedRows, PortError> {
        let kept = self.kept("read what watchers told")?;
        let (mut watched, mut are_all) = (Watched::default(), true);
        for ((_, id), bucket) in kept.buckets.iter().filter(|((owner, _), _)| *owner == of) {
            let window = EventWindow {
                from_us: reach.start().0.saturating_mul(1_000),
                to_us: reach.end().0.saturating_mul(1_000),
                limit: usize::MAX,
            };
            let rows = bucket.around(window);
            are_all &= rows.len() <= limit;
            let rows = rows.into_iter().take(limit);
            let told = rows.map(|event| (event.stretch, event.told.clone()));
            let hostname = bucket.told.hostname.clone();
            match Kind::of_type(&bucket.told.kind) {
                Kind::Windows => {
                    let rows = told.map(|(stretch, told)| told.window(stretch));
                    watched.windows.push((hostname, rows.collect()));
                }
                Kind::Presence => {
                    let rows = told.filter_map(|(stretch, told)| told.presence(stretch));
                    watched.presence.push((hostname, rows.collect()));
                }
                Kind::Tabs => {
                    if let Some(browser) = Browser::of_bucket(id) {
                        let rows = told.map(|(stretch, told)| told.tab(stretch)).collect();
                        watched.tabs.push((hostname, Tabs { browser, rows }));
                    }
                }
                Kind::Other => {}
            }
        }
        Ok(WatchedRows { watched, are_all })
    }

    async fn settle(&self, of: Watcher, marks: &[i64], until: UnixMs) -> Result<(), PortError> {
        let mut kept = self.kept("forget what was marked")?;
        kept.marks.retain(|id, (owner, mark, _)| {
            if *owner != of || !marks.contains(id) {
                return true;
            }
            let rest = Span::new(mark.span.start().max(until), mark.span.end());
            mark.span = rest.unwrap_or(mark.span);
            rest.is_some()
        });
        Ok(())
    }
}

#[async_trait]
impl WatchUpkeep for MemoryWatching {
    async fn left_behind(&self, marked: UnixMs, now: UnixMs, limit: usize) -> Result<Vec<Watcher>, PortError> {
        let kept = self.kept("read which watchers were left behind")?;
        let mut left: Vec<(UnixMs, Watcher)> = Vec::new();
        for (of, mark, at) in kept.marks.values() {
            if *at < marked && mark.span.start() < now {
                left.push((*at, *of));
            }
        }
        left.sort_unstable();
        let mut watchers: Vec<Watcher> = Vec::new();
        for (_, of) in left {
            if !watchers.contains(&of) {
                watchers.push(of);
            }
        }
        watchers.truncate(limit);
        Ok(watchers)
    }

    async fn forget_events(&self, before: UnixMs, limit: usize) -> Result<u64, PortError> {
        let mut kept = self.kept("forget what watchers told")?;
        let mut forgotten = 0;
        for bucket in kept.buckets.values_mut() {
            bucket.events.retain(|_, event| {
                let goes = event.stretch.end_us < before.0.saturating_mul(1_000) && forgotten < limit as u64;
                forgotten += u64::from(goes);
                !goes
            });
        }
        Ok(forgotten)
    }
}

#[async_trait]
impl WatchReader for MemoryWatching {
    async fn watched_events(&self, user: UserId, window: Span) -> Result<Vec<WatchedEvent>, PortError> {
        let kept = self.kept("read what watchers told")?;
        let (from, to) = (window.start().0 * 1_000, window.end().0 * 1_000);
        let mut found = Vec::new();
        for ((of, id), bucket) in kept.buckets.iter().filter(|((of, _), _)| of.user == user) {
            let within = bucket
                .events
                .values()
                .filter(|event| (from..to).contains(&event.stretch.start_us));
            found.extend(within.map(|event| WatchedEvent {
                device: of.device,
                bucket: id.clone(),
                hostname: bucket.told.hostname.clone(),
                event: event.clone(),
            }));
        }
        found.sort_by_key(|event| event.event.stretch.start_us);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::watching_contract!(((), MemoryWatching::default()));
}
