//! How a bucket's events are changed: what was seen, what is made of it, and again where somebody was quicker.

use domain::accounts::Caller;
use domain::usage::Label;
use ports::PortError;
use ports::trackers::{Edit, EditOutcome, Look, Seen};

use crate::accounts::InForce;

use super::{ActivityWatch, WatchError, named, watcher};

/// How often something is tried that others change at the same time.
pub(super) const ATTEMPTS_MAX: usize = 16;
/// How many steps are claimed before an answer: three weeks of somebody's working days. What is left is claimed with the next request, or by whoever looks after all devices.
const STEPS_MAX: usize = 64;

impl ActivityWatch {
    /// Forgets the event of that number. What was claimed of it stays.
    ///
    /// # Errors
    /// [`WatchError::NoBucket`], [`WatchError::NoEvent`], or something outside.
    pub async fn delete_event(&self, caller: &Caller, bucket: &str, id: i64) -> Result<(), WatchError> {
        for _ in 0..ATTEMPTS_MAX {
            let seen = self.seen(caller, bucket, &named(vec![id])).await?;
            if seen.named.is_empty() {
                return Err(WatchError::NoEvent);
            }
            let edit = Edit {
                removed: vec![id],
                ..self.nothing(caller, &seen)
            };
            if self.is_kept(caller, bucket, &edit).await? {
                return Ok(());
            }
        }
        Err(contended())
    }

    pub(super) async fn seen(&self, caller: &Caller, bucket: &str, look: &Look) -> Result<Seen, WatchError> {
        let seen = self.events.look(watcher(caller), bucket, look).await?;
        seen.ok_or(WatchError::NoBucket)
    }

    /// A change that changes nothing, yet.
    pub(super) fn nothing(&self, caller: &Caller, seen: &Seen) -> Edit {
        Edit {
            seen: seen.version,
            last_id: seen.last_id,
            removed: Vec::new(),
            put: Vec::new(),
            touched: Vec::new(),
            precedence: caller.precedence,
            now: self.claims.clock.now(),
        }
    }

    /// False where it has to be decided again, because somebody was quicker.
    pub(super) async fn is_kept(&self, caller: &Caller, bucket: &str, edit: &Edit) -> Result<bool, WatchError> {
        if edit.removed.is_empty() && edit.put.is_empty() {
            return Ok(true);
        }
        let outcome = self.events.keep(watcher(caller), bucket, edit).await?;
        Ok(outcome == EditOutcome::Kept)
    }

    /// Claims what is marked. What cannot be claimed now stays marked, and is claimed with the device's next request or by whoever looks after all devices.
    pub(super) async fn claim(&self, caller: &Caller, in_force: &InForce) {
        let admits = |label: &mut Label| in_force.admits(label);
        if let Err(error) = self.claims.claim(watcher(caller), STEPS_MAX, &admits).await {
            tracing::debug!(
                user.id = %caller.user,
                error = error.chain(),
                "what a watcher told is kept, and has to wait to be claimed"
            );
        }
    }
}

pub(super) fn contended() -> WatchError {
    let attempted = "change a bucket that others change all the time";
    WatchError::Outside(PortError::unavailable(attempted, "somebody was quicker every time"))
}
