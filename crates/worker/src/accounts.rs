//! What a node that checks access tokens does all the time: hears which sessions have ended, and reads it where nobody could announce it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ports::accounts::{DeviceCodes, SecurityLog};
use ports::{Clock, PortError};
use services::accounts::{FollowStandings, KeyRing, RelayEnded, Standings};
use tokio::time::sleep;

use crate::pace::Outage;

/// How long after it failed hearing is tried again: nobody is let in meanwhile.
const HEAR_AGAIN: Duration = Duration::from_millis(50);
/// How often ended sessions are read from where they are kept.
const RELAY_EVERY: Duration = Duration::from_secs(1);
/// How often it is measured how much is known.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// How often it is kept when API keys were used last.
const KEEP_USES_EVERY: Duration = Duration::from_mins(1);
/// How often old attempts at addresses that nobody has are forgotten.
const SHORTEN_EVERY: Duration = Duration::from_hours(1);
/// How often devices are forgotten that waited in vain to be confirmed.
const FORGET_DEVICES_EVERY: Duration = Duration::from_mins(10);
/// How old they become.
const ATTEMPTS_KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// The work of one node.
pub struct KeepStandings {
    /// Hears.
    pub follow: FollowStandings,
    /// Reads and announces.
    pub relay: RelayEnded,
    /// What both fill.
    pub standings: Arc<Standings>,
}

impl KeepStandings {
    /// Hears and reads all that there is, so that everything is known. To be called before anybody is let in.
    ///
    /// # Errors
    /// When one of the two cannot be done.
    pub async fn catch_up(&mut self) -> Result<(), PortError> {
        while !self.follow.follow().await? {}
        self.relay.relay().await
    }

    /// Goes on with it for ever; whatever fails is tried again.
    pub async fn go_on(self) -> Infallible {
        tokio::select! {
            never = keep_following(self.follow) => never,
            never = keep_relaying(self.relay) => never,
            never = keep_measured(&self.standings) => never,
        }
    }
}

/// Keeps, every minute and for ever, when the API keys that this node has seen were used last. What could not be kept is noted again when a key is used again.
pub async fn keep_key_uses(keys: Arc<KeyRing>) -> Infallible {
    let outage = Outage::of("noting when API keys were used");
    loop {
        sleep(KEEP_USES_EVERY).await;
        match keys.keep_uses().await {
            Ok(()) => outage.over(),
            Err(error) => outage.noticed(&error),
        }
    }
}

/// Forgets, every hour and for ever, old attempts to sign in with addresses that nobody has.
pub async fn keep_log_short(log: Arc<dyn SecurityLog>, clock: Arc<dyn Clock>) -> Infallible {
    let outage = Outage::of("shortening the security log");
    loop {
        match log.forget_nobody_before(clock.now().before(ATTEMPTS_KEPT_FOR)).await {
            Ok(()) => outage.over(),
            Err(error) => outage.noticed(&error),
        }
        sleep(SHORTEN_EVERY).await;
    }
}

/// Forgets, every ten minutes and for ever, devices that waited in vain to be confirmed.
pub async fn keep_device_codes_few(codes: Arc<dyn DeviceCodes>, clock: Arc<dyn Clock>) -> Infallible {
    let outage = Outage::of("forgetting devices that waited in vain");
    loop {
        match codes.forget_expired(clock.now()).await {
            Ok(()) => outage.over(),
            Err(error) => outage.noticed(&error),
        }
        sleep(FORGET_DEVICES_EVERY).await;
    }
}

async fn keep_following(mut follow: FollowStandings) -> Infallible {
    let outage = Outage::of("hearing which sessions have ended");
    loop {
        match follow.follow().await {
            Ok(_) => outage.over(),
            Err(error) => {
                outage.noticed(&error);
                sleep(HEAR_AGAIN).await;
            }
        }
    }
}

async fn keep_relaying(mut relay: RelayEnded) -> Infallible {
    let outage = Outage::of("reading which sessions have ended");
    loop {
        match relay.relay().await {
            Ok(()) => outage.over(),
            Err(error) => outage.noticed(&error),
        }
        sleep(RELAY_EVERY).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 sessions")]
async fn keep_measured(standings: &Standings) -> Infallible {
    loop {
        let age = standings.age().map_or(f64::INFINITY, |age| age.as_secs_f64());
        metrics::gauge!("daybook_standing_age_seconds").set(age);
        metrics::gauge!("daybook_ended_sessions").set(standings.ended() as f64);
        sleep(MEASURE_EVERY).await;
    }
}
