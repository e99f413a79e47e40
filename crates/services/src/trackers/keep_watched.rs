//! Looks after what all watchers told: claims what a node left behind, and forgets what is too old to be claimed.

use std::sync::Arc;
use std::time::Duration;

use domain::privacy::Screening;
use ports::PortError;
use ports::accounts::PrivacyStore;
use ports::trackers::{WatchUpkeep, Watcher};

use super::ClaimWatched;

/// How old a mark is of which nobody takes care any more, or no request alone can.
const LEFT_AFTER: Duration = Duration::from_secs(10);
/// Of how many devices is taken care at a time.
const DEVICES_MAX: usize = 100;
/// How many steps are claimed of one device at a time: three months.
const STEPS_MAX: usize = 400;
/// How many events are forgotten at once.
const FORGOTTEN_AT_ONCE: usize = 10_000;
/// How often in a row, at most.
const FORGETS_MAX: usize = 100;

/// The use case; safe on every replica, as often as one likes.
#[derive(Clone)]
pub struct KeepWatched {
    /// Makes claims.
    pub claims: ClaimWatched,
    /// Finds what is left and what is old.
    pub upkeep: Arc<dyn WatchUpkeep>,
    /// What people want kept from the record.
    pub privacy: Arc<dyn PrivacyStore>,
}

impl KeepWatched {
    /// Claims what was left behind, and answers of how many devices.
    ///
    /// # Errors
    /// When something is away: the last that failed, after all others were taken care of.
    pub async fn claim_left_behind(&self) -> Result<usize, PortError> {
        let now = self.claims.clock.now();
        let marked = now.before(LEFT_AFTER);
        let left = self.upkeep.left_behind(marked, now, DEVICES_MAX).await?;
        let mut failed = None;
        for of in &left {
            failed = self.claim(*of).await.err().or(failed);
        }
        failed.map_or(Ok(left.len()), Err)
    }

    async fn claim(&self, of: Watcher) -> Result<(), PortError> {
        let rules = self.privacy.rules(of.user).await?.rules;
        self.claims
            .claim(of, STEPS_MAX, &|label| Screening::under(Some(&rules)).admits(label))
            .await
    }

    /// Forgets what ended before anything may be claimed, and answers how many events that were.
    ///
    /// # Errors
    /// When the storage is away; what is left is forgotten the next time.
    pub async fn forget_old(&self) -> Result<u64, PortError> {
        let before = self.claims.clock.now().before(self.claims.rules.age_max);
        let mut forgotten = 0;
        for _ in 0..FORGETS_MAX {
            let some = self.upkeep.forget_events(before, FORGOTTEN_AT_ONCE).await?;
            forgotten += some;
            if some < FORGOTTEN_AT_ONCE as u64 {
                break;
            }
        }
        Ok(forgotten)
    }
}
