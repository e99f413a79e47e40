use std::collections::{BTreeMap, BTreeSet};

use domain::accounts::DeviceId;
use domain::usage::{Label, Rank, Timeline};
use proptest::prelude::*;

use super::*;

const REACH: i64 = 20;

fn holder(device: u128, app: &str) -> Holder {
    let rank = Rank {
        attention: Attention::Active,
        precedence: i32::try_from(device).expect("small"),
        device: DeviceId(uuid::Uuid::from_u128(device)),
        beat: None,
    };
    Holder {
        rank,
        label: Label::trusted(app, None),
    }
}

fn claim(start: i64, end: i64, device: u128) -> Segment {
    Segment {
        span: Span::new(UnixMs(start), UnixMs(end)).expect("not empty"),
        holder: holder(device, "a"),
    }
}

fn claimed(acknowledged: &[Segment], unknown: &[Segment]) -> Claimed {
    Claimed::new(acknowledged.to_vec(), unknown.to_vec())
}

/// Breach, start, end, the device that is expected and the one that is found; 0 for nobody.
fn found(stored: &[Segment], acknowledged: &[Segment], unknown: &[Segment]) -> Vec<(Breach, i64, i64, u128, u128)> {
    let device = |holder: Option<Holder>| holder.map_or(0, |holder| holder.rank.device.0.as_u128());
    compare(stored, &claimed(acknowledged, unknown))
        .into_iter()
        .map(|finding| {
            let Finding {
                breach,
                span,
                expected,
                found,
            } = finding;
            (breach, span.start().0, span.end().0, device(expected), device(found))
        })
        .collect()
}

#[test]
fn what_is_stored_as_the_law_says_is_right() {
    let claims = [claim(0, 10, 1), claim(5, 15, 2), claim(20, 30, 1)];
    let stored = Timeline::of(claims.to_vec()).into_segments();
    assert_eq!(found(&stored, &claims, &[]), []);
    // Cut as the tables do it.
    assert_eq!(
        found(
            &[claim(0, 3, 1), claim(3, 5, 1), claim(5, 15, 2), claim(20, 30, 1)],
            &claims,
            &[]
        ),
        []
    );
}

#[test]
fn a_missing_instant_is_named() {
    let stored = [claim(0, 4, 1), claim(5, 10, 1)];
    assert_eq!(found(&stored, &[claim(0, 10, 1)], &[]), [(Breach::Missing, 4, 5, 1, 0)]);
    assert_eq!(found(&[], &[claim(0, 10, 1)], &[]), [(Breach::Missing, 0, 10, 1, 0)]);
}

#[test]
fn an_extra_instant_is_named() {
    assert_eq!(
        found(&[claim(0, 11, 1)], &[claim(0, 10, 1)], &[]),
        [(Breach::Extra, 10, 11, 0, 1)]
    );
    assert_eq!(found(&[claim(0, 1, 3)], &[], &[]), [(Breach::Extra, 0, 1, 0, 3)]);
}

#[test]
fn a_wrong_holder_is_named() {
    let claims = [claim(0, 10, 1), claim(5, 15, 2)];
    let stored = [claim(0, 10, 1), claim(10, 15, 2)];
    assert_eq!(found(&stored, &claims, &[]), [(Breach::Wrong, 5, 10, 2, 1)]);
    // Greater than what was accepted, and claimed by nobody.
    assert_eq!(
        found(&[claim(0, 10, 9)], &[claim(0, 10, 1)], &[]),
        [(Breach::Wrong, 0, 10, 1, 9)]
    );
}

#[test]
fn time_that_is_stored_twice_is_named() {
    let stored = [claim(0, 10, 1), claim(8, 10, 1)];
    assert_eq!(found(&stored, &[claim(0, 10, 1)], &[]), [(Breach::Twice, 8, 10, 1, 1)]);
}

#[test]
fn what_nobody_knows_of_may_be_there_or_not_and_wins_only_if_it_is_greater() {
    let (low, high) = (claim(0, 10, 1), claim(5, 15, 2));
    // The greater is unknown: either is right, and so is each instant of it by itself.
    for stored in [
        vec![claim(0, 10, 1)],
        vec![claim(0, 5, 1), claim(5, 15, 2)],
        vec![claim(0, 7, 1), claim(7, 9, 2), claim(9, 10, 1)],
    ] {
        assert_eq!(
            found(&stored, std::slice::from_ref(&low), std::slice::from_ref(&high)),
            []
        );
    }
    // The lower is unknown: it may hold what nobody else was given, and nothing else.
    assert_eq!(
        found(
            &[claim(0, 6, 1), claim(6, 15, 2)],
            std::slice::from_ref(&high),
            std::slice::from_ref(&low)
        ),
        [(Breach::Wrong, 5, 6, 2, 1)]
    );
    // What was accepted must be there all the same.
    assert_eq!(
        found(&[claim(0, 5, 1)], &[high], &[low]),
        [(Breach::Missing, 5, 15, 2, 0)]
    );
}

#[test]
fn a_finding_says_who_should_hold_what_and_who_does() {
    let findings = compare(&[], &claimed(&[claim(0, 10, 1)], &[]));
    assert_eq!(
        findings[0].to_string(),
        "1970-01-01T00:00:00Z to 1970-01-01T00:00:00.010Z (10 ms): expected \"a\" -, active, of device \
         00000000-0000-0000-0000-000000000001 (precedence 1), found nothing"
    );
}

fn any_claims(most: usize) -> impl Strategy<Value = Vec<Segment>> {
    let one = (0..REACH - 1, 1..8i64, 1u128..4)
        .prop_map(|(start, length, device)| claim(start, (start + length).min(REACH), device));
    prop::collection::vec(one, 0..most)
}

/// The same, said for one instant at a time.
fn cells(stored: &[Segment], acknowledged: &[Segment], unknown: &[Segment]) -> BTreeSet<(i64, Breach)> {
    let holders = |claims: &[Segment], at: i64| -> Vec<u128> {
        let there = claims
            .iter()
            .filter(|claim| claim.span.start().0 <= at && at < claim.span.end().0);
        there.map(|claim| claim.holder.rank.device.0.as_u128()).collect()
    };
    let mut wrong = BTreeSet::new();
    for at in 0..REACH {
        let (stored, must, may) = (holders(stored, at), holders(acknowledged, at), holders(unknown, at));
        let expected = must.iter().max().copied().unwrap_or(0);
        let held = stored.iter().max().copied().unwrap_or(0);
        if stored.len() > 1 {
            wrong.insert((at, Breach::Twice));
        }
        if held == expected || (held > expected && may.contains(&held)) {
            continue;
        }
        wrong.insert((
            at,
            match (expected, held) {
                (0, _) => Breach::Extra,
                (_, 0) => Breach::Missing,
                _ => Breach::Wrong,
            },
        ));
    }
    wrong
}

proptest! {
    #[test]
    fn every_instant_that_is_wrong_is_found_and_no_other(
        stored in any_claims(6), acknowledged in any_claims(8), unknown in any_claims(4)
    ) {
        let findings = compare(&stored, &claimed(&acknowledged, &unknown));
        let mut seen: BTreeMap<(i64, Breach), usize> = BTreeMap::new();
        for finding in &findings {
            for at in finding.span.start().0..finding.span.end().0 {
                *seen.entry((at, finding.breach)).or_default() += 1;
            }
        }
        prop_assert!(seen.values().all(|times| *times == 1), "{findings:?}");
        let found: BTreeSet<_> = seen.into_keys().collect();
        prop_assert_eq!(found, cells(&stored, &acknowledged, &unknown));
    }

    #[test]
    fn the_join_of_what_was_accepted_and_any_of_the_unknown_is_right(
        acknowledged in any_claims(8), unknown in any_claims(6), merged in prop::collection::vec(any::<bool>(), 6)
    ) {
        let lucky = unknown.iter().zip(merged).filter(|(_, merged)| *merged).map(|(claim, _)| claim.clone());
        let stored = Timeline::of(acknowledged.iter().cloned().chain(lucky)).into_segments();
        prop_assert_eq!(compare(&stored, &claimed(&acknowledged, &unknown)), []);
    }

    #[test]
    fn losing_an_accepted_claim_that_shows_is_seen(acknowledged in any_claims(8), lost in 0..8usize) {
        let kept: Vec<Segment> = acknowledged.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, claim)| claim.clone()).collect();
        let (before, after) = (Timeline::of(acknowledged.clone()), Timeline::of(kept));
        let findings = compare(after.segments(), &claimed(&acknowledged, &[]));
        prop_assert_eq!(findings.is_empty(), before == after);
    }
}
