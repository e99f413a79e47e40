//! Lets a read wait for what its caller sent a moment before: their clients write and read at once.

use std::time::Duration;

use domain::accounts::Caller;
use ports::PortError;
use ports::usage::PendingPings;
use tokio::time::{sleep, timeout};

use crate::Services;

/// How long a read waits at most. A status bar is not worth more.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Waits until what waits of the caller's now is in their timeline, or for as long as anybody waits. Where that cannot be known, the read goes on with what there
/// is.
pub(super) async fn merged(services: &Services, caller: &Caller) {
    let waited = timeout(WAIT_MAX, settled(services.pending.as_ref(), caller)).await;
    if let Ok(Err(error)) = waited {
        tracing::debug!(
            error = error.chain(),
            "what of the caller's waits to be merged is not known"
        );
    }
}

async fn settled(queue: &dyn PendingPings, caller: &Caller) -> Result<(), PortError> {
    let mut pending = queue.of(caller.user).await?;
    while !pending.is_empty() {
        sleep(LOOK_EVERY).await;
        pending = queue.still(pending).await?;
    }
    Ok(())
}
