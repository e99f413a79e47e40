use domain::accounts::DeviceId;
use domain::time::UnixMs;
use domain::usage::{Attention, Holder, Label, Rank};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;

fn claim(start: i64, end: i64, app: &str) -> Segment {
    let rank = Rank {
        attention: Attention::Active,
        precedence: 1,
        device: DeviceId(Uuid::nil()),
        beat: None,
    };
    Segment {
        span: span(start, end),
        holder: Holder {
            rank,
            label: Label::trusted(app, None),
        },
    }
}

fn span(start: i64, end: i64) -> Span {
    Span::new(UnixMs(start), UnixMs(end)).expect("not empty")
}

fn claimed(acknowledged: Vec<Segment>, unknown: Vec<Segment>) -> Claimed {
    Claimed::new(acknowledged, unknown)
}

fn says(total: f64, items: &[(&str, f64)]) -> Said {
    let items: Vec<Value> = items
        .iter()
        .map(|(app, seconds)| json!({"app_name": app, "seconds": seconds}))
        .collect();
    read(&json!({"total_seconds": total, "items": items}), "total_seconds").expect("a report")
}

#[test]
fn a_report_that_adds_up_is_right_and_every_other_is_told() {
    let claimed = claimed(
        vec![
            claim(0, 3_000, "a"),
            claim(2_000, 5_500, "b"),
            claim(9_000, 10_000, "a"),
        ],
        vec![],
    );
    let expected = Sums::of(&claimed).within(Some(span(1_000, 9_500)));
    assert_eq!(differs("it", &says(5.0, &[("b", 3.5), ("a", 1.5)]), &expected), None);
    for (wrong, why) in [
        (says(5.001, &[("b", 3.5), ("a", 1.501)]), "5000 to 5000 ms were claimed"),
        (says(4.0, &[("b", 3.5), ("a", 0.5)]), "5000 to 5000 ms were claimed"),
        (says(5.0, &[("b", 3.5), ("a", 2.5)]), "its parts are 6000 ms"),
        (says(5.0, &[("b", 1.5), ("a", 3.5)]), "and it is"),
        (says(5.0, &[("b", 3.5), ("c", 1.5)]), "and it is"),
    ] {
        let told = differs("it", &wrong, &expected).expect("a difference");
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn what_is_unknown_may_be_in_the_sum_or_not() {
    let claimed = claimed(vec![claim(0, 1_000, "a")], vec![claim(500, 3_000, "b")]);
    let expected = Sums::of(&claimed).within(Some(span(0, 10_000)));
    for (total, is_right) in [(1.0, true), (2.2, true), (3.0, true), (0.999, false), (3.001, false)] {
        assert_eq!(
            differs("it", &says(total, &[("a", total)]), &expected).is_none(),
            is_right,
            "{total}"
        );
    }
}

#[test]
fn each_day_is_held_against_its_own_date() {
    let claimed = claimed(vec![claim(0, 1_000, "a")], vec![]);
    let sums = Sums::of(&claimed);
    let days = BTreeMap::from([
        ("1970-01-01".parse().expect("a day"), span(0, 500)),
        ("1970-01-02".parse().expect("a day"), span(500, 2_000)),
    ]);
    let day = |date: &str| json!({"date": date, "seconds": 0.5, "items": [{"app_name": "a", "seconds": 0.5}]});
    let report = |days: Vec<Value>| json!({"days": days});
    let wrong = |answer: Value| of_days(&answer, "it", &days, &sums).expect("a report").len();
    assert_eq!(wrong(report(vec![day("1970-01-01"), day("1970-01-02")])), 0);
    assert_eq!(wrong(report(vec![day("1970-01-01"), day("1970-01-03")])), 1);
    assert_eq!(wrong(report(vec![day("1970-01-01")])), 1);
    assert!(of_days(&json!({}), "it", &days, &sums).is_err());
}

#[test]
fn seconds_are_read_to_the_millisecond() {
    for (seconds, ms) in [
        (json!(5), Some(5_000)),
        (json!(0.001), Some(1)),
        (json!(12_345.678), Some(12_345_678)),
        (json!(7.5), Some(7_500)),
        (json!(1.0), Some(1_000)),
        (json!(0.0005), None),
        (json!("5"), None),
        (json!(1e300), None),
    ] {
        assert_eq!(ms_of(&seconds), ms, "{seconds}");
    }
}

proptest! {
    #[test]
    fn the_measure_of_the_union_counts_each_instant_once(
        claims in prop::collection::vec((0..40i64, 1..15i64), 0..12), from in 0..40i64, length in 1..20i64
    ) {
        let spans: Vec<Span> = claims.iter().map(|(start, length)| span(*start, start + length)).collect();
        let instants = (from..from + length).filter(|at| spans.iter().any(|span| span.start().0 <= *at && *at < span.end().0));
        prop_assert_eq!(i64::try_from(instants.count()).expect("few"), measure(&union(spans.clone()), span(from, from + length)));
    }
}
