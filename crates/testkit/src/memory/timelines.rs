//! Everybody's timelines, in memory: the law and nothing else.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Progress, Segment, Timeline};
use ports::PortError;
use ports::reports::TimelineReader;
use ports::usage::{Merged, TimelineStore};

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
    progress: BTreeMap<(UserId, DeviceId), Progress>,
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
        let mut rows = 0;
        let mut claims: BTreeMap<UserId, Vec<Segment>> = BTreeMap::new();
        let mut through = BTreeMap::new();
        for arrival in arrivals {
            if let Arrival::Claim { claim, .. } = arrival {
                claims.entry(claim.user).or_default().push(claim.segment.clone());
            }
            if let Some((device, seq)) = arrival.numbered() {
                let progress = kept.progress.entry((arrival.user(), device)).or_default();
                let before = progress.clone();
                progress.settle([seq]);
                rows += usize::from(*progress != before);
                through.insert(device, progress.through());
            }
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
        })
    }

    async fn prepare(&self, _: Span) -> Result<(), PortError> {
        self.away.check("make room")
    }
}

#[async_trait]
impl TimelineReader for MemoryTimelines {
    async fn pieces(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
        let kept = self.kept(&format!("read the timeline of {user}"))?;
        let pieces = kept.timelines.get(&user).into_iter().flat_map(Timeline::pieces);
        Ok(pieces.filter(|piece| piece.span.clip(window).is_some()).collect())
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
        timelines.fail(false);
        assert!(timelines.pieces(user, window).await.is_ok());
    }
}
