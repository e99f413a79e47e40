//! Cuts what a source tells into lists that the server takes, always alike.

use std::ops::Range;

use domain::time::{DAY_MS, UnixMs};
use domain::usage::Patience;

use crate::watch::Ping;

use super::points::Point;

/// The most claims and heartbeats of a list.
pub const COUNT_MAX: usize = 1_000;
/// The longest time from the first instant of a list to its last.
pub const SPAN_MS_MAX: i64 = 31 * DAY_MS;

/// Heartbeats that are sent together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beats {
    /// Those that are the list's own.
    pub own: Range<usize>,
    /// How many more of the next list it needs, so that the last of its own claims as far as it will.
    pub more: usize,
}

/// The claims from `from` on that are sent together, at most `count_max`.
#[must_use]
pub fn of_pings(pings: &[Ping], from: usize, count_max: usize) -> Range<usize> {
    let rest = pings.get(from..).unwrap_or_default();
    let Some(first) = rest.first() else {
        return from..from;
    };
    let until = first.span.start().plus_ms(SPAN_MS_MAX);
    // No claim is as long, so there is one at least.
    let count = rest.partition_point(|ping| ping.span.end() <= until);
    from..from + count.clamp(1, count_max.max(1))
}

/// The heartbeats from `from` on that are sent together, at most `count_max` with those that it needs of the next list.
#[must_use]
pub fn of_points(points: &[Point], from: usize, count_max: usize) -> Beats {
    let rest = points.get(from..).unwrap_or_default();
    let Some(first) = rest.first() else {
        return Beats {
            own: from..from,
            more: 0,
        };
    };
    // With room for the one more.
    let until = first.at.plus_ms(SPAN_MS_MAX - Patience::MS_MAX);
    let count = rest.partition_point(|point| point.at <= until);
    let count = count.clamp(1, count_max.saturating_sub(1).max(1));
    let last = rest[count - 1].at;
    let reaches = |next: UnixMs| next <= last.plus_ms(Patience::MS_MAX);
    let more = rest.get(count).is_some_and(|next| reaches(next.at));
    Beats {
        own: from..from + count,
        more: usize::from(more),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::time::Span;
    use domain::usage::{AppName, Context, Kind, Label};
    use proptest::prelude::*;

    use crate::import::points::About;

    use super::*;

    const HOUR_MS: i64 = Patience::MS_MAX;

    fn ping(start: i64, end: i64) -> Ping {
        let app = AppName::parse("A").expect("a name");
        Ping::of_app(app, Span::new(UnixMs(start), UnixMs(end)).expect("not empty"))
    }

    fn points(at: impl IntoIterator<Item = i64>) -> Vec<Point> {
        let about = Arc::new(About {
            label: Label::trusted("A", None),
            context: Context::of_kind(Kind::File),
        });
        let point = |at| Point {
            at: UnixMs(at),
            about: Arc::clone(&about),
        };
        at.into_iter().map(point).collect()
    }

    #[test]
    fn a_list_of_claims_ends_at_its_count_or_at_its_month() {
        let short: Vec<Ping> = (0..1_001).map(|number| ping(number * 10, number * 10 + 5)).collect();
        assert_eq!(of_pings(&short, 0, COUNT_MAX), 0..1_000);
        assert_eq!(of_pings(&short, 1_000, COUNT_MAX), 1_000..1_001);
        assert_eq!(of_pings(&short, 1_001, COUNT_MAX), 1_001..1_001);
        let long = [
            ping(0, 5),
            ping(SPAN_MS_MAX - 5, SPAN_MS_MAX),
            ping(SPAN_MS_MAX, SPAN_MS_MAX + 1),
        ];
        assert_eq!(of_pings(&long, 0, COUNT_MAX), 0..2);
        assert_eq!(of_pings(&long, 1, COUNT_MAX), 1..3);
        assert_eq!(of_pings(&long, 0, 1), 0..1);
    }

    #[test]
    fn a_list_of_heartbeats_has_room_for_the_first_of_the_next() {
        let dense = points((0..1_000).map(|number| number * 1_000));
        assert_eq!(of_points(&dense, 0, COUNT_MAX), Beats { own: 0..999, more: 1 });
        assert_eq!(
            of_points(&dense, 999, COUNT_MAX),
            Beats {
                own: 999..1_000,
                more: 0
            }
        );
        assert_eq!(of_points(&dense, 0, 2), Beats { own: 0..1, more: 1 });
        assert_eq!(of_points(&dense, 0, 1), Beats { own: 0..1, more: 1 });
        let month = SPAN_MS_MAX - HOUR_MS;
        let sparse = points([0, month, month + HOUR_MS, month + HOUR_MS + 1]);
        assert_eq!(of_points(&sparse, 0, COUNT_MAX), Beats { own: 0..2, more: 1 });
        let apart = points([0, month, month + HOUR_MS + 1]);
        assert_eq!(of_points(&apart, 0, COUNT_MAX), Beats { own: 0..2, more: 0 });
        assert_eq!(of_points(&[], 0, COUNT_MAX), Beats { own: 0..0, more: 0 });
    }

    proptest! {
        #[test]
        fn every_heartbeat_is_in_one_list_and_no_list_is_too_long(
            gaps in prop::collection::vec(prop_oneof![0_i64..1_000, 0_i64..2 * HOUR_MS, 0_i64..40 * DAY_MS], 0..60),
            count_max in 2_usize..8,
        ) {
            let all = points(gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }));
            let mut from = 0;
            while from < all.len() {
                let beats = of_points(&all, from, count_max);
                prop_assert_eq!(beats.own.start, from);
                let end = beats.own.end + beats.more;
                prop_assert!(!beats.own.is_empty() && end - from <= count_max && end <= all.len());
                prop_assert!(all[end - 1].at.0 - all[from].at.0 <= SPAN_MS_MAX);
                from = beats.own.end;
            }
        }
    }
}
