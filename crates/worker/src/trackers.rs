//! What is left to do for trackers that people already have: claims that a node left behind, and events that are too old.

use std::convert::Infallible;
use std::time::Duration;

use services::trackers::KeepWatched;
use tokio::time::{Instant, sleep};

use crate::pace::Outage;

/// How often it is looked for what a node left behind.
const CLAIM_EVERY: Duration = Duration::from_secs(5);
/// How often what is too old is forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Claims, every few seconds and for ever, what a node left behind of what ActivityWatch's watchers told, and forgets every hour what is too old.
pub async fn keep_watched(keep: KeepWatched) -> Infallible {
    let claiming = Outage::of("claiming what watchers told");
    let forgetting = Outage::of("forgetting what watchers told long ago");
    let mut forget_at = Instant::now();
    loop {
        match keep.claim_left_behind().await {
            Ok(devices) => {
                claiming.over();
                if devices > 0 {
                    tracing::debug!(devices, "claimed what requests had left of what watchers told");
                }
            }
            Err(error) => claiming.noticed(&error),
        }
        if Instant::now() >= forget_at {
            forget_at = Instant::now() + FORGET_EVERY;
            match keep.forget_old().await {
                Ok(_) => forgetting.over(),
                Err(error) => forgetting.noticed(&error),
            }
        }
        sleep(CLAIM_EVERY).await;
    }
}
