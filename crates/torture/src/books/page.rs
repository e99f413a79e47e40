//! The books as one scrape shows them.

/// What the counters and gauges are called, in the order of [`Page`].
const SERIES: [&str; 6] = [
    "daybook_books_received_total",
    "daybook_books_merged_total",
    "daybook_books_refused_total",
    "daybook_books_dropped_total",
    "daybook_books_dead",
    "daybook_books_in_flight",
];
/// How many of them are counters, which come first.
const COUNTERS: usize = 4;

/// One snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Page([u64; SERIES.len()]);

/// What a scrape shows of the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// All of them.
    Whole(Page),
    /// None of them: the node cannot reach Redis.
    Absent,
    /// Neither.
    Broken(String),
}

impl Page {
    /// The books in the text of a scrape.
    pub(super) fn read(text: &str) -> Shown {
        let mut page = [None; SERIES.len()];
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let Some(place) = SERIES.iter().position(|series| *series == name) else {
                continue;
            };
            let value = line.rsplit(' ').next().and_then(whole);
            let Some(value) = value.filter(|_| page[place].is_none()) else {
                return Shown::Broken(format!("{line:?} is twice or no count"));
            };
            page[place] = Some(value);
        }
        let known: Vec<u64> = page.into_iter().flatten().collect();
        match <[u64; SERIES.len()]>::try_from(known.as_slice()) {
            Ok(page) => Shown::Whole(Self(page)),
            Err(_) if known.is_empty() => Shown::Absent,
            Err(_) => Shown::Broken(format!("only {} of {} are there", known.len(), SERIES.len())),
        }
    }

    /// Whether everything that was received is accounted for.
    pub(super) fn balances(&self) -> bool {
        let [received, accounted @ ..] = self.0;
        received == accounted.iter().sum::<u64>()
    }

    /// The first counter that is lower here than in `before`: its name, what it was, and what it is.
    pub(super) fn fell_from(&self, before: &Self) -> Option<(&'static str, u64, u64)> {
        let counters = SERIES.iter().zip(before.0).zip(self.0).take(COUNTERS);
        counters
            .map(|((name, before), now)| (*name, before, now))
            .find(|(_, before, now)| now < before)
    }

    /// The greater of both, count by count.
    pub(super) fn greatest(mut self, other: &Self) -> Self {
        for (mine, other) in self.0.iter_mut().zip(other.0) {
            *mine = other.max(*mine);
        }
        self
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        let [received, merged, refused, dropped, dead, in_flight] = self.0;
        format!(
            "received {received}, merged {merged}, refused {refused}, dropped {dropped}, dead {dead}, in flight {in_flight}"
        )
    }

    #[cfg(test)]
    pub(super) fn of(counts: [u64; SERIES.len()]) -> Self {
        Self(counts)
    }
}

/// A count, which Prometheus writes as a floating-point number.
fn whole(text: &str) -> Option<u64> {
    let (digits, rest) = text.split_once('.').unwrap_or((text, ""));
    rest.bytes().all(|byte| byte == b'0').then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(counts: &[(usize, &str)]) -> String {
        let line = |(place, value): &(usize, &str)| format!("# TYPE {0} counter\n{0} {value}\n", SERIES[*place]);
        format!(
            "other_total{{shard=\"0\"}} 5\n{}",
            counts.iter().map(line).collect::<String>()
        )
    }

    #[test]
    fn a_page_is_read_whole_or_not_at_all() {
        let whole = text(&[(0, "12"), (1, "7"), (2, "1"), (3, "0"), (4, "1.0"), (5, "3")]);
        assert_eq!(Page::read(&whole), Shown::Whole(Page([12, 7, 1, 0, 1, 3])));
        assert_eq!(Page::read(&text(&[])), Shown::Absent);
        for broken in [
            text(&[(0, "12")]),
            text(&[(0, "-1")]),
            text(&[(0, "1.5")]),
            text(&[(0, "1"), (0, "1"), (1, "0"), (2, "0"), (3, "0"), (4, "0"), (5, "0")]),
        ] {
            assert!(matches!(Page::read(&broken), Shown::Broken(_)), "{broken}");
        }
    }

    #[test]
    fn only_what_is_accounted_for_balances() {
        assert!(Page([12, 7, 1, 0, 1, 3]).balances());
        assert!(!Page([12, 7, 1, 0, 1, 2]).balances());
        assert!(!Page([12, 8, 1, 0, 1, 3]).balances());
    }

    #[test]
    fn counters_do_not_fall_and_gauges_may() {
        let before = Page([12, 7, 1, 1, 1, 2]);
        assert_eq!(Page([13, 10, 1, 1, 0, 1]).fell_from(&before), None);
        assert_eq!(Page([13, 6, 1, 1, 1, 4]).fell_from(&before), Some((SERIES[1], 7, 6)));
        assert_eq!(Page([11, 7, 1, 1, 1, 1]).fell_from(&before), Some((SERIES[0], 12, 11)));
    }
}
