//! The security log, page by page.

use domain::accounts::{Caller, SecurityEvent};
use services::accounts::{LogPage, SecurityLog};

use super::people::{ADA, ADDRESS, PASSWORD, People, people_with_ada, people_with_ada_signed_in, registration};

fn log(people: &People) -> SecurityLog {
    SecurityLog {
        log: people.accounts.clone(),
    }
}

/// So many entries, the newest first, read in pages of `limit`: how long each page is.
async fn pages(people: &People, caller: &Caller, limit: usize) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut before = None;
    loop {
        let LogPage { entries, next } = log(people).page(caller, before, limit).await.expect("read");
        assert!(entries.is_sorted_by(|newer, older| newer.id > older.id));
        lengths.push(entries.len());
        if next.is_none() {
            return lengths;
        }
        assert_eq!(next, entries.last().map(|entry| entry.id));
        before = next;
    }
}

#[tokio::test]
async fn a_page_says_where_the_next_begins_and_the_last_says_so() {
    let (people, caller) = people_with_ada_signed_in().await;
    for _ in 0..4 {
        people.try_sign_in(PASSWORD, None).await.expect("signed in");
    }
    for (limit, expected) in [
        (1, vec![1; 6]),
        (2, vec![2, 2, 2]),
        (4, vec![4, 2]),
        (5, vec![5, 1]),
        (6, vec![6]),
        (7, vec![6]),
    ] {
        assert_eq!(pages(&people, &caller, limit).await, expected, "{limit}");
    }
}

#[tokio::test]
async fn a_page_has_at_least_one_entry_and_at_most_so_many() {
    let (people, caller) = people_with_ada_signed_in().await;
    for _ in 0..SecurityLog::LIMIT_MAX {
        people.try_sign_in(PASSWORD, None).await.expect("signed in");
    }
    for (limit, expected) in [(0, 1), (SecurityLog::LIMIT_MAX, 500), (usize::MAX, 500)] {
        let page = log(&people).page(&caller, None, limit).await.expect("read");
        assert_eq!(page.entries.len(), expected, "{limit}");
        assert!(page.next.is_some());
    }
    assert_eq!(pages(&people, &caller, SecurityLog::LIMIT_MAX).await, [500, 2]);
}

#[tokio::test]
async fn everybody_reads_their_own() {
    let (people, _) = people_with_ada().await;
    let bob = "bob@example.org";
    let registered = people.register().register(registration(bob), ADDRESS).await;
    registered.expect("registered");
    let ada = people.signed_in(ADA, "laptop").await;
    let bob = people.signed_in(bob, "laptop").await;
    for caller in [ada, bob] {
        let page = log(&people).page(&caller, None, 10).await.expect("read");
        let events: Vec<_> = page.entries.iter().map(|entry| entry.event).collect();
        assert_eq!(events, [SecurityEvent::SignedIn, SecurityEvent::Registered]);
        assert!(page.entries.iter().all(|entry| entry.user == Some(caller.user)));
        assert_eq!(page.entries[0].session, Some(caller.session));
    }
}
