//! What heartbeats claim equals the model, whatever the order, the batching and the duplication, also among pings of other devices.

use std::collections::{BTreeMap, BTreeSet};

use domain::accounts::DeviceId;
use domain::time::{Span, UnixMs};
use domain::usage::{Attention, Beat, Holder, Label, Patience, Segment, Timeline, beats_near, claims_of};
use proptest::prelude::*;

use crate::model::holder;

/// What everything here is a multiple of, in milliseconds: a third of the shortest patience.
const STEP: i64 = 20_000;
/// How many steps are used.
const STEPS: i64 = 40;

/// What may arrive.
#[derive(Debug, Clone, PartialEq)]
enum Sent {
    Beat(Beat),
    Claim(Segment),
}

fn beat_of(holder: &Holder, at: i64, patience: i64) -> Beat {
    Beat {
        device: holder.rank.device,
        at: UnixMs(at * STEP),
        attention: holder.rank.attention,
        precedence: holder.rank.precedence,
        label: holder.label.clone(),
        patience: Patience::from_ms(patience * STEP).expect("in range"),
    }
}

/// Of an active device of the lowest precedence.
fn beat(device: u128, at: i64, patience: i64, app: &str) -> Beat {
    beat_of(&holder(1, 0, device, (app, None)), at, patience)
}

fn holders() -> impl Strategy<Value = Holder> {
    let labels = prop_oneof![Just(("a", None)), Just(("b", None))];
    (0u8..2, 0..2i32, 1u128..3, labels)
        .prop_map(|(attention, precedence, device, label)| holder(attention, precedence, device, label))
}

/// Few enough instants and holders that ties, neighbours and points out of reach are common.
fn sent() -> impl Strategy<Value = Sent> {
    let beat =
        (holders(), 0..STEPS, 3..9i64).prop_map(|(holder, at, patience)| Sent::Beat(beat_of(&holder, at, patience)));
    let claim = (holders(), 0..STEPS, 1..9i64).prop_map(|(holder, start, length)| {
        let span = Span::new(UnixMs(start * STEP), UnixMs((start + length) * STEP)).expect("not empty");
        Sent::Claim(Segment { span, holder })
    });
    prop_oneof![4 => beat, 1 => claim]
}

fn some() -> impl Strategy<Value = Vec<Sent>> {
    prop::collection::vec(sent(), 0..24)
}

/// The law, said once more: a cell for each step, and of each pair of points the one that comes first claims the cells between, if it waits so long.
fn cells(sent: &[Sent]) -> BTreeMap<i64, Holder> {
    let mut cells: BTreeMap<i64, Holder> = BTreeMap::new();
    let mut claim = |from: UnixMs, until: UnixMs, holder: &Holder| {
        for cell in from.0 / STEP..until.0 / STEP {
            let held = cells.entry(cell).or_insert_with(|| holder.clone());
            *held = (*held).clone().max(holder.clone());
        }
    };
    for one in sent {
        match one {
            Sent::Claim(segment) => claim(segment.span.start(), segment.span.end(), &segment.holder),
            Sent::Beat(beat) => {
                for other in sent {
                    if let Sent::Beat(other) = other
                        && other.device == beat.device
                        && other.at.0 - beat.at.0 <= beat.patience.ms()
                    {
                        claim(beat.at, other.at, &beat.holder());
                    }
                }
            }
        }
    }
    cells
}

fn model(sent: &[Sent]) -> Timeline {
    let cells = cells(sent).into_iter().map(|(cell, holder)| Segment {
        span: Span::new(UnixMs(cell * STEP), UnixMs((cell + 1) * STEP)).expect("a step"),
        holder,
    });
    Timeline::of(cells)
}

/// What a storage does: it keeps the points, and reads no others than those it is told to.
#[derive(Default)]
struct Store {
    timeline: Timeline,
    points: BTreeSet<Beat>,
}

impl Store {
    fn merge(&mut self, batch: &[Sent]) {
        let (mut fresh, mut claims) = (BTreeSet::new(), Vec::new());
        for sent in batch {
            match sent {
                Sent::Claim(segment) => claims.push(segment.clone()),
                Sent::Beat(beat) => drop(fresh.insert(beat.clone())),
            }
        }
        let fresh: Vec<Beat> = fresh.difference(&self.points).cloned().collect();
        let near = beats_near(&fresh);
        let is_near = |beat: &&Beat| {
            near.iter()
                .any(|(device, span)| *device == beat.device && (span.start()..span.end()).contains(&beat.at))
        };
        let known: Vec<Beat> = self.points.iter().filter(is_near).cloned().collect();
        claims.extend(claims_of(&known, &fresh));
        self.timeline = std::mem::take(&mut self.timeline).join(Timeline::of(claims));
        self.points.extend(fresh);
    }
}

fn merged(batches: &[Vec<Sent>]) -> Timeline {
    let mut store = Store::default();
    for batch in batches {
        store.merge(batch);
    }
    store.timeline
}

/// Each at least once, some twice, in another order, cut into batches.
fn deliveries(sent: Vec<Sent>) -> impl Strategy<Value = (Vec<Sent>, Vec<Vec<Sent>>)> {
    let many = sent.len();
    let again = prop::collection::vec(any::<prop::sample::Index>(), 0..=many);
    (Just(sent), again, 1..6usize).prop_flat_map(|(sent, again, size)| {
        let again = again
            .iter()
            .filter(|_| !sent.is_empty())
            .map(|index| index.get(&sent).clone());
        let all: Vec<_> = sent.iter().cloned().chain(again).collect();
        let batches = Just(all)
            .prop_shuffle()
            .prop_map(move |all| all.chunks(size).map(<[_]>::to_vec).collect());
        (Just(sent), batches)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_at_once_equals_the_model(sent in some()) {
        prop_assert_eq!(merged(std::slice::from_ref(&sent)), model(&sent));
    }

    #[test]
    fn order_batching_and_duplication_change_nothing((sent, batches) in some().prop_flat_map(deliveries)) {
        prop_assert_eq!(merged(&batches), model(&sent));
    }

    #[test]
    fn another_point_uncovers_nothing_and_gives_nothing_to_a_lesser_holder(sent in some(), holder in holders(), at in 0..STEPS, patience in 3..9i64) {
        let mut more = sent.clone();
        more.push(Sent::Beat(beat_of(&holder, at, patience)));
        let (before, after) = (cells(&sent), cells(&more));
        for (cell, held) in &before {
            prop_assert!(after.get(cell) >= Some(held));
        }
    }

    #[test]
    fn of_points_alike_the_later_labels_all_that_both_reach(ats in prop::collection::btree_set(0..STEPS, 2..12)) {
        // Of one device, each with a label of its own; nothing is out of reach of its neighbour but by the gap.
        let beats: Vec<Sent> = ats.iter().map(|at| Sent::Beat(beat(1, *at, 5, &format!("{at:02}")))).collect();
        let timeline = merged(&[beats]);
        let ats: Vec<i64> = ats.into_iter().collect();
        let expected: Vec<_> = ats.windows(2).filter(|pair| pair[1] - pair[0] <= 5).map(|pair| (pair[0], pair[1])).collect();
        let held = timeline.segments().iter().map(|held| {
            assert_eq!(held.holder.label.app_name.as_str(), format!("{:02}", held.span.start().0 / STEP));
            (held.span.start().0 / STEP, held.span.end().0 / STEP)
        });
        prop_assert_eq!(held.collect::<Vec<_>>(), expected);
    }
}

fn spans(timeline: &Timeline) -> Vec<(i64, i64, &str)> {
    let segments = timeline.segments().iter();
    segments
        .map(|held| {
            let app = held.holder.label.app_name.as_str();
            (held.span.start().0 / STEP, held.span.end().0 / STEP, app)
        })
        .collect()
}

#[test]
fn patience_reaches_as_far_as_it_is_long_and_not_a_millisecond_farther() {
    let patient = Beat {
        patience: Patience::from_ms(Patience::MS_MAX).expect("in range"),
        ..beat(1, 0, 3, "a")
    };
    for (after, is_reached) in [(Patience::MS_MAX, true), (Patience::MS_MAX + 1, false)] {
        let later = Beat {
            at: UnixMs(after),
            ..beat(1, 0, 3, "b")
        };
        for batches in [
            vec![vec![Sent::Beat(patient.clone())], vec![Sent::Beat(later.clone())]],
            vec![vec![Sent::Beat(later.clone())], vec![Sent::Beat(patient.clone())]],
        ] {
            let timeline = merged(&batches);
            assert_eq!(!timeline.segments().is_empty(), is_reached, "{after} ms");
        }
    }
}

#[test]
fn a_point_in_between_takes_nothing_away_from_one_that_reaches_past_it() {
    // The one in between waits too short a time to reach the last.
    let (first, last) = (beat(1, 0, 9, "first"), beat(1, 8, 9, "last"));
    let between = beat(1, 3, 3, "between");
    let without = merged(&[vec![Sent::Beat(first.clone()), Sent::Beat(last.clone())]]);
    assert_eq!(spans(&without), [(0, 8, "first")]);
    let with = merged(&[
        vec![Sent::Beat(first), Sent::Beat(last)],
        vec![Sent::Beat(between.clone())],
    ]);
    assert_eq!(spans(&with), [(0, 8, "first")]);
    let patient = Beat {
        patience: Patience::from_ms(5 * STEP).expect("in range"),
        ..between
    };
    let (first, last) = (beat(1, 0, 9, "first"), beat(1, 8, 9, "last"));
    let with = merged(&[vec![Sent::Beat(first), Sent::Beat(last)], vec![Sent::Beat(patient)]]);
    assert_eq!(spans(&with), [(0, 3, "first"), (3, 8, "between")]);
}

#[test]
fn neither_a_lone_point_nor_points_of_different_devices_claim_anything() {
    let alone = [Sent::Beat(beat(1, 0, 9, "a")), Sent::Beat(beat(2, 1, 9, "a"))];
    assert!(merged(&[alone.to_vec()]).segments().is_empty());
    let at_once = [Sent::Beat(beat(1, 0, 9, "a")), Sent::Beat(beat(1, 0, 9, "b"))];
    assert!(merged(&[at_once.to_vec()]).segments().is_empty());
}

#[test]
fn a_heartbeat_beats_a_ping_that_is_equal_in_all_that_decides_before() {
    let beats = [beat(1, 0, 9, "a"), beat(1, 4, 9, "a")].map(Sent::Beat);
    let span = Span::new(UnixMs(2 * STEP), UnixMs(6 * STEP)).expect("not empty");
    let ping = Segment {
        span,
        holder: holder(1, 0, 1, ("z", None)),
    };
    let greater = Segment {
        span,
        holder: holder(1, 1, 2, ("z", None)),
    };
    let both = merged(&[beats.to_vec(), vec![Sent::Claim(ping)]]);
    assert_eq!(spans(&both), [(0, 4, "a"), (4, 6, "z")]);
    let both = merged(&[beats.to_vec(), vec![Sent::Claim(greater)]]);
    assert_eq!(spans(&both), [(0, 2, "a"), (2, 6, "z")]);
}

#[test]
fn what_must_be_known_lies_an_hour_around_and_is_named_once() {
    let device = DeviceId(uuid::Uuid::from_u128(1));
    let far = Beat {
        at: UnixMs(3 * Patience::MS_MAX),
        ..beat(1, 0, 3, "a")
    };
    let label = Label::trusted("b", None);
    let same = Beat {
        label,
        attention: Attention::Passive,
        ..beat(1, 0, 3, "a")
    };
    let near = beats_near(&[far, beat(1, 3, 3, "a"), same, beat(1, 0, 3, "a")]);
    let hour = Patience::MS_MAX;
    let span = |start, end| Span::new(UnixMs(start), UnixMs(end)).expect("not empty");
    assert_eq!(
        near,
        [
            (device, span(-hour, 3 * STEP + hour + 1)),
            (device, span(2 * hour, 4 * hour + 1))
        ]
    );
}
