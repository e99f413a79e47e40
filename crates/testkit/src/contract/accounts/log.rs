//! The security log.

use std::net::Ipv6Addr;

use domain::accounts::{SecurityEntry, SecurityEvent};
use ports::accounts::{SecurityLog, Sessions, Users};

use super::{NOW, device, entry, registered, session, signed_in, unowned};

/// With all that it may hold, and with nothing but what it must.
pub async fn every_event_comes_back_whole<A: Users + Sessions + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    let mut expected = Vec::new();
    for (event, ms) in SecurityEvent::ALL.iter().zip(0..) {
        let full = SecurityEntry {
            at: NOW.plus_ms(ms),
            device: Some(device(10)),
            session: Some(session(10)),
            address: Some(Ipv6Addr::LOCALHOST.into()),
            count: Some(500),
            ..entry(&ada, *event)
        };
        let bare = SecurityEntry {
            address: None,
            ..entry(&ada, *event)
        };
        for entry in [full, bare] {
            accounts.record(&entry).await.expect("record");
            expected.insert(0, entry);
        }
    }
    let log = accounts.page(ada.id, None, expected.len()).await;
    assert_eq!(log.expect("read the log"), expected);
}

/// By the order of their ids. Nobody sees those of anybody else.
pub async fn a_log_is_read_page_by_page_from_the_newest<A: Users + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    let mut entries = [
        entry(&ada, SecurityEvent::SignedIn),
        entry(&ada, SecurityEvent::SignedOut),
        entry(&ada, SecurityEvent::Exported),
    ];
    for entry in [&entries[2], &entries[0], &entries[1]] {
        accounts.record(entry).await.expect("record");
    }
    entries.reverse();
    let of_bob = entry(&bob, SecurityEvent::SignInFailed);
    accounts.record(&of_bob).await.expect("record");
    let page = async |before, limit| accounts.page(ada.id, before, limit).await.expect("read the log");
    let newest = page(None, 2).await;
    assert_eq!(newest, entries[..2]);
    let next = page(Some(newest[1].id), 2).await;
    assert_eq!(next[0], entries[2]);
    assert_eq!((next.len(), next[1].event), (2, SecurityEvent::Registered));
    assert_eq!(page(Some(next[1].id), 2).await, []);
    assert_eq!(page(Some(of_bob.id), 1).await, entries[..1], "an id of somebody else");
    let of_bobs = accounts.page(bob.id, None, 1).await.expect("read the log");
    assert_eq!(of_bobs, [of_bob]);
}

/// Somebody tried an address that nobody has: that is for the operator.
pub async fn an_entry_of_nobody_is_in_no_log<A: Users + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts
        .record(&unowned(SecurityEvent::SignInFailed))
        .await
        .expect("record");
    let log = accounts.page(ada.id, None, 10).await.expect("read the log");
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].event, SecurityEvent::Registered);
}

/// However old it is.
pub async fn of_a_person_nothing_is_forgotten_with_what_is_nobodys<A: Users + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let nobodys = unowned(SecurityEvent::SignInFailed);
    accounts.record(&nobodys).await.expect("record");
    for _ in 0..2 {
        let forgotten = accounts.forget_nobody_before(NOW.plus_ms(1)).await;
        forgotten.expect("forget");
    }
    let log = accounts.page(ada.id, None, 10).await.expect("read the log");
    assert_eq!(log.len(), 1);
}
