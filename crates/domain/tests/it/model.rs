//! The model: a map from instant to holder. Slow, and too simple to be wrong.

use std::collections::BTreeMap;

use domain::accounts::DeviceId;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment};
use proptest::prelude::*;

/// Instants lie on either side of a UTC midnight that is also the end of a month: 1970-02-01T00:00:00Z.
pub const MIDNIGHT: i64 = 31 * DAY_MS;
/// How many milliseconds on either side are used.
pub const REACH: i64 = 24;

pub fn holder(attention: u8, precedence: i32, device: u128, label: (&str, Option<&str>)) -> Holder {
    let attention = if attention == 0 {
        Attention::Passive
    } else {
        Attention::Active
    };
    let rank = Rank {
        attention,
        precedence,
        device: DeviceId(uuid::Uuid::from_u128(device)),
        beat: None,
    };
    Holder {
        rank,
        label: Label::trusted(label.0, label.1),
    }
}

pub fn segment(start: i64, end: i64, holder: Holder) -> Segment {
    let span = Span::new(UnixMs(MIDNIGHT + start), UnixMs(MIDNIGHT + end)).expect("a test's span is not empty");
    Segment { span, holder }
}

/// A claim anywhere in the model's range, with few enough holders that ties and neighbours are common.
pub fn claim() -> impl Strategy<Value = Segment> {
    let labels = prop_oneof![Just(("a", None)), Just(("a", Some("x.org"))), Just(("b", None))];
    (-REACH..REACH, 1..REACH, 0u8..2, 0..2i32, 1u128..3, labels).prop_map(
        |(start, length, attention, precedence, device, label)| {
            segment(
                start,
                (start + length).min(REACH),
                holder(attention, precedence, device, label),
            )
        },
    )
}

pub fn claims() -> impl Strategy<Value = Vec<Segment>> {
    prop::collection::vec(claim(), 0..24)
}

/// The law, said once more: for every instant, the greatest claim ever accepted for it.
pub fn cells(claims: &[Segment]) -> BTreeMap<i64, Holder> {
    let mut cells: BTreeMap<i64, Holder> = BTreeMap::new();
    for claim in claims {
        for instant in claim.span.start().0..claim.span.end().0 {
            let cell = cells.entry(instant).or_insert_with(|| claim.holder.clone());
            *cell = (*cell).clone().max(claim.holder.clone());
        }
    }
    cells
}

/// Maximal segments, read off the cells one by one.
pub fn segments(cells: &BTreeMap<i64, Holder>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for (instant, holder) in cells {
        let cell = Span::new(UnixMs(*instant), UnixMs(instant + 1)).expect("one millisecond");
        match segments.last_mut() {
            Some(last) if last.span.end() == cell.start() && last.holder == *holder => {
                last.span = Span::new(last.span.start(), cell.end()).expect("longer");
            }
            _ => segments.push(Segment {
                span: cell,
                holder: holder.clone(),
            }),
        }
    }
    segments
}
