//! Reads instants as trackers write them: seconds since 1970 with a fraction, as a number or as text; and where one counts in smaller units, those.

use chrono::DateTime;

use crate::time::{SECOND_MS, UnixMs};

/// From here on it is no number of seconds: the year 5138.
const MILLIS_FROM: u64 = 100_000_000_000;
/// From here on it is no number of milliseconds.
const MICROS_FROM: u64 = MILLIS_FROM * 1_000;
/// From here on it is no number of microseconds.
const NANOS_FROM: u64 = MICROS_FROM * 1_000;

/// The instant that a JSON number, or a text with one or with an RFC 3339 instant, stands for, cut to the millisecond; `None` for anything else, or before 1970.
#[must_use]
pub fn instant(text: &str) -> Option<UnixMs> {
    let text = text.trim();
    let ms = plain(text).or_else(|| scientific(text));
    ms.map(UnixMs).or_else(|| in_words(text))
}

fn in_words(text: &str) -> Option<UnixMs> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(UnixMs::floor(at.to_utc()))
}

/// Digits, and perhaps a point and more of them: read as they stand, since a fraction in binary may be a millisecond short.
fn plain(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let thousandths = fraction.bytes().chain(*b"000").take(3);
    let thousandths = thousandths.fold(0, |sum, digit| 10 * sum + u64::from(digit - b'0'));
    let ms = if whole < MILLIS_FROM {
        whole * SECOND_MS.unsigned_abs() + thousandths
    } else if whole < MICROS_FROM {
        whole
    } else if whole < NANOS_FROM {
        whole / 1_000
    } else {
        whole / 1_000_000
    };
    i64::try_from(ms).ok()
}

/// A number with an exponent: it is rounded, which is as good as it gets.
fn scientific(text: &str) -> Option<i64> {
    if !text.contains(['e', 'E']) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    // What has no such digits is no instant of this age of the world.
    let is_instant = (0.0..1e20).contains(&number);
    is_instant.then(|| format!("{number:.3}")).as_deref().and_then(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(text: &str) -> Option<i64> {
        instant(text).map(|at| at.0)
    }

    #[test]
    fn seconds_are_read_to_the_millisecond_as_they_are_written() {
        for (text, is) in [
            ("1795363200", 1_795_363_200_000),
            ("1795363200.0", 1_795_363_200_000),
            ("1795363200.123", 1_795_363_200_123),
            ("1795363200.1239999", 1_795_363_200_123),
            ("1795363200.5", 1_795_363_200_500),
            ("1795363200.", 1_795_363_200_000),
            (" 1795363200.029 ", 1_795_363_200_029),
            ("1.7953632001234e9", 1_795_363_200_123),
            ("1.7953632E+9", 1_795_363_200_000),
            ("0", 0),
        ] {
            assert_eq!(ms(text), Some(is), "{text}");
        }
    }

    #[test]
    fn smaller_units_are_repaired() {
        for text in [
            "1795363200123",
            "1795363200123.7",
            "1795363200123456",
            "1795363200123456789",
            "1.795363200123e12",
        ] {
            assert_eq!(ms(text), Some(1_795_363_200_123), "{text}");
        }
        assert_eq!(ms("99999999999"), Some(99_999_999_999_000));
        assert_eq!(ms("100000000000"), Some(100_000_000_000));
        assert_eq!(ms("99999999999999"), Some(99_999_999_999_999));
        assert_eq!(ms("100000000000000"), Some(100_000_000_000));
        assert_eq!(ms("100000000000000000"), Some(100_000_000_000));
    }

    #[test]
    fn an_instant_in_words_is_one_too() {
        assert_eq!(ms("2026-03-01T09:00:00.250+01:00"), Some(1_772_352_000_250));
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "", " ", "-1", "-0.5", "NaN", "inf", "1e300", "-1e9", "1.2.3", ".5", "0x10", "1,5", "now", "true", "١",
            "1e",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
        assert_eq!(ms(&"9".repeat(400)), None);
    }

    proptest! {
        #[test]
        fn every_millisecond_of_this_age_is_read_in_every_unit(at in 100_000_000_000_i64..10_000_000_000_000) {
            prop_assert_eq!(ms(&format!("{}.{:03}", at / 1_000, at % 1_000)), Some(at));
            prop_assert_eq!(ms(&at.to_string()), Some(at));
            prop_assert_eq!(ms(&format!("{at}999")), Some(at));
            prop_assert_eq!(ms(&format!("{at}999999")), Some(at));
        }

        #[test]
        fn any_text_is_an_instant_or_none(text in "[-+.eE0-9 T:Z]{0,24}") {
            let _ = instant(&text);
        }
    }
}
