//! Looks at a load again and again, from outside of the programs: what is in the timeline, in the queue and in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::accounts::Caller;
use testkit::runs::Failure;

use crate::progress::say;
use crate::stage::Stage;

/// What was seen at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// How long after the beginning.
    pub(super) at: Duration,
    /// Pings that were accepted until then.
    pub(super) accepted: u64,
    /// Of these, how many were in the timeline.
    pub(super) merged: u64,
    /// The age of the oldest entry of the queue.
    pub(super) oldest: Duration,
    /// The memory of the API.
    pub(super) api_bytes: u64,
    /// The memory of the worker.
    pub(super) worker_bytes: u64,
}

impl Seen {
    /// What was accepted and not in the timeline.
    pub(super) fn backlog(&self) -> u64 {
        self.accepted.saturating_sub(self.merged)
    }
}

/// Those who look.
pub(super) struct Watch<'a> {
    people: &'a [Caller],
    accepted: Arc<AtomicU64>,
    every: Duration,
    began: Instant,
    due: Instant,
    seen: Vec<Seen>,
}

impl<'a> Watch<'a> {
    /// From now on, at `people` of whom so many pings were accepted.
    pub(super) fn begin(people: &'a [Caller], accepted: Arc<AtomicU64>, every: Duration) -> Self {
        let now = Instant::now();
        Self {
            people,
            accepted,
            every,
            began: now,
            due: now + every,
            seen: Vec::new(),
        }
    }

    /// Looks, when it is time to, and says what it saw.
    pub(super) fn look_if_due(&mut self, stage: &mut Stage) -> Result<(), Failure> {
        if Instant::now() < self.due {
            return Ok(());
        }
        self.due += self.every;
        let oldest = stage.oldest()?;
        // In this order, the backlog is never told too small.
        let merged = self.merged(stage)?;
        let accepted = self.accepted.load(Ordering::Relaxed);
        let (api, worker) = stage.resident()?;
        let seen = Seen {
            at: self.began.elapsed(),
            accepted,
            merged,
            oldest,
            api_bytes: api.now,
            worker_bytes: worker.now,
        };
        say(&format!(
            "{:>5} s: accepted {accepted}, merged {merged}, backlog {}, oldest {} ms, API {} MB, worker {} MB",
            seen.at.as_secs(),
            seen.backlog(),
            oldest.as_millis(),
            api.now / 1_000_000,
            worker.now / 1_000_000
        ));
        self.seen.push(seen);
        Ok(())
    }

    /// What was seen so far.
    pub(super) fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// All pings are numbered, and each person has one device: its number is how many of them are merged. It stands beside the open piece, or for itself.
    fn merged(&self, stage: &Stage) -> Result<u64, Failure> {
        let ids: Vec<_> = self.people.iter().map(|caller| caller.user.0).collect();
        let statement = "SELECT coalesce(sum(merged_through), 0)::bigint FROM (
                SELECT merged_through FROM usage_progress WHERE user_id = ANY($1)
                UNION ALL SELECT merged_through FROM usage_open WHERE user_id = ANY($1)
            ) AS numbers";
        let (runtime, client) = stage.database();
        let row = runtime.block_on(client.query_one(statement, &[&ids]));
        let merged: Result<i64, _> = row.and_then(|row| row.try_get(0));
        merged
            .map(i64::unsigned_abs)
            .map_err(Failure::because("could not ask how many pings are merged"))
    }
}
