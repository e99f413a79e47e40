//! Everybody's timelines, in memory: the law and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::reports::{Held, Sayings, Stint};
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Beat, Heartbeat, Progress, Segment, Timeline, claims_of};
use ports::PortError;
use ports::reports::{ContextReader, TimelineReader};
use ports::usage::{Erased, Erasures, Merged, OwnTimeline, TimelineErasure, TimelineStore};

use super::away::Away;

/// MemoryTimelines that live as long as the value.
#[derive(Debug, Default)]
pub struct MemoryTimelines {
    kept: Mutex<Kept>,
    away: Away,
}

#[derive(Debug, Default)]
struct Kept {
    timelines: BTreeMap<UserId, Timeline>,
    beats: BTreeMap<UserId, BTreeSet<Heartbeat>>,
    progress: BTreeMap<(UserId, DeviceId), Progress>,
    erased: BTreeMap<UserId, Erased>,
}

impl MemoryTimelines {
    /// From now on every call fails as if the database were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
    }

    fn kept(&self, attempted: &str) -> Result<MutexGuard<'_, Kept>, PortError> {
        self.away.check(attempted)?;
        Ok(self.kept.lock().expect("no test panicked while it merged"))
    }
}

#[async_trait]
impl TimelineStore for MemoryTimelines {
    async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError> {
        let mut kept = self.kept(&format!("merge {} pings", arrivals.len()))?;
        let (mut rows, mut erased) = (0, BTreeSet::new());
        let mut claims: BTreeMap<UserId, Vec<Segment>> = BTreeMap::new();
        let mut fresh: BTreeMap<UserId, BTreeSet<Heartbeat>> = BTreeMap::new();
        let mut through = BTreeMap::new();
        for arrival in arrivals {
            if kept.erased.contains_key(&arrival.user()) {
                erased.insert(arrival.user());
                continue;
            }
            match arrival {
                Arrival::Claim { claim, .. } => claims.entry(claim.user).or_default().push(claim.segment.clone()),
                Arrival::Heartbeat { heartbeat } => {
                    fresh.entry(heartbeat.user).or_default().insert(heartbeat.clone());
                }
                Arrival::Refused { .. } => {}
            }
            if let Some((device, seq)) = arrival.numbered() {
                let progress = kept.progress.entry((arrival.user(), device)).or_default();
                let before = progress.clone();
                progress.settle([seq]);
                rows += usize::from(*progress != before);
                through.insert(device, progress.through());
            }
        }
        for (user, fresh) in fresh {
            let known = kept.beats.entry(user).or_default();
            let fresh: Vec<_> = fresh.into_iter().filter(|beat| !known.contains(beat)).collect();
            let beats = |heartbeats: Vec<&Heartbeat>| {
                heartbeats
                    .into_iter()
                    .map(|heartbeat| heartbeat.beat.clone())
                    .collect::<Vec<_>>()
            };
            let derived = claims_of(&beats(known.iter().collect()), &beats(fresh.iter().collect()));
            claims.entry(user).or_default().extend(derived);
            rows += fresh.len();
            known.extend(fresh);
        }
        for (user, claims) in claims {
            let timeline = kept.timelines.entry(user).or_default();
            let before = pieces(timeline);
            *timeline = std::mem::take(timeline).join(Timeline::of(claims));
            let after = pieces(timeline);
            rows += before.keys().filter(|start| !after.contains_key(start)).count();
            rows += after
                .iter()
                .filter(|(start, piece)| before.get(start) != Some(piece))
                .count();
        }
        Ok(Merged {
            merged_through: through.into_iter().collect(),
            rows,
            erased: erased.into_iter().collect(),
        })
    }

    async fn prepare(&self, _: Span) -> Result<(), PortError> {
        self.away.check("make room")
    }
}

#[async_trait]
impl TimelineReader for MemoryTimelines {
    async fn stints(&self, user: UserId, window: Span) -> Result<Vec<Stint>, PortError> {
        Ok(self.pieces(user, window).await?.iter().map(Stint::from).collect())
    }

    async fn pieces(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
        let kept = self.kept(&format!("read the timeline of {user}"))?;
        let pieces = kept.timelines.get(&user).into_iter().flat_map(Timeline::pieces);
        Ok(pieces.filter(|piece| piece.span.clip(window).is_some()).collect())
    }
}

#[async_trait]
impl ContextReader for MemoryTimelines {
    async fn held(&self, user: UserId, window: Span) -> Result<Vec<Held>, PortError> {
        let pieces = self.pieces(user, window).await?;
        let kept = self.kept(&format!("read what heartbeats of {user} said"))?;
        let beats = kept.beats.get(&user).into_iter().flatten().cloned();
        let sayings = Sayings::of(beats.collect());
        Ok(pieces.iter().filter_map(|piece| sayings.held(piece)).collect())
    }

    async fn heartbeats(&self, user: UserId, window: Span) -> Result<Vec<Heartbeat>, PortError> {
        let kept = self.kept(&format!("read the heartbeats of {user}"))?;
        let within = |beat: &&Heartbeat| (window.start()..window.end()).contains(&beat.beat.at);
        let beats = kept.beats.get(&user).into_iter().flatten().filter(within);
        let mut beats: Vec<_> = beats.cloned().collect();
        beats.sort_by_key(|beat| beat.beat.at);
        Ok(beats)
    }

    async fn first_heartbeat(&self, user: UserId) -> Result<Option<UnixMs>, PortError> {
        let kept = self.kept(&format!("read when the first heartbeat of {user} was"))?;
        let beats = kept.beats.get(&user).into_iter().flatten();
        Ok(beats.map(|beat| beat.beat.at).min())
    }
}

#[async_trait]
impl OwnTimeline for MemoryTimelines {
    async fn stored(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
        self.pieces(user, window).await
    }

    async fn beats(&self, user: UserId, near: &[(DeviceId, Span)]) -> Result<Vec<Beat>, PortError> {
        let kept = self.kept(&format!("read the points of {user}"))?;
        let is_near = |beat: &Beat| {
            near.iter()
                .any(|(device, span)| *device == beat.device && (span.start()..span.end()).contains(&beat.at))
        };
        let beats = kept.beats.get(&user).into_iter().flatten().map(|known| &known.beat);
        Ok(beats.filter(|beat| is_near(beat)).cloned().collect())
    }
}

#[async_trait]
impl TimelineErasure for MemoryTimelines {
    async fn erase(&self, user: UserId, now: UnixMs) -> Result<(), PortError> {
        let mut kept = self.kept(&format!("erase the timeline of {user}"))?;
        kept.timelines.remove(&user);
        kept.beats.remove(&user);
        let theirs = kept.progress.keys().filter(|(owner, _)| *owner == user);
        let devices = theirs.map(|(_, device)| *device).collect();
        kept.progress.retain(|(owner, _), _| *owner != user);
        let erased = Erased { user, at: now, devices };
        // Who was erased before has numbered no ping since that was kept.
        let known = kept.erased.entry(user).or_insert(erased);
        known.at = known.at.max(now);
        Ok(())
    }
}

#[async_trait]
impl Erasures for MemoryTimelines {
    async fn before(&self, instant: UnixMs, limit: usize) -> Result<Vec<Erased>, PortError> {
        let kept = self.kept(&format!("read who was erased before {instant}"))?;
        let mut erased: Vec<_> = kept
            .erased
            .values()
            .filter(|erased| erased.at < instant)
            .cloned()
            .collect();
        erased.sort_by_key(|erased| (erased.at, erased.user));
        erased.truncate(limit);
        Ok(erased)
    }

    async fn forget(&self, erased: &[Erased]) -> Result<(), PortError> {
        let mut kept = self.kept(&format!("forget that {} people were erased", erased.len()))?;
        for past in erased {
            if kept.erased.get(&past.user).is_some_and(|known| known.at == past.at) {
                kept.erased.remove(&past.user);
            }
        }
        Ok(())
    }
}

fn pieces(timeline: &Timeline) -> BTreeMap<UnixMs, Segment> {
    timeline.pieces().map(|piece| (piece.span.start(), piece)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::timelines_contract!(((), MemoryTimelines::default()));

    #[tokio::test]
    async fn while_it_is_away_every_call_is_unavailable() {
        let timelines = MemoryTimelines::default();
        timelines.fail(true);
        let window = Span::new(UnixMs(0), UnixMs(1)).expect("not empty");
        let user = UserId(uuid::Uuid::from_u128(1));
        assert!(timelines.merge(&[]).await.expect_err("away").is_unavailable());
        assert!(timelines.prepare(window).await.expect_err("away").is_unavailable());
        assert!(timelines.pieces(user, window).await.expect_err("away").is_unavailable());
        assert!(timelines.held(user, window).await.expect_err("away").is_unavailable());
        assert!(timelines.stored(user, window).await.expect_err("away").is_unavailable());
        assert!(timelines.beats(user, &[]).await.expect_err("away").is_unavailable());
        assert!(
            timelines
                .heartbeats(user, window)
                .await
                .expect_err("away")
                .is_unavailable()
        );
        assert!(
            timelines
                .erase(user, UnixMs(0))
                .await
                .expect_err("away")
                .is_unavailable()
        );
        assert!(timelines.before(UnixMs(0), 1).await.expect_err("away").is_unavailable());
        assert!(timelines.forget(&[]).await.expect_err("away").is_unavailable());
        timelines.fail(false);
        assert!(timelines.pieces(user, window).await.is_ok());
    }
}
