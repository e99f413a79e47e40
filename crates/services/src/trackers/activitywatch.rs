//! What ActivityWatch's server does with buckets and events, for the watchers of one device: kept as far as it counts and may be named, and claimed at once.
//!
//! Whoever is told that something is kept will see it in the timeline: what it touched is marked with it, and claimed from the marks.

mod change;
mod heartbeat;
mod insert;
mod room;

use std::sync::Arc;

use domain::accounts::Caller;
use domain::time::UnixMs;
use domain::trackers::activitywatch::{Stretch, Tells, Told};
use domain::usage::Label;
use ports::PortError;
use ports::trackers::{
    BUCKETS_MAX, BucketOutcome, EVENTS_MAX, EventWindow, Look, WatchBucket, WatchBuckets, WatchEvent, WatchEvents,
    Watcher,
};

use crate::accounts::{InForce, RulesInForce};

use super::claim_watched::ClaimWatched;

/// How far after the server's clock an event may begin. What cannot be claimed yet is claimed when it can be.
const AHEAD_MAX_MS: i64 = 86_400_000;

/// The use case.
#[derive(Clone)]
pub struct ActivityWatch {
    /// Where buckets are kept.
    pub buckets: Arc<dyn WatchBuckets>,
    /// Where their events are.
    pub events: Arc<dyn WatchEvents>,
    /// Makes claims of them.
    pub claims: ClaimWatched,
    /// What people want kept from the record.
    pub privacy: Arc<RulesInForce>,
}

/// An event that somebody sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentEvent {
    /// Its number, where it has one.
    pub id: Option<i64>,
    /// When it was.
    pub stretch: Stretch,
    /// What it tells.
    pub tells: Tells,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The device has no bucket of that name.
    #[error("there is no bucket of that name")]
    NoBucket,
    /// The bucket has no event of that number.
    #[error("there is no event of that number in the bucket")]
    NoEvent,
    /// The device has as many buckets as it may.
    #[error(
        "the device has {BUCKETS_MAX} buckets, which is the most: delete one that nobody sends to, or use a key of its own for each machine"
    )]
    TooManyBuckets,
    /// The bucket would hold more events than it may, because too few of those that it holds may go.
    #[error(
        "a bucket holds at most {EVENTS_MAX} events, and this would be more: too few of its oldest may go, which are those whose windows and presence are known, and claimed, and those of which nothing may be claimed any more"
    )]
    TooManyEvents,
    /// An event ended longer ago than anything may be claimed.
    #[error("an event ended before {0}, which is as far back as events are taken here")]
    TooOld(UnixMs),
    /// An event begins too far ahead of the server's clock.
    #[error("an event begins more than a day after the server's clock, which says {0}")]
    InFuture(UnixMs),
    /// Something outside.
    #[error(transparent)]
    Outside(#[from] PortError),
}

impl ActivityWatch {
    /// The buckets of the caller's device.
    ///
    /// # Errors
    /// Something outside.
    pub async fn buckets(&self, caller: &Caller) -> Result<Vec<WatchBucket>, WatchError> {
        Ok(self.buckets.buckets(watcher(caller), None).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], or something outside.
    pub async fn bucket(&self, caller: &Caller, id: &str) -> Result<WatchBucket, WatchError> {
        let found = self.buckets.buckets(watcher(caller), Some(id)).await?;
        found.into_iter().next().ok_or(WatchError::NoBucket)
    }

    /// Makes a bucket. False if there is one of that name, which stays as it is.
    ///
    /// # Errors
    /// [`WatchError::TooManyBuckets`], or something outside.
    pub async fn create(&self, caller: &Caller, bucket: &WatchBucket) -> Result<bool, WatchError> {
        let now = self.claims.clock.now();
        // Nothing of it may be claimed any more.
        let silent_since = now.before(self.claims.rules.age_max);
        match self
            .buckets
            .create(watcher(caller), bucket, (silent_since, now))
            .await?
        {
            BucketOutcome::Made => Ok(true),
            BucketOutcome::There => Ok(false),
            BucketOutcome::TooMany => Err(WatchError::TooManyBuckets),
        }
    }

    /// Keeps other properties of a bucket.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], or something outside.
    pub async fn change(&self, caller: &Caller, bucket: &WatchBucket) -> Result<(), WatchError> {
        let is_there = self.buckets.change(watcher(caller), bucket).await?;
        is_there.then_some(()).ok_or(WatchError::NoBucket)
    }

    /// Forgets a bucket and its events. What was claimed of them stays.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], or something outside.
    pub async fn delete(&self, caller: &Caller, id: &str) -> Result<(), WatchError> {
        let is_there = self.buckets.delete(watcher(caller), id).await?;
        is_there.then_some(()).ok_or(WatchError::NoBucket)
    }

    /// The events of a window, cut to it, newest first.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], or something outside.
    pub async fn events(
        &self,
        caller: &Caller,
        bucket: &str,
        window: EventWindow,
    ) -> Result<Vec<WatchEvent>, WatchError> {
        self.bucket(caller, bucket).await?;
        let mut events = self.events.events(watcher(caller), bucket, window).await?;
        for event in &mut events {
            event.stretch.start_us = event.stretch.start_us.max(window.from_us);
            event.stretch.end_us = event.stretch.end_us.min(window.to_us);
        }
        Ok(events)
    }

    /// How many events there are in a window.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], or something outside.
    pub async fn count(&self, caller: &Caller, bucket: &str, window: EventWindow) -> Result<u64, WatchError> {
        self.bucket(caller, bucket).await?;
        Ok(self.events.count(watcher(caller), bucket, window).await?)
    }

    /// The event of that number.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], [`WatchError::NoEvent`], or something outside.
    pub async fn event(&self, caller: &Caller, bucket: &str, id: i64) -> Result<WatchEvent, WatchError> {
        let seen = self.seen(caller, bucket, &named(vec![id])).await?;
        seen.named.into_iter().next().ok_or(WatchError::NoEvent)
    }

    /// The part of an event that may be claimed, now or some time.
    fn taken(&self, stretch: Stretch) -> Result<Stretch, WatchError> {
        let now = self.claims.clock.now();
        let oldest = now.before(self.claims.rules.age_max);
        if stretch.ms().1 < oldest {
            return Err(WatchError::TooOld(oldest));
        }
        if stretch.ms().1 > now.plus_ms(AHEAD_MAX_MS) {
            return Err(WatchError::InFuture(now));
        }
        let start_us = stretch.start_us.max(oldest.0.saturating_mul(1_000));
        Ok(Stretch {
            start_us: start_us.min(stretch.end_us),
            ..stretch
        })
    }
}

/// What of it may be named: what is excluded or hidden leaves only that something was there.
fn admitted(told: Told, in_force: &InForce) -> Told {
    match told {
        Told::App(app_name) => {
            let domain = None;
            let mut label = Label { app_name, domain };
            if in_force.admits(&mut label) {
                Told::App(label.app_name)
            } else {
                Told::Nothing
            }
        }
        Told::Site(site) => in_force.admitted_site(site).map_or(Told::Nothing, Told::Site),
        other => other,
    }
}

fn watcher(caller: &Caller) -> Watcher {
    Watcher {
        user: caller.user,
        device: caller.device,
    }
}

/// A look at nothing but the events of these numbers.
fn named(ids: Vec<i64>) -> Look {
    Look {
        at_us: i64::MIN,
        until_us: i64::MIN,
        limit: 0,
        ids,
        starts_us: Vec::new(),
    }
}
