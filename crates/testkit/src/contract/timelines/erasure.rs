//! Forgetting people, and for how long what arrives of them is dropped.

use domain::accounts::{DeviceId, UserId};
use domain::time::{DAY_MS, UnixMs};
use domain::usage::{Arrival, Seq};
use ports::reports::TimelineReader;
use ports::usage::{Erased, Erasures, Merged, TimelineErasure, TimelineStore};
use uuid::Uuid;

use super::{NOON, holder, pieces, ping, segment};

/// An instant after which nobody was erased.
const EVER: UnixMs = UnixMs(NOON + DAY_MS);

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn device(number: u128) -> DeviceId {
    DeviceId(Uuid::from_u128(number))
}

fn at(ms: i64) -> UnixMs {
    UnixMs(NOON + ms)
}

/// What a merge of nothing but arrivals of an erased person does.
fn dropped(number: u128) -> Merged {
    Merged {
        erased: vec![user(number)],
        ..Merged::default()
    }
}

/// Of many days, in pieces of every kind.
pub async fn an_erased_person_has_no_timeline_and_the_others_have_theirs<S>(store: &S)
where
    S: TimelineStore + TimelineReader + TimelineErasure,
{
    let (a, b) = (holder(1, "a"), holder(1, "b"));
    let days = |user| (-40..1).flat_map(move |day| [(user, day * DAY_MS, true), (user, day * DAY_MS + 5, false)]);
    let pings: Vec<_> = [1, 2, 1_025]
        .into_iter()
        .flat_map(days)
        .map(|(user, start, is_a)| ping(user, start..start + 5, if is_a { &a } else { &b }, None))
        .collect();
    store.merge(&pings).await.expect("merge");
    let others = [pieces(store, 2).await, pieces(store, 1_025).await];
    assert_eq!(others.each_ref().map(Vec::len), [82, 82]);
    store.erase(user(1), at(0)).await.expect("erase");
    assert_eq!(pieces(store, 1).await, []);
    assert_eq!([pieces(store, 2).await, pieces(store, 1_025).await], others);
}

/// Claims and numbers alike, also beside what arrives of others, and however often.
pub async fn what_arrives_of_an_erased_person_is_dropped<S>(store: &S)
where
    S: TimelineStore + TimelineReader + TimelineErasure,
{
    let (one, other) = (holder(1, "a"), holder(2, "a"));
    let refused = Arrival::Refused {
        user: user(1),
        device: device(1),
        seq: Seq::new(2).expect("in range"),
    };
    store.erase(user(1), at(0)).await.expect("erase");
    let theirs = [ping(1, 0..5, &one, Some(1)), refused, ping(1, -9..-5, &one, None)];
    for _ in 0..2 {
        assert_eq!(store.merge(&theirs).await.expect("merge"), dropped(1));
    }
    let beside = [theirs.to_vec(), vec![ping(2, 0..5, &other, Some(1))]].concat();
    let merged = store.merge(&beside).await.expect("merge");
    assert_eq!(
        (&merged.erased[..], &merged.merged_through[..]),
        (&[user(1)][..], &[(device(2), 1)][..])
    );
    assert_eq!(pieces(store, 1).await, []);
    assert_eq!(pieces(store, 2).await, [segment(0..5, &other)]);
}

/// A number that was settled before is no longer known.
pub async fn numbers_of_an_erased_person_start_anew<S>(store: &S)
where
    S: TimelineStore + TimelineErasure + Erasures,
{
    let one = holder(1, "a");
    store.merge(&[ping(1, 0..5, &one, Some(1))]).await.expect("merge");
    store.erase(user(1), at(0)).await.expect("erase");
    let erased = store.before(EVER, 10).await.expect("read");
    store.forget(&erased).await.expect("forget");
    let merged = store.merge(&[ping(1, 0..5, &one, Some(2))]).await.expect("merge");
    assert_eq!(merged.merged_through, [(device(1), 0)]);
}

/// The devices are those that had numbered pings, each once.
pub async fn erasing_again_keeps_the_later_instant_and_the_devices<S>(store: &S)
where
    S: TimelineStore + TimelineErasure + Erasures,
{
    let pings = |devices: &[u128]| -> Vec<_> {
        let numbered = devices
            .iter()
            .map(|device| ping(1, 0..5, &holder(*device, "a"), Some(1)));
        numbered.collect()
    };
    store.merge(&pings(&[3, 1])).await.expect("merge");
    store
        .merge(&[ping(1, 5..9, &holder(7, "a"), None)])
        .await
        .expect("merge");
    let expect = async |ms, devices: &[u128]| {
        let expected = Erased {
            user: user(1),
            at: at(ms),
            devices: devices.iter().map(|number| device(*number)).collect(),
        };
        assert_eq!(store.before(EVER, 10).await.expect("read"), [expected]);
    };
    store.erase(user(1), at(20)).await.expect("erase");
    expect(20, &[1, 3]).await;
    store.erase(user(1), at(10)).await.expect("erase");
    expect(20, &[1, 3]).await;
    store.erase(user(1), at(30)).await.expect("erase");
    expect(30, &[1, 3]).await;
}

/// Pings of theirs may be in the queue for all that.
pub async fn somebody_without_a_timeline_can_be_erased<S>(store: &S)
where
    S: TimelineStore + TimelineErasure + Erasures,
{
    assert_eq!(store.before(EVER, 10).await.expect("read"), []);
    store.erase(user(1), at(0)).await.expect("erase");
    let expected = Erased {
        user: user(1),
        at: at(0),
        devices: vec![],
    };
    assert_eq!(store.before(EVER, 10).await.expect("read"), [expected]);
    let merged = store.merge(&[ping(1, 0..5, &holder(1, "a"), None)]).await;
    assert_eq!(merged.expect("merge"), dropped(1));
}

/// Those before an instant, and not those at it.
pub async fn erasures_are_given_in_pages_the_earliest_first<S>(store: &S)
where
    S: TimelineErasure + Erasures,
{
    for (number, ms) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 40)] {
        store.erase(user(number), at(ms)).await.expect("erase");
    }
    let before = async |ms, limit| -> Vec<UserId> {
        let erased = store.before(at(ms), limit).await.expect("read");
        erased.iter().map(|erased| erased.user).collect()
    };
    assert_eq!(before(10, 10).await, []);
    assert_eq!(before(11, 10).await, [user(2), user(4)]);
    assert_eq!(before(40, 10).await, [user(2), user(4), user(3), user(1)]);
    assert_eq!(before(41, 3).await, [user(2), user(4), user(3)]);
    let everything = store.before(UnixMs(i64::MAX), 10).await.expect("read");
    assert_eq!(everything.len(), 5);
    assert_eq!(store.before(UnixMs(i64::MIN), 10).await.expect("read"), []);
}

/// And it can be forgotten twice.
pub async fn an_erasure_that_is_forgotten_holds_nothing_back<S>(store: &S)
where
    S: TimelineStore + TimelineReader + TimelineErasure + Erasures,
{
    let one = holder(1, "a");
    for number in [1, 2] {
        store.erase(user(number), at(0)).await.expect("erase");
    }
    let erased = store.before(EVER, 1).await.expect("read");
    for _ in 0..2 {
        store.forget(&erased).await.expect("forget");
    }
    store.forget(&[]).await.expect("forget");
    let merged = store
        .merge(&[ping(1, 0..5, &one, None), ping(2, 0..5, &one, None)])
        .await;
    assert_eq!(merged.expect("merge").erased, [user(2)], "the other is still noted");
    assert_eq!(pieces(store, 1).await, [segment(0..5, &one)]);
}

/// Pings that came between the two may wait.
pub async fn an_erasure_that_was_renewed_is_not_forgotten<S>(store: &S)
where
    S: TimelineStore + TimelineErasure + Erasures,
{
    store.erase(user(1), at(0)).await.expect("erase");
    let erased = store.before(EVER, 10).await.expect("read");
    store.erase(user(1), at(1)).await.expect("erase");
    store.forget(&erased).await.expect("forget");
    let merged = store.merge(&[ping(1, 0..5, &holder(1, "a"), None)]).await;
    assert_eq!(merged.expect("merge").erased, [user(1)]);
}
