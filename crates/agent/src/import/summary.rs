//! What is said to the person: what their files hold, what of it was skipped and why, and what became of it.

use std::fmt::Write as _;

use chrono::NaiveDate;
use domain::reports::Zone;
use domain::time::{Span, UnixMs};
use domain::usage::Patience;

use super::delivery::{Change, Outcome};
use super::points::Point;
use super::report::{FileReport, Reasons};
use super::sources::{Gathered, Source};
use super::wakatime::TOTALS_ONLY;

/// So many applications are shown.
const APPS_SHOWN: usize = 10;
/// So many parts of a file that are of no use are shown.
const UNUSED_SHOWN: usize = 5;

/// What a file holds.
#[must_use]
pub fn file(report: &FileReport, zone: Zone) -> String {
    let mut text = format!("{}\n", report.file);
    if let Some(extent) = report.extent {
        let _ = writeln!(
            text,
            "  {}, {}",
            days(extent, zone),
            counted(report.read, "event", "events")
        );
    }
    if report.looked_up > 0 {
        let names = counted(report.looked_up, "name", "names");
        let _ = writeln!(text, "  {names} of programs and machines");
    }
    if report.ruled_out > 0 {
        let _ = writeln!(
            text,
            "  {} about what your rules keep out",
            counted(report.ruled_out, "is", "are")
        );
    }
    if report.skipped.count() > 0 {
        let _ = writeln!(text, "  {} skipped:", number(report.skipped.count()));
        reasons(&mut text, &report.skipped);
    }
    if report.amended.count() > 0 {
        let _ = writeln!(
            text,
            "  {} taken otherwise than written:",
            counted(report.amended.count(), "is", "are")
        );
        reasons(&mut text, &report.amended);
    }
    if !report.unused.is_empty() {
        let _ = writeln!(text, "  of no use here: {}", unused(report));
    }
    text
}

/// Why there is nothing of use in a file, after a colon.
#[must_use]
pub fn why_nothing(report: &FileReport) -> String {
    if report.unused.contains_key(TOTALS_ONLY) {
        return ": it holds the totals of days, and not when they were. Ask WakaTime for an export of heartbeats"
            .to_owned();
    }
    if report.skipped.count() > 0 {
        let skipped = counted(report.skipped.count(), "entry is", "entries are");
        let mut text = format!(": {skipped} skipped\n");
        reasons(&mut text, &report.skipped);
        return text.trim_end().to_owned();
    }
    if report.unused.is_empty() {
        return ": it is empty".to_owned();
    }
    format!(": there is no use here for {}", unused(report))
}

/// What the sources tell, and what they do not and why.
#[must_use]
pub fn sources(gathered: &Gathered) -> String {
    let mut text = String::new();
    for source in &gathered.sources {
        let _ = writeln!(text, "{}: {}", source.name, holdings(source));
    }
    for machine in &gathered.unattended {
        let _ = writeln!(
            text,
            "{machine}: no bucket says when somebody was there (aw-watcher-afk), so nothing of its windows counts"
        );
    }
    if gathered.ruled_out > 0 {
        let _ = writeln!(
            text,
            "{} about what your rules keep out, or of private time",
            counted(gathered.ruled_out, "heartbeat is", "heartbeats are")
        );
    }
    if gathered.nameless > 0 {
        let _ = writeln!(
            text,
            "{} the editor by an id only, which counts for \"Editor\" or \"Browser\": give WakaTime's user_agents as one more file",
            counted(gathered.nameless, "heartbeat names", "heartbeats name")
        );
    }
    text
}

/// What the server said. So many milliseconds may be counted more than once in what would change.
#[must_use]
pub fn outcome(outcome: &Outcome, is_dry_run: bool, counted_again_ms: i64) -> String {
    let mut text = String::new();
    if is_dry_run {
        change(&mut text, &outcome.change, counted_again_ms);
        if outcome.is_early {
            text.push_str("  The server has not merged all that you imported before: that is not in these figures. Ask again later.\n");
        }
    } else {
        let _ = writeln!(
            text,
            "Imported: {} with the server now. Reports show them once it has merged them, behind what is newer.",
            counted(outcome.accepted, "entry is", "entries are")
        );
    }
    if outcome.excluded > 0 {
        let _ = writeln!(
            text,
            "{} about what your rules exclude there.",
            counted(outcome.excluded, "entry is", "entries are")
        );
    }
    if outcome.rejected.count() > 0 {
        let _ = writeln!(
            text,
            "The server will not take {}:",
            counted(outcome.rejected.count(), "entry", "entries")
        );
        reasons(&mut text, &outcome.rejected);
    }
    for (source, secs) in &outcome.timeouts {
        let _ = writeln!(
            text,
            "{source}: a heartbeat counts up to the next one, if that comes within {}. This is settled at the first import, and stays so.",
            spent(i64::try_from(secs.saturating_mul(1_000)).unwrap_or(i64::MAX))
        );
    }
    if is_dry_run {
        text.push_str("This was a dry run: nothing is changed. Without --dry-run it is imported.\n");
    }
    text
}

fn change(text: &mut String, change: &Change, counted_again_ms: i64) {
    text.push_str("An import would change your timeline so:\n");
    let rows = [
        ("added", change.added_ms),
        ("replaced", change.replaced_ms),
        ("already there", change.kept_ms),
    ];
    for (what, ms) in rows {
        let _ = writeln!(text, "  {:>14}  {what}", spent(ms));
    }
    if counted_again_ms > 0 {
        let _ = writeln!(
            text,
            "  Up to {} of this is counted more than once: what you import overlaps, and each part was compared with your timeline by itself. Imported, every instant counts once.",
            spent(counted_again_ms)
        );
    }
    let mut apps: Vec<(&String, i64)> = change
        .items
        .iter()
        .map(|(app, (added_ms, _))| (app, *added_ms))
        .collect();
    apps.retain(|(_, added_ms)| *added_ms > 0);
    apps.sort_by_key(|(_, added_ms)| std::cmp::Reverse(*added_ms));
    if !apps.is_empty() {
        text.push_str("Most of what is added:\n");
    }
    for (app, added_ms) in apps.iter().take(APPS_SHOWN) {
        let _ = writeln!(text, "  {:>14}  {app}", spent(*added_ms));
    }
    if apps.len() > APPS_SHOWN {
        let more = counted((apps.len() - APPS_SHOWN) as u64, "application", "applications");
        let _ = writeln!(text, "  and {more} more");
    }
}

fn reasons(text: &mut String, reasons: &Reasons) {
    for (reason, counted) in reasons.by_count() {
        let reason = counted.detail.as_deref().unwrap_or(reason);
        let _ = writeln!(text, "    {:>7}  {reason}", number(counted.count));
        for place in &counted.first {
            let _ = writeln!(text, "             {place}");
        }
        let more = counted.count.saturating_sub(counted.first.len() as u64);
        if more > 0 {
            let _ = writeln!(text, "             and {} more", number(more));
        }
    }
}

fn unused(report: &FileReport) -> String {
    let each = report.unused.iter().take(UNUSED_SHOWN);
    let mut parts: Vec<String> = each
        .map(|(part, count)| format!("{part} ({})", number(*count)))
        .collect();
    if report.unused.len() > UNUSED_SHOWN {
        parts.push(format!("{} more", report.unused.len() - UNUSED_SHOWN));
    }
    parts.join(", ")
}

fn holdings(source: &Source) -> String {
    let mut parts = Vec::new();
    if !source.pings.is_empty() {
        let ms = source.pings.iter().map(|ping| ping.span.ms()).sum();
        let stretches = counted(source.pings.len() as u64, "stretch", "stretches");
        parts.push(format!("{} in {stretches} of time", spent(ms)));
    }
    if !source.points.is_empty() {
        let (ms, minutes) = (claimed_ms(&source.points), Patience::default().secs() / 60);
        parts.push(format!(
            "{}, {} with the usual time-out of {minutes} minutes",
            counted(source.points.len() as u64, "heartbeat", "heartbeats"),
            spent(ms)
        ));
    }
    parts.join("; ")
}

/// How much time sorted heartbeats claim: all between two that are near enough to each other.
fn claimed_ms(points: &[Point]) -> i64 {
    let gaps = points.windows(2).map(|pair| pair[1].at.0 - pair[0].at.0);
    gaps.filter(|gap| *gap <= Patience::default().ms()).sum()
}

/// The days from the first to the last, by the clocks of the zone.
fn days(extent: Span, zone: Zone) -> String {
    let date = |at: UnixMs| {
        at.to_utc()
            .map_or(NaiveDate::MIN, |at| at.with_timezone(&zone).date_naive())
    };
    let (first, last) = (date(extent.start()), date(extent.end().plus_ms(-1)));
    match (last - first).num_days() + 1 {
        1 => format!("{first}"),
        days => format!("{first} to {last}, {} days", number(days.unsigned_abs())),
    }
}

/// `1,934 h 30 min`, or smaller units where there are no greater.
fn spent(ms: i64) -> String {
    let seconds = ms.unsigned_abs().div_ceil(1_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, minutes, _) => format!("{} h {minutes:02} min", number(hours)),
    }
}

/// `1 entry`, `2 entries`.
fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { more })
}

/// With a comma between thousands.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::time::DAY_MS;

    use super::*;

    #[test]
    fn numbers_and_lengths_are_written_for_people() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
        let lengths = [0, 1, 59_000, 60_000, 3_599_000, 3_600_000, 6_964_200_000].map(spent);
        assert_eq!(
            lengths,
            ["0 s", "1 s", "59 s", "1 min", "59 min", "1 h 00 min", "1,934 h 30 min"]
        );
    }

    #[test]
    fn days_are_those_of_the_persons_clocks() {
        let extent = |start, end| Span::new(UnixMs(start), UnixMs(end)).expect("not empty");
        let utc: Zone = "UTC".parse().expect("a zone");
        assert_eq!(days(extent(0, DAY_MS), utc), "1970-01-01");
        assert_eq!(days(extent(0, DAY_MS + 1), utc), "1970-01-01 to 1970-01-02, 2 days");
        let tokyo: Zone = "Asia/Tokyo".parse().expect("a zone");
        assert_eq!(days(extent(0, DAY_MS), tokyo), "1970-01-01 to 1970-01-02, 2 days");
    }

    #[test]
    fn a_file_is_told_with_what_was_skipped_and_where() {
        let utc: Zone = "UTC".parse().expect("a zone");
        let mut report = FileReport::of("laptop.json");
        report.saw(UnixMs(0), UnixMs(DAY_MS));
        for line in 1..=1_239 {
            report
                .skipped
                .note("start_time: must be given", || format!("line {line}"));
        }
        report.amended.note("odd", || "line 7".to_owned());
        report.unused.insert("aw-watcher-vim_laptop".to_owned(), 1_200);
        let told = file(&report, utc);
        for part in [
            "laptop.json\n",
            "1970-01-01, 1 event\n",
            "1 is taken otherwise than written:\n          1  odd\n             line 7\n",
            "1,239 skipped",
            "line 5\n",
            "             and 1,234 more\n",
            "aw-watcher-vim_laptop (1,200)",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("line 6"), "{told}");
    }

    #[test]
    fn a_dry_run_shows_what_is_added_most() {
        let mut outcome_of = Outcome::default();
        outcome_of.change.added_ms = 7_200_000;
        for place in 0..=APPS_SHOWN {
            let ms = 1_000 * i64::try_from(place + 1).expect("small");
            outcome_of.change.items.insert(format!("App {place}"), (ms, 0));
        }
        outcome_of.change.items.insert("Nothing".to_owned(), (0, 5));
        let told = outcome(&outcome_of, true, 3_660_000);
        for part in [
            "2 h 00 min  added",
            "App 10",
            "and 1 application more",
            "Up to 1 h 01 min of this is counted more than once",
            "dry run",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("App 0\n") && !told.contains("Nothing"), "{told}");
        assert!(!outcome(&outcome_of, false, 1).contains("dry run"));
        assert!(!outcome(&outcome_of, true, 0).contains("more than once"));
    }
}
