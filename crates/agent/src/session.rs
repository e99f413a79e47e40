//! What the agent remembers between two starts beside its pings: the name of its device, and the tokens of its session.

use std::path::Path;

use serde::{Deserialize, Serialize};

use domain::time::UnixMs;

use crate::files::{self, FileError};
use crate::secret::Secret;

const DEVICE_FILE: &str = "device.json";

/// The name that this device gave itself. Made once: a new one would be a new device to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Goes into `X-Device-Id`.
    pub device_id: String,
}

/// A session at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The address of the server that gave the tokens. They go nowhere else.
    pub server: String,
    /// Whose session it is.
    pub email: String,
    /// The tokens.
    pub tokens: Tokens,
}

/// What signs requests, and what gets the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Signs requests.
    pub access_token: Secret,
    /// Until when, in Unix milliseconds on this machine's clock.
    pub access_until_ms: i64,
    /// Good for one use.
    pub refresh_token: Secret,
}

impl Device {
    /// The device of this data directory; made from `random` if it has none yet.
    pub fn load_or_make(dir: &Path, random: impl FnOnce() -> u128) -> Result<Self, FileError> {
        if let Some(device) = Self::load(dir)? {
            return Ok(device);
        }
        let device = Self {
            device_id: format!("daybook-agent-{:032x}", random()),
        };
        files::replace(&dir.join(DEVICE_FILE), &files::json(&device))?;
        Ok(device)
    }

    /// The device of this data directory, if it has one.
    pub fn load(dir: &Path) -> Result<Option<Self>, FileError> {
        files::load(&dir.join(DEVICE_FILE))
    }
}

impl Tokens {
    /// Whether the access token is good for a while yet, as far as this machine's clock can tell.
    #[must_use]
    pub fn are_fresh(&self, now: UnixMs) -> bool {
        const MARGIN_MS: i64 = 10_000;
        now.plus_ms(MARGIN_MS).0 < self.access_until_ms
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_device_is_named_once() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(Device::load(dir.path()).expect("read"), None);
        let device = Device::load_or_make(dir.path(), || 0xABC).expect("made");
        assert_eq!(device.device_id, "daybook-agent-00000000000000000000000000000abc");
        let again = Device::load_or_make(dir.path(), || unreachable!("there is one")).expect("read");
        assert_eq!(again, device);
        fs::write(dir.path().join(DEVICE_FILE), "{").expect("damaged");
        assert_ne!(Device::load_or_make(dir.path(), || 1).expect("made anew"), device);
    }

    #[test]
    fn a_token_is_fresh_until_shortly_before_its_end() {
        let tokens = Tokens {
            access_token: Secret::new("hush".to_owned()),
            access_until_ms: 900_000,
            refresh_token: Secret::new("hush".to_owned()),
        };
        assert!(!format!("{tokens:?}").contains("hush"));
        assert!(tokens.are_fresh(UnixMs(889_999)));
        assert!(!tokens.are_fresh(UnixMs(890_000)));
    }
}
