//! What was read of a file and what was not, and why, with the first few places of each reason.

use std::collections::BTreeMap;

use domain::time::{Span, UnixMs};

/// Of each reason so many places are shown.
pub const PLACES_SHOWN: usize = 5;

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// What it is called.
    pub file: String,
    /// What it turned out to be.
    pub kinds: Kinds,
    /// How many events, heartbeats or rows it has that are of use.
    pub read: u64,
    /// How many of them are about something that the person's rules exclude or hide.
    pub ruled_out: u64,
    /// What could not be used.
    pub skipped: Reasons,
    /// What is used otherwise than it was written.
    pub amended: Reasons,
    /// Parts of it that are of no use here, each with how many events it has.
    pub unused: BTreeMap<String, u64>,
    /// How many names of programs and machines it gives.
    pub looked_up: u64,
    /// From its first instant to its last.
    pub extent: Option<Span>,
}

/// What formats a file has parts of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Buckets of ActivityWatch.
    pub activitywatch: bool,
    /// Days or heartbeats of WakaTime, or what they name.
    pub wakatime: bool,
    /// Rows.
    pub csv: bool,
}

/// Why something was not used, how often, and where first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasons(BTreeMap<String, Counted>);

/// How often, and where first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// How often.
    pub count: u64,
    /// The first few places.
    pub first: Vec<String>,
    /// The reason in full, as it was given first, where it is more than a word.
    pub detail: Option<String>,
}

impl FileReport {
    /// A report of a file that was not looked into yet.
    #[must_use]
    pub fn of(file: &str) -> Self {
        let file = file.to_owned();
        Self {
            file,
            ..Self::default()
        }
    }

    /// Notes that something of use was from then to then.
    pub fn saw(&mut self, start: UnixMs, end: UnixMs) {
        self.read += 1;
        let Some(seen) = Span::new(start, end.max(start.plus_ms(1))) else {
            return;
        };
        let all = self.extent.unwrap_or(seen);
        self.extent = Span::new(all.start().min(seen.start()), all.end().max(seen.end()));
    }

    /// Whether there is anything of use in it.
    #[must_use]
    pub fn is_of_use(&self) -> bool {
        self.read + self.looked_up > 0
    }
}

impl Reasons {
    /// Notes one more. `place` is asked for only while places are shown.
    pub fn note(&mut self, reason: &str, place: impl FnOnce() -> String) {
        if !self.0.contains_key(reason) {
            self.0.insert(reason.to_owned(), Counted::default());
        }
        if let Some(counted) = self.0.get_mut(reason) {
            counted.count += 1;
            if counted.first.len() < PLACES_SHOWN {
                counted.first.push(place());
            }
        }
    }

    /// Says a reason in full, if nobody did before.
    pub fn explain(&mut self, reason: &str, detail: &str) {
        if let Some(counted) = self.0.get_mut(reason) {
            counted.detail.get_or_insert_with(|| detail.to_owned());
        }
    }

    /// Takes in what was noted elsewhere.
    pub fn merge(&mut self, other: Self) {
        for (reason, noted) in other.0 {
            let counted = self.0.entry(reason).or_default();
            counted.count += noted.count;
            counted.detail = counted.detail.take().or(noted.detail);
            let room = PLACES_SHOWN - counted.first.len();
            counted.first.extend(noted.first.into_iter().take(room));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.values().map(|counted| counted.count).sum()
    }

    /// Each reason, the most frequent first.
    #[must_use]
    pub fn by_count(&self) -> Vec<(&str, &Counted)> {
        let mut all: Vec<(&str, &Counted)> = self
            .0
            .iter()
            .map(|(reason, counted)| (reason.as_str(), counted))
            .collect();
        all.sort_by_key(|(_, counted)| std::cmp::Reverse(counted.count));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_only_their_first_places_are_kept() {
        let mut reasons = Reasons::default();
        reasons.note("rare", || "line 1".to_owned());
        for line in 2..=7 {
            reasons.note("frequent", || format!("line {line}"));
        }
        let mut elsewhere = Reasons::default();
        elsewhere.note("rare", || "line 9".to_owned());
        elsewhere.explain("rare", "seldom seen");
        elsewhere.note("frequent", || "line 10".to_owned());
        reasons.merge(elsewhere);
        for (reason, detail) in [("rare", "too late"), ("never", "not noted")] {
            reasons.explain(reason, detail);
        }
        let all: Vec<_> = reasons
            .by_count()
            .into_iter()
            .map(|(reason, counted)| (reason, counted.count, counted.first.len(), counted.detail.as_deref()))
            .collect();
        assert_eq!(
            all,
            [("frequent", 7, PLACES_SHOWN, None), ("rare", 2, 2, Some("seldom seen"))]
        );
        assert_eq!(reasons.count(), 9);
    }

    #[test]
    fn the_extent_grows_with_what_was_seen_and_an_empty_event_has_an_instant() {
        let mut report = FileReport::of("x");
        assert!(!report.is_of_use());
        report.saw(UnixMs(50), UnixMs(50));
        report.saw(UnixMs(10), UnixMs(20));
        assert_eq!((report.read, report.extent), (2, Span::new(UnixMs(10), UnixMs(51))));
    }
}
