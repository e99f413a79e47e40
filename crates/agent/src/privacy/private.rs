//! Private mode: nothing is recorded from one instant to another, or until somebody ends it.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use domain::time::UnixMs;

use crate::files;

use super::rules::{PrivacyError, save};

const FILE: &str = "private.json";
/// The longest time that can be asked for. Without one, it lasts until it is ended.
pub const PAUSE_MAX: Duration = Duration::from_hours(24 * 366);

/// A private time. It stays in its file when it is over, so that the agent knows when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// From when.
    #[serde(rename = "since_ms", with = "unix_ms")]
    pub since: UnixMs,
    /// Until when, where that is known.
    #[serde(rename = "until_ms", with = "maybe_unix_ms")]
    pub until: Option<UnixMs>,
}

impl Private {
    /// Whether it is on. It began whatever the clock says now: one that was set back ends nothing.
    #[must_use]
    pub fn is_on(&self, now: UnixMs) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// What the file in `dir` says.
    pub fn load(dir: &Path) -> Result<Option<Self>, PrivacyError> {
        let path = dir.join(FILE);
        let Some(bytes) = files::read(&path)? else {
            return Ok(None);
        };
        let private = serde_json::from_slice(&bytes).map_err(|source| PrivacyError::Json { path, source })?;
        Ok(Some(private))
    }

    /// Writes the file in `dir`.
    pub fn save(&self, dir: &Path) -> Result<(), PrivacyError> {
        save(&dir.join(FILE), self)
    }
}

/// Starts private mode, or gives the one that is on another end.
pub fn pause(dir: &Path, now: UnixMs, length: Option<Duration>) -> Result<Private, PrivacyError> {
    let before = Private::load(dir)?.filter(|before| before.is_on(now));
    let private = Private {
        since: before.map_or(now, |before| before.since.min(now)),
        until: length.map(|length| now.after(length)),
    };
    private.save(dir)?;
    Ok(private)
}

/// Ends private mode. False if it was not on.
pub fn resume(dir: &Path, now: UnixMs) -> Result<bool, PrivacyError> {
    let Some(before) = Private::load(dir)?.filter(|before| before.is_on(now)) else {
        return Ok(false);
    };
    let until = Some(now);
    Private { until, ..before }.save(dir)?;
    Ok(true)
}

/// A length of time as people write it: `45m`, `1h30m`, `2d`, a number alone for minutes.
pub fn parse_length(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time: write 45m, 1h30m or 2d");
    let number = |digits: &str| digits.parse::<u64>().map_err(|_| wrong());
    let written = text.trim();
    let mut secs: u64 = 0;
    let mut rest = written;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
        let (amount, unit) = rest.split_at(digits);
        let amount = number(amount)?;
        let unit_secs = match unit.chars().next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            None if rest.len() == written.len() => 60,
            _ => return Err(wrong()),
        };
        secs = amount
            .checked_mul(unit_secs)
            .and_then(|part| secs.checked_add(part))
            .ok_or_else(wrong)?;
        rest = unit.get(1..).unwrap_or("");
    }
    let length = Duration::from_secs(secs);
    if length.is_zero() || length > PAUSE_MAX {
        return Err(format!(
            "{text:?} is out of bounds: 1s to {}d",
            PAUSE_MAX.as_secs() / 86_400
        ));
    }
    Ok(length)
}

mod unix_ms {
    use domain::time::UnixMs;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(at: &UnixMs, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixMs, D::Error> {
        i64::deserialize(deserializer).map(UnixMs)
    }
}

mod maybe_unix_ms {
    use domain::time::UnixMs;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the form that serde asks for")]
    pub(super) fn serialize<S: Serializer>(at: &Option<UnixMs>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| at.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixMs>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(UnixMs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, secs) in [
            ("45m", 2_700),
            ("1h30m", 5_400),
            ("2d", 172_800),
            ("90s", 90),
            ("30", 1_800),
            (" 1h ", 3_600),
            ("366d", 31_622_400),
        ] {
            assert_eq!(parse_length(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in [
            "",
            "m",
            "h1",
            "1x",
            "1h30",
            "-5m",
            "1.5h",
            "0m",
            "367d",
            "99999999999999999999h",
            "1é",
        ] {
            assert!(parse_length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pause_lasts_over_files_and_ends_by_itself_or_by_hand() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("privacy");
        let load = || Private::load(&dir).expect("read").expect("there");
        assert!(!resume(&dir, UnixMs(1)).expect("nothing to end"));
        pause(&dir, UnixMs(1_000), Some(Duration::from_secs(9))).expect("paused");
        assert_eq!(
            (load().is_on(UnixMs(9_999)), load().is_on(UnixMs(10_000))),
            (true, false)
        );
        assert!(load().is_on(UnixMs(0)), "a clock that was set back ends nothing");
        // Asked again, it is the same private time with another end.
        pause(&dir, UnixMs(2_000), None).expect("paused on");
        assert_eq!((load().since, load().until), (UnixMs(1_000), None));
        assert!(resume(&dir, UnixMs(3_000)).expect("ended"));
        assert_eq!((load().since, load().until), (UnixMs(1_000), Some(UnixMs(3_000))));
        assert!(!resume(&dir, UnixMs(3_000)).expect("over already"));
        pause(&dir, UnixMs(4_000), None).expect("paused anew");
        assert_eq!(load().since, UnixMs(4_000));
    }
}
