//! Which stretches of time a ping may claim, seen from the server's clock.

use std::time::Duration;

use crate::fault::Fault;
use crate::time::{SECOND_MS, Span, UnixMs};

/// The limits of a claim. Settings; the defaults are those of the law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The longest claim (`USAGE_MAX_CLAIM`).
    pub claim_max: Duration,
    /// How far after the server's clock a claim may end (`USAGE_MAX_SKEW`).
    pub skew_max: Duration,
    /// How long before the server's clock a claim may start (`USAGE_MAX_AGE`).
    pub age_max: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            claim_max: Duration::from_hours(24),
            skew_max: Duration::from_mins(2),
            age_max: Duration::from_hours(90 * 24),
        }
    }
}

impl Rules {
    /// How long before the server's clock imported history may start, unless the operator says otherwise (`USAGE_IMPORT_MAX_AGE`): ten years.
    pub const IMPORT_AGE_MAX: Duration = Duration::from_hours(3_652 * 24);

    /// The span from `start` to `end`, when a claim may have it at `now`. A claim exactly at a limit is accepted.
    ///
    /// # Errors
    /// Every fault of `start_time` and `end_time`, each naming its limit.
    pub fn span(&self, start: UnixMs, end: UnixMs, now: UnixMs) -> Result<Span, Vec<Fault>> {
        let mut faults = Vec::new();
        let span = Span::new(start, end);
        if span.is_none() {
            let detail = "must be later than start_time by a millisecond or more";
            faults.push(Fault::new("end_time", "not_after_start", detail));
        }
        if start.after(self.claim_max) < end {
            let detail = format!("must be at most {} after start_time", words(self.claim_max));
            faults.push(Fault::new("end_time", "too_long", detail));
        }
        faults.extend(self.in_future("end_time", end, now));
        faults.extend(self.too_old("start_time", start, now));
        span.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// The instant of a heartbeat, when one may have it at `now`. An instant exactly at a limit is accepted.
    ///
    /// # Errors
    /// Every fault of `time`, each naming its limit.
    pub fn instant(&self, at: UnixMs, now: UnixMs) -> Result<UnixMs, Vec<Fault>> {
        let faults = self
            .in_future("time", at, now)
            .into_iter()
            .chain(self.too_old("time", at, now));
        let faults: Vec<Fault> = faults.collect();
        if faults.is_empty() { Ok(at) } else { Err(faults) }
    }

    fn in_future(&self, field: &'static str, at: UnixMs, now: UnixMs) -> Option<Fault> {
        let detail = || {
            let limit = words(self.skew_max);
            format!("must be at most {limit} after the server's clock, which says {now}")
        };
        (at > now.after(self.skew_max)).then(|| Fault::new(field, "in_future", detail()))
    }

    fn too_old(&self, field: &'static str, at: UnixMs, now: UnixMs) -> Option<Fault> {
        let detail = || {
            let limit = words(self.age_max);
            format!("must be at most {limit} before the server's clock, which says {now}")
        };
        (at < now.before(self.age_max)).then(|| Fault::new(field, "too_old", detail()))
    }
}

/// The limit in the largest unit that gives a whole number: `24 hours`, `90 days`.
fn words(limit: Duration) -> String {
    let (ms, second) = (limit.as_millis(), u128::from(SECOND_MS.unsigned_abs()));
    let units = [
        ("days", 86_400 * second),
        ("hours", 3_600 * second),
        ("minutes", 60 * second),
        ("seconds", second),
    ];
    // A single day reads better as 24 hours, and so on down.
    match units.iter().find(|(_, unit)| ms.is_multiple_of(*unit) && ms > *unit) {
        Some((name, unit)) => format!("{} {name}", ms / unit),
        None => format!("{ms} milliseconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_MS;

    const NOW: UnixMs = UnixMs(1_772_355_600_000);

    fn check(start_ms: i64, end_ms: i64) -> Result<Span, Vec<(&'static str, &'static str)>> {
        let rules = Rules::default();
        let faults = |faults: Vec<Fault>| faults.iter().map(|fault| (fault.field, fault.code)).collect();
        rules
            .span(NOW.plus_ms(start_ms), NOW.plus_ms(end_ms), NOW)
            .map_err(faults)
    }

    #[test]
    fn each_limit_is_accepted_and_a_millisecond_more_is_not() {
        assert!(check(-DAY_MS, 0).is_ok());
        assert_eq!(check(-DAY_MS - 1, 0), Err(vec![("end_time", "too_long")]));
        assert!(check(-1, 120_000).is_ok());
        assert_eq!(check(-1, 120_001), Err(vec![("end_time", "in_future")]));
        assert!(check(-90 * DAY_MS, -90 * DAY_MS + 1).is_ok());
        assert_eq!(
            check(-90 * DAY_MS - 1, -90 * DAY_MS),
            Err(vec![("start_time", "too_old")])
        );
        assert_eq!(check(-5, -5), Err(vec![("end_time", "not_after_start")]));
    }

    #[test]
    fn a_heartbeat_has_the_limits_of_a_claim_in_its_one_instant() {
        let rules = Rules::default();
        let check = |ms: i64| {
            let instant = rules.instant(NOW.plus_ms(ms), NOW);
            instant.map_err(|faults| faults.iter().map(|fault| (fault.field, fault.code)).collect::<Vec<_>>())
        };
        for accepted in [-90 * DAY_MS, 0, 120_000] {
            assert_eq!(check(accepted), Ok(NOW.plus_ms(accepted)));
        }
        assert_eq!(check(-90 * DAY_MS - 1), Err(vec![("time", "too_old")]));
        assert_eq!(check(120_001), Err(vec![("time", "in_future")]));
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let all = check(-91 * DAY_MS, DAY_MS);
        assert_eq!(
            all,
            Err(vec![
                ("end_time", "too_long"),
                ("end_time", "in_future"),
                ("start_time", "too_old")
            ])
        );
    }

    #[test]
    fn limits_are_named_in_words() {
        let rules = Rules::default();
        assert_eq!(words(rules.claim_max), "24 hours");
        assert_eq!(words(rules.skew_max), "2 minutes");
        assert_eq!(words(rules.age_max), "90 days");
        assert_eq!(words(Duration::from_millis(1_500)), "1500 milliseconds");
    }

    #[test]
    fn instants_at_the_ends_of_the_range_do_not_overflow() {
        let rules = Rules::default();
        assert!(rules.span(UnixMs(i64::MIN), UnixMs(i64::MAX), NOW).is_err());
        assert!(rules.span(UnixMs(i64::MAX), UnixMs(i64::MIN), NOW).is_err());
    }
}
