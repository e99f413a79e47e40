//! What a store of ended sessions must do.

use async_trait::async_trait;
use domain::accounts::SessionId;
use domain::time::UnixMs;
use ports::accounts::{EndedSession, EndedSessions};
use uuid::Uuid;

/// A store to put to the test, empty. Who ends sessions writes to it, so how to is not a matter of the port.
#[async_trait]
pub trait EndedSessionsUnderTest: EndedSessions {
    /// Keeps that a session has ended.
    async fn keep(&self, ended: EndedSession);
}

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! ended_sessions_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            ended_sessions,
            $home,
            [
                where_nothing_has_ended_nothing_is_read,
                they_are_read_by_instant_and_then_by_id,
                pages_join_without_gap_or_overlap,
                what_ended_before_is_forgotten_and_the_rest_is_not,
                instants_beyond_what_can_be_stored_are_no_error,
            ]
        );
    };
}

/// 2026-03-31T12:00:00.250Z.
const NOW: UnixMs = UnixMs(1_774_958_400_250);

fn ended(ms: i64, id: u128) -> EndedSession {
    EndedSession {
        ended_at: NOW.plus_ms(ms),
        session: SessionId(Uuid::from_u128(id)),
    }
}

async fn all<A: EndedSessions>(adapter: &A) -> Vec<EndedSession> {
    let start = EndedSession {
        ended_at: UnixMs(0),
        session: SessionId(Uuid::nil()),
    };
    adapter.after(start, 1_000).await.expect("read")
}

/// An empty store is no error.
pub async fn where_nothing_has_ended_nothing_is_read<A: EndedSessions>(adapter: &A) {
    assert_eq!(all(adapter).await, []);
}

/// In whatever order they were kept.
pub async fn they_are_read_by_instant_and_then_by_id<A: EndedSessionsUnderTest>(adapter: &A) {
    let in_order = [ended(-1, 9), ended(0, 1), ended(0, u128::MAX), ended(1, 0)];
    for at in [2, 0, 3, 1] {
        adapter.keep(in_order[at]).await;
    }
    assert_eq!(all(adapter).await, in_order);
}

/// Also where many ended at the same instant.
pub async fn pages_join_without_gap_or_overlap<A: EndedSessionsUnderTest>(adapter: &A) {
    let mut kept: Vec<_> = (0..20_u8)
        .map(|number| ended(i64::from(number) / 7, u128::from(number % 7) * 100 + u128::from(number)))
        .collect();
    for one in &kept {
        adapter.keep(*one).await;
    }
    kept.sort_unstable();
    let mut place = ended(-1, u128::MAX);
    let mut read = Vec::new();
    loop {
        let page = adapter.after(place, 3).await.expect("read");
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        place = *last;
        read.extend(page);
    }
    assert_eq!(read, kept);
}

/// Once or twice.
pub async fn what_ended_before_is_forgotten_and_the_rest_is_not<A: EndedSessionsUnderTest>(adapter: &A) {
    for one in [ended(-1, 1), ended(0, 2), ended(1, 3)] {
        adapter.keep(one).await;
    }
    for _ in 0..2 {
        adapter.forget_before(NOW).await.expect("forgotten");
        assert_eq!(all(adapter).await, [ended(0, 2), ended(1, 3)]);
    }
}

/// Nothing lies there.
pub async fn instants_beyond_what_can_be_stored_are_no_error<A: EndedSessionsUnderTest>(adapter: &A) {
    adapter.keep(ended(0, 1)).await;
    adapter
        .forget_before(UnixMs(i64::MIN))
        .await
        .expect("nothing is so old");
    let end = EndedSession {
        ended_at: UnixMs(i64::MAX),
        session: SessionId(Uuid::nil()),
    };
    assert_eq!(adapter.after(end, 10).await.expect("read"), []);
    assert_eq!(all(adapter).await, [ended(0, 1)]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        let suite = include_str!("ended_sessions.rs");
        crate::contract::assert_listed(suite, &[suite]);
    }
}
