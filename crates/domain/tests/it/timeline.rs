//! The join equals the model, whatever the order, the batching and the duplication.

use domain::usage::{Segment, Timeline};
use proptest::prelude::*;

use crate::model::{cells, claims, holder, segment, segments};

/// The same claims: each at least once, some twice, in another order, cut into batches.
fn deliveries(claims: Vec<Segment>) -> impl Strategy<Value = (Vec<Segment>, Vec<Vec<Segment>>)> {
    let many = claims.len();
    let again = prop::collection::vec(any::<prop::sample::Index>(), 0..=many);
    (Just(claims), again, 1..5usize).prop_flat_map(|(claims, again, size)| {
        let repeated = again
            .iter()
            .filter(|_| !claims.is_empty())
            .map(|index| index.get(&claims).clone());
        let all: Vec<_> = claims.iter().cloned().chain(repeated).collect();
        let batches = Just(all)
            .prop_shuffle()
            .prop_map(move |all| all.chunks(size).map(<[_]>::to_vec).collect());
        (Just(claims), batches)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_join_equals_the_model(claims in claims()) {
        let timeline = Timeline::of(claims.clone());
        let expected = segments(&cells(&claims));
        prop_assert_eq!(timeline.segments(), expected.as_slice());
    }

    #[test]
    fn order_batching_and_duplication_change_nothing((claims, batches) in claims().prop_flat_map(deliveries)) {
        let merged = batches.into_iter().fold(Timeline::default(), |timeline, batch| timeline.join(Timeline::of(batch)));
        prop_assert_eq!(merged, Timeline::of(claims));
    }

    #[test]
    fn joining_is_commutative_associative_and_idempotent(a in claims(), b in claims(), c in claims()) {
        let (a, b, c) = (Timeline::of(a), Timeline::of(b), Timeline::of(c));
        prop_assert_eq!(a.clone().join(b.clone()), b.clone().join(a.clone()));
        prop_assert_eq!(a.clone().join(b.clone()).join(c.clone()), a.clone().join(b.join(c)));
        prop_assert_eq!(a.clone().join(a.clone()), a);
    }

    #[test]
    fn segments_never_overlap_and_no_two_neighbours_could_be_one(claims in claims()) {
        let timeline = Timeline::of(claims);
        for pair in timeline.segments().windows(2) {
            prop_assert!(pair[0].span.end() <= pair[1].span.start());
            prop_assert!(pair[0].span.end() < pair[1].span.start() || pair[0].holder != pair[1].holder);
        }
    }

    #[test]
    fn pieces_lie_in_one_utc_day_and_join_to_the_timeline_again(claims in claims()) {
        let timeline = Timeline::of(claims);
        let pieces: Vec<_> = timeline.pieces().collect();
        for piece in &pieces {
            prop_assert_eq!(piece.span.start().day_start(), piece.span.end().plus_ms(-1).day_start());
        }
        prop_assert_eq!(Timeline::of(pieces), timeline);
    }
}

#[test]
fn attention_decides_before_precedence_precedence_before_device_and_the_label_last() {
    let ranked = [
        holder(0, 9, 9, ("z", None)),
        holder(1, 0, 9, ("z", None)),
        holder(1, 1, 1, ("z", None)),
        holder(1, 1, 2, ("a", None)),
        holder(1, 1, 2, ("a", Some("a.org"))),
        holder(1, 1, 2, ("b", None)),
    ];
    for pair in ranked.windows(2) {
        let both = Timeline::of([segment(0, 10, pair[1].clone()), segment(0, 10, pair[0].clone())]);
        assert_eq!(both.segments(), [segment(0, 10, pair[1].clone())]);
    }
}

#[test]
fn a_greater_claim_in_the_middle_splits_a_lesser_one() {
    let (low, high) = (holder(1, 0, 1, ("a", None)), holder(1, 1, 2, ("a", None)));
    let timeline = Timeline::of([segment(0, 10, low.clone()), segment(3, 6, high.clone())]);
    assert_eq!(
        timeline.segments(),
        [segment(0, 3, low.clone()), segment(3, 6, high), segment(6, 10, low)]
    );
}
