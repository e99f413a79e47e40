//! What heartbeats leave to those before them is found out the same whatever the order in which they came.

use std::sync::Arc;

use domain::accounts::{DeviceId, UserId};
use domain::reports::{Dimension, Held, RECALL_MAX, SaidTally, SaidTotals, Sayings};
use domain::time::{Span, UnixMs};
use domain::usage::{Attention, Beat, Context, ContextText, Heartbeat, Kind, Label, Mention, Patience, Segment};
use proptest::prelude::*;
use uuid::Uuid;

fn named(text: &str) -> Mention {
    Mention::Named(ContextText::trusted(text))
}

fn heartbeat(device: u128, at: i64, project: impl Into<Option<Mention>>) -> Heartbeat {
    let context = Context {
        project: project.into(),
        ..Context::of_kind(Kind::File)
    };
    let beat = Beat {
        device: DeviceId(Uuid::from_u128(device)),
        at: UnixMs(at),
        attention: Attention::Active,
        precedence: 1,
        label: Label::trusted("vim", None),
        patience: Patience::default(),
    };
    Heartbeat {
        user: UserId(Uuid::from_u128(1)),
        beat,
        context: Arc::new(context),
    }
}

/// A piece of a millisecond that the heartbeat holds.
fn piece(heartbeat: &Heartbeat) -> Segment {
    let at = heartbeat.beat.at;
    Segment {
        span: Span::new(at, at.plus_ms(1)).expect("not empty"),
        holder: heartbeat.beat.holder(),
    }
}

fn project(sayings: &Sayings, heartbeat: &Heartbeat) -> Option<String> {
    let held = sayings.held(&piece(heartbeat)).expect("a heartbeat holds it");
    held.said
        .of(Dimension::Project)
        .map(|project| project.as_str().to_owned())
}

#[test]
fn the_last_project_is_the_one_that_the_device_named_last() {
    let last = |at| heartbeat(1, at, Mention::Last);
    let beats = vec![
        last(0),
        heartbeat(1, 10, named("one")),
        heartbeat(1, 20, None),
        last(30),
        heartbeat(1, 40, named("two")),
        heartbeat(2, 50, named("of another device")),
        last(60),
        last(70),
    ];
    let expected = [
        None,
        Some("one"),
        None,
        Some("one"),
        Some("two"),
        Some("of another device"),
        Some("two"),
        Some("two"),
    ];
    let sayings = Sayings::of(beats.clone());
    let said: Vec<_> = beats.iter().map(|beat| project(&sayings, beat)).collect();
    assert_eq!(said, expected.map(|project| project.map(str::to_owned)));
}

#[test]
fn of_several_at_one_instant_the_greatest_name_counts_also_for_those_of_that_instant() {
    let beats = vec![
        heartbeat(1, 10, named("b")),
        heartbeat(1, 10, named("a")),
        heartbeat(1, 10, Mention::Last),
    ];
    let later = heartbeat(1, 11, Mention::Last);
    let sayings = Sayings::of([beats.clone(), vec![later.clone()]].concat());
    // All three hold the same; the greatest of them speaks.
    assert_eq!(project(&sayings, &beats[0]), Some("b".to_owned()));
    assert_eq!(project(&sayings, &later), Some("b".to_owned()));
    let only_last = Sayings::of(vec![beats[1].clone(), {
        let mut other = beats[2].clone();
        other.beat.label = Label::trusted("firefox", None);
        other
    }]);
    let mut other = beats[2].clone();
    other.beat.label = Label::trusted("firefox", None);
    assert_eq!(project(&only_last, &other), Some("a".to_owned()));
}

#[test]
fn what_was_named_a_day_before_is_recalled_and_a_millisecond_more_is_not() {
    let day = i64::try_from(RECALL_MAX.as_millis()).expect("a day");
    for (after, recalled) in [(day, Some("one".to_owned())), (day + 1, None)] {
        let later = heartbeat(1, after, Mention::Last);
        let sayings = Sayings::of(vec![heartbeat(1, 0, named("one")), later.clone()]);
        assert_eq!(project(&sayings, &later), recalled);
    }
}

#[test]
fn what_no_heartbeat_holds_says_nothing() {
    let beat = heartbeat(1, 0, named("one"));
    let mut piece = piece(&beat);
    piece.holder.rank.beat = None;
    assert_eq!(Sayings::of(vec![beat]).held(&piece), None);
}

fn heartbeats() -> impl Strategy<Value = Vec<Heartbeat>> {
    let mention = prop_oneof![
        Just(None),
        Just(Some(Mention::Last)),
        Just(Some(named("a"))),
        Just(Some(named("b")))
    ];
    let one = (1u128..3, 0..9i64, mention, 60..63i64).prop_map(|(device, at, project, patience)| {
        let mut heartbeat = heartbeat(device, at, project);
        heartbeat.beat.patience = Patience::from_secs(patience).expect("in range");
        heartbeat
    });
    prop::collection::vec(one, 0..16)
}

proptest! {
    #[test]
    fn no_order_changes_what_was_said((beats, shuffled) in heartbeats().prop_flat_map(|beats| (Just(beats.clone()), Just(beats).prop_shuffle()))) {
        let (one, other) = (Sayings::of(beats.clone()), Sayings::of(shuffled));
        for beat in &beats {
            prop_assert_eq!(one.held(&piece(beat)), other.held(&piece(beat)));
        }
    }
}

#[test]
fn time_is_added_up_by_window_and_by_what_was_said() {
    let beats = [
        heartbeat(1, 0, named("one")),
        heartbeat(1, 5, named("two")),
        heartbeat(1, 9, None),
    ];
    let sayings = Sayings::of(beats.to_vec());
    let held = |heartbeat: &Heartbeat, end| Held {
        span: Span::new(heartbeat.beat.at, UnixMs(end)).expect("not empty"),
        ..sayings.held(&piece(heartbeat)).expect("held")
    };
    let window = |start, end| Span::new(UnixMs(start), UnixMs(end)).expect("not empty");
    let mut tally = SaidTally::new(vec![window(1, 6), window(6, 20)]);
    for (beat, end) in beats.iter().zip([5, 9, 30]) {
        tally.push(&held(beat, end), window(-100, 100));
    }
    let totals = tally.into_totals();
    let by = |totals: &SaidTotals| -> Vec<(Option<String>, i64)> {
        let by = totals.by(Dimension::Project).into_iter();
        by.map(|(name, ms)| (name.map(|name| name.as_str().to_owned()), ms))
            .collect()
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(by(&totals[0]), [(some("one"), 4), (some("two"), 1)]);
    assert_eq!(by(&totals[1]), [(None, 11), (some("two"), 3)]);
    let mut sum = totals[0].clone();
    sum.add_all(&totals[1]);
    assert_eq!((sum.ms(), by(&sum)[0].clone()), (19, (None, 11)));
    assert_eq!(sum.by(Dimension::Editor), [(None, 19)]);
}
