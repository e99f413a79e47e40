//! What those who tell of sessions and those who hear of them may rely on.

use std::time::Duration;

use domain::accounts::{SessionId, UserId};
use ports::accounts::{Announcements, Heard, Hearing, StandingChange};
use tokio::time::timeout;
use uuid::Uuid;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter of both sides after what must outlive it.
#[macro_export]
macro_rules! announcements_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            announcements,
            $home,
            [
                where_nothing_was_announced_that_is_heard,
                what_was_announced_is_heard_in_order_and_once,
                who_begins_to_hear_hears_what_was_announced_before,
                who_waits_hears_what_is_announced_meanwhile,
                who_waits_in_vain_is_told_that_there_is_nothing,
                announcing_nothing_tells_nothing,
                more_than_is_heard_at_once_is_heard_to_the_end,
                everybody_hears_everything,
            ]
        );
    };
}

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(30);

fn ended(id: u128) -> StandingChange {
    StandingChange::Ended(SessionId(Uuid::from_u128(id)))
}

fn precedence(id: u128, precedence: i32) -> StandingChange {
    StandingChange::Precedence {
        session: SessionId(Uuid::from_u128(id)),
        precedence,
    }
}

fn rules(user: u128, version: u64) -> StandingChange {
    StandingChange::Rules {
        user: UserId(Uuid::from_u128(user)),
        version,
    }
}

/// Hears until that is all; answers the changes, and how far that is.
async fn all<A: Hearing>(adapter: &A, mut heard: Option<Heard>) -> (Vec<StandingChange>, Heard) {
    let mut changes = Vec::new();
    loop {
        let news = timeout(SOON, adapter.after(heard.as_ref())).await;
        let news = news.expect("an answer in time").expect("it can be heard");
        changes.extend(news.changes);
        if news.is_all {
            return (changes, news.heard);
        }
        heard = Some(news.heard);
    }
}

/// The first question is answered at once, whether there is anything or not.
pub async fn where_nothing_was_announced_that_is_heard<A: Hearing>(adapter: &A) {
    let news = adapter.after(None).await.expect("heard");
    assert_eq!((news.changes.as_slice(), news.is_all), ([].as_slice(), true));
}

/// Within an announcement and from one to the next.
pub async fn what_was_announced_is_heard_in_order_and_once<A: Announcements + Hearing>(adapter: &A) {
    let first = [
        ended(1),
        precedence(2, -1),
        rules(3, 1),
        precedence(2, i32::MAX),
        ended(u128::MAX),
        rules(u128::MAX, u64::MAX),
    ];
    adapter.announce(&first).await.expect("told");
    let (changes, heard) = all(adapter, None).await;
    assert_eq!(changes, first);
    adapter.announce(&[ended(3)]).await.expect("told");
    adapter.announce(&[ended(1)]).await.expect("told again");
    let mut rest = Vec::new();
    let mut heard = heard;
    while rest.len() < 2 {
        let (changes, so_far) = all(adapter, Some(heard)).await;
        rest.extend(changes);
        heard = so_far;
    }
    assert_eq!(rest, [ended(3), ended(1)]);
    assert_eq!(all(adapter, Some(heard)).await.0, []);
}

/// As a node does that starts late, or that lost its connection.
pub async fn who_begins_to_hear_hears_what_was_announced_before<A: Announcements + Hearing>(adapter: &A) {
    for id in 1..=3 {
        adapter.announce(&[ended(id)]).await.expect("told");
    }
    for _ in 0..2 {
        assert_eq!(all(adapter, None).await.0, [ended(1), ended(2), ended(3)]);
    }
}

/// Nobody has to ask at the right moment.
pub async fn who_waits_hears_what_is_announced_meanwhile<A: Announcements + Hearing>(adapter: &A) {
    let (_, heard) = all(adapter, None).await;
    let waiting = async {
        let mut heard = heard;
        loop {
            let (changes, so_far) = all(adapter, Some(heard)).await;
            if !changes.is_empty() {
                return changes;
            }
            heard = so_far;
        }
    };
    let told = async { adapter.announce(&[ended(1)]).await.expect("told") };
    let both = async { tokio::join!(waiting, told) };
    let (changes, ()) = timeout(SOON, both).await.expect("it comes");
    assert_eq!(changes, [ended(1)]);
}

/// Which is worth as much as news: it is known then.
pub async fn who_waits_in_vain_is_told_that_there_is_nothing<A: Announcements + Hearing>(adapter: &A) {
    adapter.announce(&[ended(1)]).await.expect("told");
    let (_, heard) = all(adapter, None).await;
    let news = timeout(SOON, adapter.after(Some(&heard))).await;
    let news = news.expect("it does not wait for ever").expect("heard");
    assert_eq!((news.changes.as_slice(), news.is_all), ([].as_slice(), true));
    assert_eq!(news.heard, heard);
}

/// And is no error.
pub async fn announcing_nothing_tells_nothing<A: Announcements + Hearing>(adapter: &A) {
    adapter.announce(&[]).await.expect("nothing to tell");
    assert_eq!(all(adapter, None).await.0, []);
}

/// An answer that leaves something out says so.
pub async fn more_than_is_heard_at_once_is_heard_to_the_end<A: Announcements + Hearing>(adapter: &A) {
    let mut told = Vec::new();
    for id in 0..300 {
        let change = [ended(id), precedence(id, 1)];
        adapter.announce(&change).await.expect("told");
        told.extend(change);
    }
    let many: Vec<_> = (1_000..2_000).map(ended).collect();
    adapter.announce(&many).await.expect("told");
    told.extend(many);
    assert!(!adapter.after(None).await.expect("heard").is_all);
    assert!(all(adapter, None).await.0 == told, "they differ");
}

/// No hearer takes anything from another.
pub async fn everybody_hears_everything<A: Announcements + Hearing>(adapter: &A) {
    let (_, heard) = all(adapter, None).await;
    adapter.announce(&[ended(1)]).await.expect("told");
    for _ in 0..3 {
        assert_eq!(all(adapter, Some(heard.clone())).await.0, [ended(1)]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        let suite = include_str!("announcements.rs");
        crate::contract::assert_listed(suite, &[suite]);
    }
}
