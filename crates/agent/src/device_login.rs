//! Waits until a person has confirmed this device by the code that it shows.

use std::time::Duration;

use crate::server::{DeviceCode, Grant, Server, SignInError, Waiting};

/// How many seconds longer to wait once the server said that it was asked too often (RFC 8628, section 3.5).
const SLOWER_SECS: u64 = 5;
/// The shortest time between two questions, whatever the server says.
const INTERVAL_SECS_MIN: u64 = 1;
/// And the longest.
const INTERVAL_SECS_MAX: u64 = 60;

/// The device was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotConfirmed {
    /// The person said no.
    #[error("the device was turned down")]
    Denied,
    /// Nobody did in time.
    #[error("nobody confirmed this device in time: begin again")]
    Expired,
    /// The server could not be asked any more.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

/// Asks until the device is signed in or cannot be any more. `wait` lets time pass.
pub fn confirmed(server: &Server, code: &DeviceCode, mut wait: impl FnMut(Duration)) -> Result<Grant, NotConfirmed> {
    let mut interval_secs = code.interval;
    let mut left_secs = code.expires_in;
    loop {
        interval_secs = interval_secs.clamp(INTERVAL_SECS_MIN, INTERVAL_SECS_MAX);
        let Some(left) = left_secs.checked_sub(interval_secs) else {
            return Err(NotConfirmed::Expired);
        };
        left_secs = left;
        wait(Duration::from_secs(interval_secs));
        match server.device_token(&code.device_code) {
            Ok(Waiting::SignedIn(grant)) => return Ok(grant),
            Ok(Waiting::Denied) => return Err(NotConfirmed::Denied),
            Ok(Waiting::Expired) => return Err(NotConfirmed::Expired),
            // Without an answer, the network or the server is overrun, so the pause grows as well (section 3.5).
            Ok(Waiting::TooFast) | Err(SignInError::Unknown(_)) => interval_secs += SLOWER_SECS,
            Ok(Waiting::Pending) => {}
            Err(SignInError::Later(delay)) => {
                interval_secs += delay.map_or(SLOWER_SECS, |delay| delay.as_secs());
            }
            Err(error) => return Err(error.into()),
        }
    }
}
