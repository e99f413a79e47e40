//! Of which time all is known that rows of watchers wait for: a window counts for something once somebody says who was there, and the other way round.

use crate::time::{Span, UnixMs};

use super::sweep::{both, greatest};
use super::{GAP_MAX_MS, Row, Streams, Watched};

/// For each machine whose windows were watched, the stretches of which both its windows and its presence are known. A shorter gap than [`GAP_MAX_MS`] is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known(Vec<(String, Vec<Span>)>);

impl Known {
    /// What is known of the time of these rows.
    #[must_use]
    pub fn of(watched: &Watched) -> Self {
        let named = watched.named();
        let machines = named.names().zip(watched.machines());
        Self(
            machines
                .map(|(name, streams)| (name.to_owned(), stretches(&streams)))
                .collect(),
        )
    }

    /// Whether a row of a bucket that names this machine has nothing to wait for, from its start to its end. One that names no watched machine tells of all.
    #[must_use]
    pub fn holds(&self, hostname: &str, (start, end): (UnixMs, UnixMs)) -> bool {
        let is_watched = self.0.iter().any(|(name, _)| name == hostname);
        let told_of = |name: &str| !is_watched || name == hostname;
        let mut machines = self.0.iter().filter(|(name, _)| told_of(name)).peekable();
        let is_known = |spans: &[Span]| spans.iter().any(|span| span.start() <= start && end <= span.end());
        machines.peek().is_some() && machines.all(|(_, spans)| is_known(spans))
    }
}

fn stretches(streams: &Streams) -> Vec<Span> {
    let windows = covered(streams.windows.iter().flatten());
    let presence = covered(streams.presence.iter().flatten());
    both(&windows, &presence)
        .into_iter()
        .map(|(span, (), ())| span)
        .collect()
}

/// The time of the rows, whatever they say.
fn covered<'a, T: 'a>(rows: impl Iterator<Item = &'a Row<T>>) -> Vec<(Span, ())> {
    // Half of a gap on either side makes two rows meet that are a gap apart.
    const HALF_MS: i64 = GAP_MAX_MS / 2;
    greatest(rows.filter_map(|row| Some((Span::new(row.start.plus_ms(-HALF_MS), row.end.plus_ms(HALF_MS))?, ()))))
}

#[cfg(test)]
mod tests {
    use crate::trackers::activitywatch::Presence;

    use super::*;

    fn at(second: i64) -> UnixMs {
        UnixMs(second * 1_000)
    }

    fn rows<T: Clone>(stretches: &[(i64, i64)], seen: &T) -> Vec<Row<T>> {
        let row = |(start, end): &(i64, i64)| Row {
            start: at(*start),
            end: at(*end),
            seen: seen.clone(),
        };
        stretches.iter().map(row).collect()
    }

    fn known(windows: &[(&str, &[(i64, i64)])], presence: &[(&str, &[(i64, i64)])]) -> Known {
        Known::of(&Watched {
            windows: windows
                .iter()
                .map(|(name, stretches)| ((*name).to_owned(), rows(stretches, &None)))
                .collect(),
            presence: presence
                .iter()
                .map(|(name, stretches)| ((*name).to_owned(), rows(stretches, &Presence::Away)))
                .collect(),
            tabs: Vec::new(),
        })
    }

    #[test]
    fn a_row_waits_until_windows_and_presence_are_known_throughout() {
        let both = known(&[("a", &[(0, 60), (65, 100)])], &[("a", &[(0, 40), (45, 90)])]);
        for (row, holds) in [
            ((0, 90), true),
            ((10, 10), true),
            ((60, 92), true),
            ((60, 93), false),
            ((-3, 10), false),
            ((200, 200), false),
        ] {
            assert_eq!(both.holds("a", (at(row.0), at(row.1))), holds, "{row:?}");
        }
        let apart = known(&[("a", &[(0, 100)])], &[("a", &[(0, 40), (46, 100)])]);
        assert!(apart.holds("a", (at(0), at(40))));
        assert!(!apart.holds("a", (at(0), at(46))));
        let windows_alone = known(&[("a", &[(0, 100)])], &[]);
        assert!(!windows_alone.holds("a", (at(10), at(20))));
        let presence_alone = known(&[], &[("a", &[(0, 100)])]);
        assert!(!presence_alone.holds("a", (at(10), at(20))));
    }

    #[test]
    fn what_names_no_watched_machine_waits_for_all() {
        let one = known(&[("a", &[(0, 100)]), ("b", &[(0, 100)])], &[("a", &[(0, 100)])]);
        let row = (at(10), at(20));
        assert!(one.holds("a", row) && !one.holds("b", row) && !one.holds("", row));
        let all = known(&[("a", &[(0, 100)]), ("b", &[(0, 100)])], &[("", &[(0, 100)])]);
        assert!(all.holds("a", row) && all.holds("b", row) && all.holds("", row));
    }
}
