//! How clients of WakaTime are told durations and shares of them.

use domain::reports::{Dimension, SaidTotals};
use domain::time::SECOND_MS;
use domain::usage::ContextText;
use serde::Serialize;

const HOUR_SECS: u64 = 3_600;
const MINUTE_SECS: u64 = 60;

/// A duration in every form in which some client shows it.
#[derive(Debug, Serialize)]
pub(super) struct Spent {
    /// Hours, to two decimals.
    pub(super) decimal: String,
    /// Hours and minutes: `6:42`.
    pub(super) digital: String,
    pub(super) hours: u64,
    pub(super) minutes: u64,
    pub(super) seconds: u64,
    /// In words: `6 hrs 42 mins`.
    pub(super) text: String,
    pub(super) total_seconds: f64,
}

/// The time of a project, a language and so on.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) percent: f64,
    #[serde(flatten)]
    pub(super) spent: Spent,
    /// Of a machine; it has no other id than its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) machine_name_id: Option<String>,
}

/// Time by everything that clients show it by, longest first each.
#[derive(Debug, Serialize)]
pub(super) struct Shares {
    pub(super) categories: Vec<Entry>,
    pub(super) projects: Vec<Entry>,
    pub(super) branches: Vec<Entry>,
    pub(super) languages: Vec<Entry>,
    pub(super) editors: Vec<Entry>,
    pub(super) operating_systems: Vec<Entry>,
    pub(super) machines: Vec<Entry>,
    /// What a file depends on is not kept.
    pub(super) dependencies: [Entry; 0],
    /// Nor is which file it was.
    pub(super) entities: [Entry; 0],
}

impl Spent {
    /// So many milliseconds.
    pub(super) fn of(ms: i64) -> Self {
        let secs = ms.max(0).unsigned_abs() / SECOND_MS.unsigned_abs();
        let (hours, minutes) = (secs / HOUR_SECS, secs % HOUR_SECS / MINUTE_SECS);
        Self {
            decimal: format!("{:.2}", seconds(ms) / 3_600.0),
            digital: format!("{hours}:{minutes:02}"),
            hours,
            minutes,
            seconds: secs % MINUTE_SECS,
            text: words(secs),
            total_seconds: seconds(ms),
        }
    }
}

impl Shares {
    /// Of these.
    pub(super) fn of(totals: &SaidTotals) -> Self {
        Self {
            categories: entries(totals, Dimension::Category),
            projects: entries(totals, Dimension::Project),
            branches: entries(totals, Dimension::Branch),
            languages: entries(totals, Dimension::Language),
            editors: entries(totals, Dimension::Editor),
            operating_systems: entries(totals, Dimension::OperatingSystem),
            machines: entries(totals, Dimension::Machine),
            dependencies: [],
            entities: [],
        }
    }
}

/// A duration in seconds.
#[expect(clippy::cast_precision_loss, reason = "a duration is far below 2^53 ms")]
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / SECOND_MS as f64
}

/// In hours and minutes; in seconds only what is less than a minute.
fn words(secs: u64) -> String {
    let many = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match (secs / HOUR_SECS, secs % HOUR_SECS / MINUTE_SECS) {
        (0, 0) => many(secs, "sec"),
        (0, minutes) => many(minutes, "min"),
        (hours, 0) => many(hours, "hr"),
        (hours, minutes) => format!("{} {}", many(hours, "hr"), many(minutes, "min")),
    }
}

fn entries(totals: &SaidTotals, dimension: Dimension) -> Vec<Entry> {
    let all_ms = totals.ms();
    let ranked = totals.by(dimension).into_iter();
    ranked
        .map(|(said, ms)| {
            let name = name(said.as_ref(), dimension);
            Entry {
                percent: percent(ms, all_ms),
                spent: Spent::of(ms),
                machine_name_id: (dimension == Dimension::Machine).then(|| name.clone()),
                name,
            }
        })
        .collect()
}

/// To two decimals; of nothing all is nothing.
fn percent(ms: i64, all_ms: i64) -> f64 {
    if all_ms <= 0 {
        return 0.0;
    }
    (10_000.0 * seconds(ms) / seconds(all_ms)).round() / 100.0
}

/// What was said, in the words of these clients; or what they call that nothing was.
fn name(said: Option<&ContextText>, dimension: Dimension) -> String {
    match (said, dimension) {
        (Some(said), Dimension::Category) => capitalised(said.as_str()),
        (Some(said), _) => said.as_str().to_owned(),
        (None, Dimension::Project) => "Unknown Project".to_owned(),
        (None, Dimension::Editor) => "Unknown Editor".to_owned(),
        (None, Dimension::Machine) => "Unknown Hostname".to_owned(),
        (None, Dimension::OperatingSystem) => "Unknown OS".to_owned(),
        (None, Dimension::Branch) => "Unknown Branch".to_owned(),
        (None, Dimension::Language | Dimension::Category) => "Other".to_owned(),
    }
}

/// `writing tests` as `Writing Tests`.
fn capitalised(words: &str) -> String {
    let words = words.split(' ').map(|word| {
        let mut rest = word.chars();
        let first = rest.next().map(|first| first.to_uppercase().collect::<String>());
        first.unwrap_or_default() + rest.as_str()
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_in_every_form() {
        for (ms, decimal, digital, words) in [
            (0, "0.00", "0:00", "0 secs"),
            (999, "0.00", "0:00", "0 secs"),
            (1_000, "0.00", "0:00", "1 sec"),
            (59_999, "0.02", "0:00", "59 secs"),
            (60_000, "0.02", "0:01", "1 min"),
            (3_600_000, "1.00", "1:00", "1 hr"),
            (3_660_000, "1.02", "1:01", "1 hr 1 min"),
            (24_120_000, "6.70", "6:42", "6 hrs 42 mins"),
            (360_000_000, "100.00", "100:00", "100 hrs"),
        ] {
            let spent = Spent::of(ms);
            assert_eq!(
                (spent.decimal.as_str(), spent.digital.as_str(), spent.text.as_str()),
                (decimal, digital, words),
                "{ms}"
            );
        }
        let spent = Spent::of(3_723_500);
        assert_eq!((spent.hours, spent.minutes, spent.seconds), (1, 2, 3));
        assert_eq!(serde_json::json!(spent.total_seconds), serde_json::json!(3_723.5));
    }

    #[test]
    fn shares_are_rounded_to_two_decimals() {
        for (ms, all_ms, share) in [(1, 3, "33.33"), (2, 3, "66.67"), (3, 3, "100.0"), (0, 0, "0.0")] {
            assert_eq!(serde_json::json!(percent(ms, all_ms)).to_string(), share);
        }
    }

    #[test]
    fn categories_are_capitalised() {
        assert_eq!(capitalised("writing tests"), "Writing Tests");
        assert_eq!(capitalised("code  reviewing"), "Code  Reviewing");
        assert_eq!(capitalised("ärger"), "Ärger");
    }
}
