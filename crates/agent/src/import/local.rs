//! Times as people and their programs write them, also without an offset where a zone is given.

use chrono::{LocalResult, NaiveDateTime, TimeZone};
use domain::reports::Zone;
use domain::time::UnixMs;
use domain::trackers::wakatime::instant;

/// How a time without an offset may be written.
const FORMS: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
];

/// The instant that a text stands for: RFC 3339, seconds since 1970, or the time of clocks in `zone`.
///
/// # Errors
/// Why it stands for none, or for two.
pub fn parse(text: &str, zone: Option<Zone>) -> Result<UnixMs, String> {
    let text = text.trim();
    if let Some(at) = instant(text) {
        return Ok(at);
    }
    let local = FORMS
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let Some(local) = local else {
        return Err("must be a time such as 2024-03-01T09:00:00+01:00".to_owned());
    };
    let Some(zone) = zone else {
        return Err("has no offset, so --timezone must say whose clocks it is by".to_owned());
    };
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(UnixMs::floor(at.to_utc())),
        LocalResult::Ambiguous(_, _) => Err(format!(
            "is twice on the clocks of {zone}, which were put back: write it with its offset"
        )),
        LocalResult::None => Err(format!("was never on the clocks of {zone}, which were put forward")),
    }
}

/// So many milliseconds: a number of seconds, or `1:30:00`.
#[must_use]
pub fn duration_ms(text: &str) -> Option<i64> {
    let mut seconds = 0.0;
    let parts: Vec<&str> = text.trim().split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    for part in &parts {
        let number: f64 = part
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite() && *number >= 0.0)?;
        seconds = seconds * 60.0 + number;
    }
    Some(whole_ms(seconds))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a conversion of a float holds at the ends of the range"
)]
fn whole_ms(seconds: f64) -> i64 {
    (seconds * 1e3).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, zone: &str) -> Result<String, String> {
        parse(text, zone.parse().ok()).map(|at| at.to_string())
    }

    #[test]
    fn an_offset_counts_whatever_the_zone_and_without_one_the_zone_does() {
        let nine = || Ok("2024-03-01T09:00:00Z".to_owned());
        for text in [
            "2024-03-01T10:00:00+01:00",
            "2024-03-01T09:00:00Z",
            "1709283600",
            "1709283600000",
        ] {
            assert_eq!(at(text, ""), nine(), "{text}");
            assert_eq!(at(text, "Asia/Kathmandu"), nine(), "{text}");
        }
        for text in [
            "2024-03-01 10:00",
            "2024-03-01T10:00",
            "2024-03-01 10:00:00",
            " 2024-03-01T10:00:00.000 ",
        ] {
            assert_eq!(at(text, "Europe/Berlin"), nine(), "{text}");
            assert!(at(text, "").is_err_and(|why| why.contains("--timezone")), "{text}");
        }
        assert_eq!(
            at("2024-03-01 10:00:00.25", "Europe/Berlin"),
            Ok("2024-03-01T09:00:00.250Z".to_owned())
        );
        for text in ["", "now", "2024-03-01", "2024-13-01 10:00", "1.3.2024 10:00"] {
            assert!(at(text, "Europe/Berlin").is_err(), "{text}");
        }
    }

    #[test]
    fn times_that_clocks_showed_twice_or_never_are_named_as_such() {
        // The zone's published rules: back from 03:00 on 2024-10-27, forward from 02:00 on 2024-03-31.
        assert!(at("2024-10-27 02:30", "Europe/Berlin").is_err_and(|why| why.contains("twice")));
        assert!(at("2024-03-31 02:30", "Europe/Berlin").is_err_and(|why| why.contains("never")));
        assert_eq!(
            at("2024-10-27 01:59", "Europe/Berlin"),
            Ok("2024-10-26T23:59:00Z".to_owned())
        );
        assert_eq!(
            at("2024-10-27 03:00", "Europe/Berlin"),
            Ok("2024-10-27T02:00:00Z".to_owned())
        );
        assert_eq!(
            at("2024-03-31 03:00", "Europe/Berlin"),
            Ok("2024-03-31T01:00:00Z".to_owned())
        );
    }

    #[test]
    fn durations_are_seconds_or_as_clocks_show_them() {
        for (text, ms) in [
            ("90", Some(90_000)),
            (" 0.25 ", Some(250)),
            ("1:30", Some(90_000)),
            ("01:00:00.5", Some(3_600_500)),
            ("0", Some(0)),
            ("", None),
            ("-1", None),
            ("1:2:3:4", None),
            ("nan", None),
            ("soon", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
    }
}
