//! Events that are sent as they are: by themselves, in a list, or as an export.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::accounts::Caller;
use domain::trackers::activitywatch::{Kind, united};
use ports::trackers::{Edit, Look, Seen, WatchBucket, WatchEvent};

use crate::accounts::InForce;

use super::super::claim_watched::around;
use super::change::{ATTEMPTS_MAX, contended};
use super::room::Full;
use super::{ActivityWatch, SentEvent, WatchError, admitted, named};

impl ActivityWatch {
    /// Keeps events, and gives their numbers; none where nothing of the bucket counts. One with a number that is there takes the place of that one.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], [`WatchError::TooManyEvents`], an event that cannot be, or something outside: then none is kept.
    pub async fn insert(
        &self,
        caller: &Caller,
        bucket: &str,
        events: &[SentEvent],
    ) -> Result<Vec<Option<i64>>, WatchError> {
        let events = self.all_taken(events)?;
        let in_force = self.privacy.of(caller.user).await?;
        let look = named(events.iter().filter_map(|event| event.id).collect());
        for _ in 0..ATTEMPTS_MAX {
            let seen = self.seen(caller, bucket, &look).await?;
            let Some(numbered) = numbered(&seen, &events, &in_force) else {
                return Ok(vec![None; events.len()]);
            };
            let edit = self.putting(caller, &seen, &numbered);
            let edit = self.fitted(caller, bucket, (&seen, edit), Full::Refused).await?;
            if self.is_kept(caller, bucket, &edit).await? {
                self.claim(caller, &in_force).await;
                return Ok(numbered.into_iter().map(|event| Some(event.id)).collect());
            }
        }
        Err(contended())
    }

    /// Takes in a bucket as it was exported. One that is there stays as it is and gets the events that it does not have: doing it twice changes nothing.
    ///
    /// # Errors
    /// [`WatchError::TooManyBuckets`], [`WatchError::TooManyEvents`], an event that cannot be, or something outside: then none of its events is kept.
    pub async fn import(&self, caller: &Caller, bucket: &WatchBucket, events: &[SentEvent]) -> Result<(), WatchError> {
        let events = self.all_taken(events)?;
        let in_force = self.privacy.of(caller.user).await?;
        self.create(caller, bucket).await?;
        // Whatever else the bucket holds, only what could be one of these is looked at.
        let starts: BTreeSet<i64> = events.iter().map(|event| event.stretch.start_us).collect();
        let look = Look {
            starts_us: starts.into_iter().collect(),
            ..named(Vec::new())
        };
        for _ in 0..ATTEMPTS_MAX {
            let seen = self.seen(caller, &bucket.id, &look).await?;
            let Some(numbered) = numbered(&seen, &events, &in_force) else {
                return Ok(());
            };
            let edit = self.putting(caller, &seen, &lacking(&seen, numbered));
            let edit = self.fitted(caller, &bucket.id, (&seen, edit), Full::Refused).await?;
            if self.is_kept(caller, &bucket.id, &edit).await? {
                self.claim(caller, &in_force).await;
                return Ok(());
            }
        }
        Err(contended())
    }

    fn all_taken(&self, events: &[SentEvent]) -> Result<Vec<SentEvent>, WatchError> {
        let taken = |event: &SentEvent| {
            let stretch = self.taken(event.stretch)?;
            Ok(SentEvent {
                stretch,
                ..event.clone()
            })
        };
        events.iter().map(taken).collect()
    }

    /// Of two with one number, the later one is kept.
    fn putting(&self, caller: &Caller, seen: &Seen, numbered: &[WatchEvent]) -> Edit {
        let put: BTreeMap<i64, &WatchEvent> = numbered.iter().map(|event| (event.id, event)).collect();
        let replaced = seen.named.iter().filter(|old| put.contains_key(&old.id));
        let told = replaced.chain(put.values().copied()).map(|event| event.stretch.ms());
        // Nothing that lies between: that was told with the rank of its moment.
        let touched = united(told.filter_map(|(start, end)| around(start, end)));
        Edit {
            last_id: put.keys().copied().fold(seen.last_id, i64::max),
            put: put.into_values().cloned().collect(),
            touched,
            ..self.nothing(caller, seen)
        }
    }
}

/// The events as they are kept: each with the number that it has, if it is there, or a new one. Nothing for a bucket of which nothing counts.
fn numbered(seen: &Seen, events: &[SentEvent], in_force: &InForce) -> Option<Vec<WatchEvent>> {
    let kind = Kind::of_type(&seen.kind);
    if kind == Kind::Other {
        return None;
    }
    let known: HashSet<i64> = seen.named.iter().map(|event| event.id).collect();
    let mut last_id = seen.last_id;
    let numbered = events.iter().map(|event| {
        let id = event.id.filter(|id| known.contains(id)).unwrap_or_else(|| {
            last_id += 1;
            last_id
        });
        WatchEvent {
            id,
            stretch: event.stretch,
            told: admitted(event.tells.clone().of(kind), in_force),
        }
    });
    Some(numbered.collect())
}

/// Those that are not there yet, each once, numbered anew.
fn lacking(seen: &Seen, events: Vec<WatchEvent>) -> Vec<WatchEvent> {
    let mut known: HashSet<_> = seen
        .started
        .iter()
        .map(|event| (event.stretch, event.told.clone()))
        .collect();
    let mut last_id = seen.last_id;
    let new = events.into_iter().filter_map(|event| {
        known.insert((event.stretch, event.told.clone())).then(|| {
            last_id += 1;
            WatchEvent { id: last_id, ..event }
        })
    });
    new.collect()
}
