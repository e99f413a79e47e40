//! Reads days, instants and zones as requests write them.

use chrono::{DateTime, NaiveDate};
use domain::fault::Fault;
use domain::reports::Zone;
use domain::time::UnixMs;

/// The instant of an RFC 3339 text with any offset, cut to the millisecond. A leap second is the first second of the next minute, as in Unix time.
pub(crate) fn instant_of(text: &str) -> Option<UnixMs> {
    // The parser takes a minus sign for a hyphen, which RFC 3339 does not.
    let text = Some(text).filter(|text| text.is_ascii())?;
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(UnixMs::floor(at.to_utc()))
}

/// [`instant_of`] the text.
///
/// # Errors
/// A fault of `field`.
pub(crate) fn instant(field: &'static str, text: &str) -> Result<UnixMs, Fault> {
    instant_of(text).ok_or_else(|| {
        let detail =
            "must be an instant in RFC 3339, with its offset: 2026-03-01T09:00:00Z, 2026-03-01T10:00:00.250+01:00";
        Fault::new(field, "invalid_time", detail)
    })
}

/// The day `YYYY-MM-DD`.
///
/// # Errors
/// A fault of `field`.
pub(crate) fn day(field: &'static str, text: &str) -> Result<NaiveDate, Fault> {
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let day = if text.len() == "YYYY-MM-DD".len() && shape {
        text.parse().ok()
    } else {
        None
    };
    day.ok_or_else(|| {
        let detail = "must be a day of the calendar: YYYY-MM-DD, such as 2026-03-01";
        Fault::new(field, "invalid_day", detail)
    })
}

/// The zone of this name in the IANA database.
///
/// # Errors
/// A fault of `field`.
pub(crate) fn zone(field: &'static str, name: &str) -> Result<Zone, Fault> {
    name.parse().map_err(|_| {
        let detail = "must be the name of a zone in the IANA database, to the letter: Europe/Berlin, UTC";
        Fault::new(field, "unknown_zone", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Option<i64> {
        instant_of(text).map(|at| at.0)
    }

    #[test]
    fn any_offset_is_taken_and_fractions_are_cut_to_the_millisecond() {
        let nine = Some(1_772_355_600_000);
        for same in [
            "2026-03-01T09:00:00Z",
            "2026-03-01t09:00:00z",
            "2026-03-01T10:00:00+01:00",
            "2026-03-01T03:15:00-05:45",
            "2026-03-01T09:00:00.0009999999999Z",
            "2026-03-01T09:00:00-00:00",
        ] {
            assert_eq!(ms(same), nine, "{same}");
        }
        assert_eq!(ms("2026-03-01T09:00:00.250999Z"), nine.map(|nine| nine + 250));
        assert_eq!(ms("1969-12-31T23:59:59.9999Z"), Some(-1));
    }

    #[test]
    fn a_leap_second_is_the_first_second_of_the_next_minute() {
        assert_eq!(ms("2016-12-31T23:59:60Z"), ms("2017-01-01T00:00:00Z"));
        assert_eq!(ms("2016-12-31T23:59:60.5Z"), ms("2017-01-01T00:00:00.5Z"));
    }

    #[test]
    fn the_first_and_the_last_year_are_safe() {
        assert!(ms("0000-01-01T00:00:00+23:59") < ms("0000-01-01T00:00:00Z"));
        assert!(ms("9999-12-31T23:59:59-23:59") > ms("9999-12-31T23:59:59Z"));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2026-03-01",
            "2026-03-01T09:00:00",
            "2026-03-01T09:00Z",
            "2026-02-29T09:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T09:00:61Z",
            "2026-03-01T09:00:00+24:00",
            "2026-03-01T09:00:00.Z",
            " 2026-03-01T09:00:00Z",
            "12026-03-01T09:00:00Z",
            "1772355600",
            "２026-03-01T09:00:00Z",
            // A minus sign, which is no hyphen.
            "2026-03-01T09:00:00\u{2212}01:00",
        ] {
            assert_eq!(
                instant("start_time", text).expect_err(text).code,
                "invalid_time",
                "{text}"
            );
        }
    }

    #[test]
    fn a_day_has_ten_characters_and_is_in_the_calendar() {
        assert!(day("date", "2028-02-29").is_ok());
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-3-1",
            "+026-03-01",
            "2026-03-01 ",
            "20260301",
            "today",
        ] {
            assert_eq!(day("date", text).expect_err(text).code, "invalid_day", "{text}");
        }
    }

    #[test]
    fn a_zone_is_named_to_the_letter() {
        assert!(zone("tz", "Etc/GMT+5").is_ok());
        for text in ["", "europe/berlin", "Europe/Atlantis", "+01:00", "Europe/Berlin "] {
            assert_eq!(zone("tz", text).expect_err(text).code, "unknown_zone", "{text}");
        }
    }
}
