//! Claims of one source as they are sent: what they say together, sorted, never overlapping and always cut alike, whatever order they came in.

use domain::accounts::DeviceId;
use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::Row;
use domain::usage::{Attention, Holder, Label, Rank, Segment, Timeline};
use uuid::Uuid;

use crate::watch::Ping;

use super::steps::{Near, sort, step_of};

/// What a stretch of time was used for, as somebody says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// What for.
    pub label: Label,
    /// Only in sight.
    pub passive: bool,
}

/// What the claims say of each instant: of several the one that the server would take of one device.
#[must_use]
pub fn joined(mut claims: Vec<Row<Used>>) -> Vec<Ping> {
    sort(&mut claims);
    let mut near = Near::over(&claims);
    let mut pings = Vec::new();
    let mut at = UnixMs(i64::MIN);
    while let Some(step) = near.next(at).and_then(step_of) {
        let timeline = Timeline::of(near.rows(step).into_iter().filter_map(|claim| segment(claim, step)));
        pings.extend(timeline.into_segments().into_iter().map(ping));
        at = step.end();
    }
    pings
}

/// The part of a claim within the step, of a device that there is no other of.
fn segment(claim: Row<Used>, step: Span) -> Option<Segment> {
    let span = Span::new(claim.start, claim.end)?.clip(step)?;
    let Used { label, passive } = claim.seen;
    let rank = Rank {
        attention: if passive { Attention::Passive } else { Attention::Active },
        precedence: 0,
        device: DeviceId(Uuid::nil()),
        beat: None,
    };
    let holder = Holder { rank, label };
    Some(Segment { span, holder })
}

fn ping(segment: Segment) -> Ping {
    let Segment { span, holder } = segment;
    Ping {
        app: holder.label.app_name,
        domain: holder.label.domain,
        passive: holder.rank.attention == Attention::Passive,
        span,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::import::steps::STEP_MS;

    use super::*;

    fn claim(start: i64, end: i64, app: &str, passive: bool) -> Row<Used> {
        Row {
            start: UnixMs(start),
            end: UnixMs(end),
            seen: Used {
                label: Label::trusted(app, None),
                passive,
            },
        }
    }

    fn in_short(pings: &[Ping]) -> Vec<(i64, i64, &str, bool)> {
        let short = |ping: &Ping| (ping.span.start().0, ping.span.end().0, ping.passive);
        pings
            .iter()
            .map(|ping| {
                let (start, end, passive) = short(ping);
                (start, end, ping.app.as_str(), passive)
            })
            .collect()
    }

    #[test]
    fn the_active_one_wins_then_the_greater_label_and_neighbours_are_one() {
        let pings = joined(vec![
            claim(0, 100, "Film", true),
            claim(20, 40, "A", false),
            claim(30, 60, "B", false),
            claim(60, 70, "B", false),
            claim(80, 80, "never", false),
        ]);
        assert_eq!(
            in_short(&pings),
            [
                (0, 20, "Film", true),
                (20, 30, "A", false),
                (30, 70, "B", false),
                (70, 100, "Film", true)
            ]
        );
    }

    #[test]
    fn a_long_claim_is_cut_where_every_other_would_be() {
        let pings = joined(vec![claim(STEP_MS - 5, 2 * STEP_MS + 5, "A", false)]);
        assert_eq!(
            in_short(&pings),
            [
                (STEP_MS - 5, STEP_MS, "A", false),
                (STEP_MS, 2 * STEP_MS, "A", false),
                (2 * STEP_MS, 2 * STEP_MS + 5, "A", false)
            ]
        );
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_and_joining_again_changes_nothing(
            claims in prop::collection::vec((0_i64..60, 0_i64..30, 0_usize..3, any::<bool>()), 0..40),
            seed in any::<prop::sample::Index>(),
        ) {
            // Minutes by the half hour, so that steps are crossed.
            let unit = STEP_MS / 12;
            let rows: Vec<Row<Used>> = claims
                .iter()
                .map(|(start, length, app, passive)| claim(start * unit, (start + length) * unit, ["A", "B", "C"][*app], *passive))
                .collect();
            let pings = joined(rows.clone());
            let mut turned = rows.clone();
            turned.reverse();
            if !turned.is_empty() {
                let middle = seed.index(turned.len());
                turned.rotate_left(middle);
            }
            prop_assert_eq!(&joined(turned), &pings);
            prop_assert!(pings.windows(2).all(|pair| pair[0].span.end() <= pair[1].span.start()));
            let again = pings.iter().map(|ping| claim(ping.span.start().0, ping.span.end().0, ping.app.as_str(), ping.passive));
            prop_assert_eq!(&joined(again.collect()), &pings);
            let whole = Timeline::of(rows.into_iter().filter_map(|row| {
                let all = Span::new(UnixMs(-STEP_MS), UnixMs(1_000 * STEP_MS)).expect("not empty");
                segment(row, all)
            }));
            let held: i64 = whole.segments().iter().map(|segment| segment.span.ms()).sum();
            prop_assert_eq!(pings.iter().map(|ping| ping.span.ms()).sum::<i64>(), held);
        }
    }
}
