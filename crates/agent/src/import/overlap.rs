//! How much time of what is compared with the timeline piece by piece is in several of the pieces, so that it is told how far their sum is off at most.

use std::collections::BTreeMap;
use std::iter::Peekable;

use domain::time::{Span, UnixMs};
use domain::usage::Patience;

use super::sources::Source;

/// Stretches of time: sorted, and never overlapping.
type Stretches<'a> = Peekable<Box<dyn Iterator<Item = Span> + 'a>>;

/// How many milliseconds more all together hold than there are: an instant that three hold is counted twice here. What each source holds as stretches and what it
/// holds as heartbeats is compared apart, and counts apart. `timeouts` has the seconds that a source's heartbeats wait for a later one.
#[must_use]
pub fn counted_again_ms(sources: &[Source], timeouts: &BTreeMap<String, u64>) -> i64 {
    let mut all: Vec<Stretches<'_>> = Vec::new();
    for source in sources {
        let claimed: Box<dyn Iterator<Item = Span>> = Box::new(source.pings.iter().map(|ping| ping.span));
        all.push(claimed.peekable());
        let timeout_ms = timeouts.get(&source.name).map(|secs| secs.saturating_mul(1_000));
        let timeout_ms = timeout_ms.map_or(Patience::default().ms(), |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let pairs = source.points.windows(2);
        let pairs = pairs
            .filter_map(move |pair| Span::new(pair[0].at, pair[1].at).filter(|between| between.ms() <= timeout_ms));
        let derived: Box<dyn Iterator<Item = Span>> = Box::new(pairs);
        all.push(derived.peekable());
    }
    let (mut counted_ms, mut held_ms, mut front) = (0, 0, UnixMs(i64::MIN));
    while let Some(span) = earliest(&mut all) {
        counted_ms += span.ms();
        held_ms += Span::new(span.start().max(front), span.end()).map_or(0, Span::ms);
        front = front.max(span.end());
    }
    counted_ms - held_ms
}

/// Takes the stretch that begins first.
fn earliest(all: &mut [Stretches<'_>]) -> Option<Span> {
    let begins = all
        .iter_mut()
        .enumerate()
        .filter_map(|(place, stretches)| Some((stretches.peek()?.start(), place)));
    let (_, place) = begins.min()?;
    all[place].next()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::usage::{AppName, Context, Kind, Label};
    use proptest::prelude::*;

    use crate::import::points::{About, Point};
    use crate::watch::Ping;

    use super::*;

    fn source(name: &str, pings: &[(i64, i64)], points: &[i64]) -> Source {
        let ping = |(start, end): &(i64, i64)| {
            let span = Span::new(UnixMs(start * 1_000), UnixMs(end * 1_000)).expect("not empty");
            Ping::of_app(AppName::parse("A").expect("a name"), span)
        };
        let about = Arc::new(About {
            label: Label::trusted("A", None),
            context: Context::of_kind(Kind::File),
        });
        let point = |at: &i64| Point {
            at: UnixMs(at * 1_000),
            about: Arc::clone(&about),
        };
        Source {
            name: name.to_owned(),
            pings: pings.iter().map(ping).collect(),
            points: points.iter().map(point).collect(),
        }
    }

    fn again_secs(sources: &[Source], timeouts: &[(&str, u64)]) -> i64 {
        let timeouts = timeouts.iter().map(|(name, secs)| ((*name).to_owned(), *secs));
        counted_again_ms(sources, &timeouts.collect()) / 1_000
    }

    #[test]
    fn what_meets_is_counted_once_and_what_overlaps_is_counted_again() {
        let desk = || source("desk", &[(0, 100), (200, 300)], &[]);
        assert_eq!(again_secs(&[], &[]), 0);
        assert_eq!(again_secs(&[desk()], &[]), 0);
        assert_eq!(again_secs(&[desk(), source("b", &[(100, 200)], &[])], &[]), 0);
        assert_eq!(again_secs(&[desk(), source("b", &[(90, 210)], &[])], &[]), 20);
        assert_eq!(again_secs(&[desk(), desk(), desk()], &[]), 400);
    }

    #[test]
    fn heartbeats_hold_what_their_timeout_lets_them_and_count_apart_from_stretches_of_their_source() {
        let both = source("all", &[(0, 1_000)], &[0, 600, 1_201]);
        assert_eq!(again_secs(std::slice::from_ref(&both), &[]), 600);
        assert_eq!(again_secs(std::slice::from_ref(&both), &[("all", 599)]), 0);
        assert_eq!(again_secs(std::slice::from_ref(&both), &[("all", 601)]), 1_000);
    }

    proptest! {
        #[test]
        fn it_is_what_counting_seconds_gives(
            given in prop::collection::vec(prop::collection::vec((1_i64..9, 1_i64..9), 0..12), 0..4),
        ) {
            let mut held = [0_i64; 256];
            let mut sources = Vec::new();
            for gaps in &given {
                let (mut at, mut pings) = (0, Vec::new());
                for (gap, length) in gaps {
                    pings.push((at + gap, at + gap + length));
                    at += gap + length;
                }
                for (start, end) in &pings {
                    for second in *start..*end {
                        held[usize::try_from(second).expect("small")] += 1;
                    }
                }
                sources.push(source("x", &pings, &[]));
            }
            let again: i64 = held.iter().map(|count| (count - 1).max(0)).sum();
            prop_assert_eq!(again_secs(&sources, &[]), again);
        }
    }
}
