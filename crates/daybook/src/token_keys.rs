//! Keeps the keys of access tokens young while an API node runs.

use std::sync::Arc;
use std::time::Duration;

use adapters::crypto::SignedAccessTokens;
use adapters::key_rotation::KeyRotation;
use adapters::postgres::TokenKeys;
use ports::{Clock, Ids};
use tokio::time::MissedTickBehavior;

use crate::failure::Failure;

/// How often a node loads the keys. A new key signs ten minutes after it was made, so each node has tried ten times by then.
const PERIOD: Duration = Duration::from_mins(1);

/// The access tokens of a node; their keys are kept on the present runtime until it ends.
pub async fn start(
    keys: TokenKeys,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> Result<Arc<SignedAccessTokens>, Failure> {
    let rotation = KeyRotation::start(keys, clock, ids).await;
    let rotation = rotation.map_err(Failure::because("no key to sign access tokens with"))?;
    let tokens = rotation.tokens();
    tokio::spawn(turn(rotation));
    Ok(tokens)
}

async fn turn(rotation: KeyRotation) {
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first is over at once, and the keys are just loaded.
    period.tick().await;
    loop {
        period.tick().await;
        if let Err(error) = rotation.turn().await {
            tracing::warn!(error = %error.chain(), "the keys of access tokens are those of before");
        }
    }
}
