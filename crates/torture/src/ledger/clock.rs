//! The wall clock, which is the servers' own: they run on this machine.

use std::time::{Duration, SystemTime};

use domain::time::UnixMs;

/// What the time is.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the servers under test run on the system's clock, and so must their clients"
)]
pub fn now() -> UnixMs {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
