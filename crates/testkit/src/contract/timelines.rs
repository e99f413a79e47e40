//! What a store of timelines must do, seen through its two ports.

mod beats;
mod erasure;
mod merging;
mod numbers;
mod own;
mod time;

use std::ops::Range;

use domain::accounts::{DeviceId, UserId};
use domain::reports::Stint;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Arrival, Attention, Claim, Holder, Label, Rank, Segment, Seq};
use ports::reports::TimelineReader;
use uuid::Uuid;

pub use beats::*;
pub use erasure::*;
pub use merging::*;
pub use numbers::*;
pub use own::*;
pub use time::*;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! timelines_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            timelines,
            $home,
            [
                nothing_is_read_where_nothing_was_merged,
                an_empty_merge_does_nothing,
                a_claim_is_read_back_as_it_was_merged,
                merging_again_writes_nothing,
                what_goes_on_makes_one_longer_piece,
                a_greater_claim_takes_its_instants_and_leaves_the_rest,
                a_late_claim_is_joined_to_the_neighbours_it_touches,
                no_order_of_arrival_changes_what_is_read,
                people_do_not_meet,
                what_crosses_midnights_is_stored_in_a_piece_for_each_utc_day,
                late_claims_before_everything_else_are_kept,
                a_window_gives_whole_pieces_and_none_that_only_touch_it,
                a_window_beyond_the_calendar_is_answered,
                names_of_every_script_come_back_as_they_were,
                labels_compare_by_bytes,
                numbers_are_settled_up_to_the_first_gap,
                a_refused_number_is_settled_and_claims_nothing,
                numbers_count_for_each_device_alone,
                room_can_be_made_twice_and_ahead,
                many_people_are_merged_at_once,
                a_heartbeat_claims_up_to_the_farthest_that_comes_within_its_patience,
                no_order_of_heartbeats_changes_what_is_read,
                merging_heartbeats_again_writes_nothing,
                patience_is_kept_to_the_millisecond,
                heartbeats_are_joined_with_the_pings_of_other_devices,
                heartbeats_of_different_devices_and_people_do_not_meet,
                heartbeats_are_read_back_as_they_came,
                what_was_said_is_told_with_the_pieces_that_heartbeats_hold,
                what_a_merge_would_find_is_read_by_its_person_alone,
                points_are_read_where_they_are_asked_for,
                what_starts_years_ago_is_kept_as_what_starts_today,
                an_erased_person_has_no_heartbeats_and_gets_none,
                an_erased_person_has_no_timeline_and_the_others_have_theirs,
                what_arrives_of_an_erased_person_is_dropped,
                numbers_of_an_erased_person_start_anew,
                erasing_again_keeps_the_later_instant_and_the_devices,
                somebody_without_a_timeline_can_be_erased,
                erasures_are_given_in_pages_the_earliest_first,
                an_erasure_that_is_forgotten_holds_nothing_back,
                an_erasure_that_was_renewed_is_not_forgotten,
            ]
        );
    };
}

/// 2026-03-31T12:00:00Z: half a day before a midnight that also ends a month.
const NOON: i64 = 1_774_958_400_000;

fn holder(device: u128, app_name: &str) -> Holder {
    Holder {
        rank: Rank {
            attention: Attention::Active,
            precedence: i32::try_from(device).expect("a small number"),
            device: DeviceId(Uuid::from_u128(device)),
            beat: None,
        },
        label: Label::trusted(app_name, None),
    }
}

/// A stretch of milliseconds counted from [`NOON`].
fn span(range: Range<i64>) -> Span {
    Span::new(UnixMs(NOON + range.start), UnixMs(NOON + range.end)).expect("not empty")
}

fn segment(range: Range<i64>, holder: &Holder) -> Segment {
    Segment {
        span: span(range),
        holder: holder.clone(),
    }
}

fn of(user: u128, segment: Segment) -> Arrival {
    let user = UserId(Uuid::from_u128(user));
    Arrival::Claim {
        claim: Claim { user, segment },
        seq: None,
    }
}

fn ping(user: u128, range: Range<i64>, holder: &Holder, seq: Option<u64>) -> Arrival {
    Arrival::Claim {
        claim: Claim {
            user: UserId(Uuid::from_u128(user)),
            segment: segment(range, holder),
        },
        seq: seq.map(|seq| Seq::new(seq).expect("in range")),
    }
}

/// What a window gives: the same to those who look at pieces and to those who add them up.
async fn within<R: TimelineReader>(reader: &R, user: u128, range: Range<i64>) -> Vec<Segment> {
    let (user, window) = (UserId(Uuid::from_u128(user)), span(range));
    let pieces = reader.pieces(user, window).await.expect("read");
    let stints = reader.stints(user, window).await.expect("read");
    assert_eq!(stints, pieces.iter().map(Stint::from).collect::<Vec<_>>());
    pieces
}

/// Everything the person has within a year.
async fn pieces<R: TimelineReader>(reader: &R, user: u128) -> Vec<Segment> {
    within(reader, user, -365 * DAY_MS..365 * DAY_MS).await
}

/// All orders of `0..count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let insert = |order: Vec<usize>| {
        (0..count).map(move |at| {
            let mut order = order.clone();
            order.insert(at, count - 1);
            order
        })
    };
    orders(count - 1).into_iter().flat_map(insert).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        let parts = [
            include_str!("timelines/merging.rs"),
            include_str!("timelines/beats.rs"),
            include_str!("timelines/numbers.rs"),
            include_str!("timelines/own.rs"),
            include_str!("timelines/time.rs"),
            include_str!("timelines/erasure.rs"),
        ];
        crate::contract::assert_listed(include_str!("timelines.rs"), &parts);
    }
}
