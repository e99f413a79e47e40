//! Reports add up: days to the week, bridged or not, in whatever pieces the time is read.

use domain::accounts::DeviceId;
use domain::reports::{Bridge, Stint, Tally};
use domain::time::{SECOND_MS, Span, UnixMs};
use domain::usage::{Segment, Timeline};
use proptest::prelude::*;

use crate::model::{MIDNIGHT, REACH, claims, holder, segment};

/// The model's milliseconds made seconds, so that gaps can be bridged.
fn seconds(segments: &[Segment]) -> Vec<Segment> {
    let stretch = |at: UnixMs| UnixMs(MIDNIGHT + (at.0 - MIDNIGHT) * SECOND_MS);
    let stretched = |segment: &Segment| Segment {
        span: Span::new(stretch(segment.span.start()), stretch(segment.span.end())).expect("longer"),
        holder: segment.holder.clone(),
    };
    segments.iter().map(stretched).collect()
}

fn window(from_secs: i64, to_secs: i64) -> Span {
    Span::new(
        UnixMs(MIDNIGHT + from_secs * SECOND_MS),
        UnixMs(MIDNIGHT + to_secs * SECOND_MS),
    )
    .expect("not empty")
}

fn sums(segments: &[Segment], windows: Vec<Span>, bridge_secs: u32) -> Vec<i64> {
    let mut tally = Tally::new(windows, Bridge::from_secs(bridge_secs).expect("in range"));
    for segment in segments {
        tally.push(&Stint::from(segment));
    }
    tally
        .into_totals_ms()
        .iter()
        .map(|(_, totals)| totals.values().sum())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn days_add_up_to_the_week_and_pieces_to_segments(claims in claims(), bridge_secs in 0..6u32, cut in -20..20i64) {
        let timeline = Timeline::of(seconds(&claims));
        let whole = sums(timeline.segments(), vec![window(-REACH, REACH)], bridge_secs);
        let halves = vec![window(-REACH, cut), window(cut, REACH)];
        prop_assert_eq!(sums(timeline.segments(), halves.clone(), bridge_secs).iter().sum::<i64>(), whole[0]);
        let pieces: Vec<_> = timeline.pieces().collect();
        prop_assert_eq!(sums(&pieces, halves, bridge_secs).iter().sum::<i64>(), whole[0]);
    }

    #[test]
    fn without_a_bridge_the_sum_is_the_measure_of_the_union(claims in claims()) {
        let timeline = Timeline::of(seconds(&claims));
        let measure: i64 = timeline.segments().iter().map(|segment| segment.span.ms()).sum();
        prop_assert_eq!(sums(timeline.segments(), vec![window(-REACH, REACH)], 0), vec![measure]);
    }
}

#[test]
fn a_gap_at_the_limit_is_bridged_and_a_longer_one_is_not() {
    let app = || holder(1, 0, 1, ("a", None));
    for (gap_secs, expected_secs) in [(5, 25), (6, 20)] {
        let segments = seconds(&[segment(-20, -10, app()), segment(-10 + gap_secs, gap_secs, app())]);
        assert_eq!(
            sums(&segments, vec![window(-REACH, REACH)], 5),
            [expected_secs * SECOND_MS],
            "a gap of {gap_secs} s"
        );
    }
}

#[test]
fn a_gap_is_bridged_only_between_neighbours_of_one_device_and_label() {
    let (a, b) = (holder(1, 0, 1, ("a", None)), holder(1, 0, 1, ("b", None)));
    let other = holder(1, 0, 2, ("a", None));
    for between in [b, other.clone()] {
        let segments = seconds(&[
            segment(0, 2, a.clone()),
            segment(3, 4, between),
            segment(5, 7, a.clone()),
        ]);
        assert_eq!(sums(&segments, vec![window(-REACH, REACH)], 10), [5 * SECOND_MS]);
    }
    let devices = seconds(&[segment(0, 2, a), segment(4, 6, other)]);
    assert_eq!(
        sums(&devices, vec![window(-REACH, REACH)], 10),
        [4 * SECOND_MS],
        "another device is no neighbour"
    );
}

#[test]
fn one_device_alone_can_be_counted() {
    let (mine, other) = (holder(1, 0, 1, ("a", None)), holder(1, 0, 2, ("a", None)));
    let device: DeviceId = mine.rank.device;
    let mut tally = Tally::new(vec![window(0, 20)], Bridge::default()).of_device(Some(device));
    for segment in seconds(&[segment(0, 2, mine), segment(4, 9, other)]) {
        tally.push(&Stint::from(&segment));
    }
    let total: i64 = tally.into_totals_ms()[0].1.values().sum();
    assert_eq!(total, 2 * SECOND_MS);
}
