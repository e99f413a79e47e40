//! Through which number the pings of a device are merged.

use domain::accounts::UserId;
use domain::usage::{Arrival, Seq};
use ports::reports::TimelineReader;
use ports::usage::TimelineStore;
use uuid::Uuid;

use super::{holder, pieces, ping};

/// A number counts once all before it are settled, in whatever order they come and however often.
pub async fn numbers_are_settled_up_to_the_first_gap<S: TimelineStore + TimelineReader>(store: &S) {
    let app = holder(1, "a");
    let device = app.rank.device;
    for (seqs, through) in [
        (vec![2, 5], 0),
        (vec![1], 2),
        (vec![4, 4, 2], 2),
        (vec![3], 5),
        (vec![1], 5),
    ] {
        let pings: Vec<_> = seqs.iter().map(|seq| ping(1, 0..5, &app, Some(*seq))).collect();
        let merged = store.merge(&pings).await.expect("merge");
        assert_eq!(merged.merged_through, [(device, through)], "after {seqs:?}");
    }
    let merged = store.merge(&[ping(1, 5..6, &app, None)]).await.expect("merge");
    assert_eq!(merged.merged_through, [], "a ping without a number settles none");
}

/// A ping that was refused claims nothing, and does not hold its device back.
pub async fn a_refused_number_is_settled_and_claims_nothing<S: TimelineStore + TimelineReader>(store: &S) {
    let app = holder(1, "a");
    let device = app.rank.device;
    let refused = |seq| Arrival::Refused {
        user: UserId(Uuid::from_u128(1)),
        device,
        seq: Seq::new(seq).expect("in range"),
    };
    let merged = store.merge(&[refused(1)]).await.expect("merge");
    assert_eq!(merged.merged_through, [(device, 1)]);
    assert_eq!(pieces(store, 1).await, []);
    let merged = store
        .merge(&[refused(3), ping(1, 0..5, &app, Some(2))])
        .await
        .expect("merge");
    assert_eq!(merged.merged_through, [(device, 3)]);
}

/// Each device numbers its own pings, up to the greatest number there is.
pub async fn numbers_count_for_each_device_alone<S: TimelineStore + TimelineReader>(store: &S) {
    let (one, other, third) = (holder(1, "a"), holder(2, "a"), holder(3, "a"));
    let pings = [
        ping(1, 0..5, &one, Some(1)),
        ping(1, 0..5, &one, Some(2)),
        ping(1, 0..5, &other, Some(1)),
        ping(2, 0..5, &third, Some(Seq::MAX)),
    ];
    let mut through = store.merge(&pings).await.expect("merge").merged_through;
    through.sort_unstable();
    let expected = [(one.rank.device, 2), (other.rank.device, 1), (third.rank.device, 0)];
    assert_eq!(through, expected);
}
