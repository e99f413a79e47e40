//! Forgetting a person.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{AccountErasure, Users};
use ports::usage::{PingErasure, TimelineErasure};
use services::accounts::AccountsError;
use services::usage::Erase;

use super::people::{
    ADA, ADDRESS, PASSWORD, People, assert_unavailable, ended, people_with_ada_signed_in, proof, proof_of, registration,
};

/// The three stores, which write down that they were asked to forget somebody, and of which one may be away.
struct Stores {
    people: People,
    asked: Mutex<Vec<String>>,
    away: Mutex<&'static str>,
}

impl Stores {
    fn ask(&self, store: &'static str, of: impl std::fmt::Debug) -> Result<(), PortError> {
        if *self.away.lock().expect("no test panicked") == store {
            return Err(PortError::unavailable("forget a person", "it was told to be away"));
        }
        let mut asked = self.asked.lock().expect("no test panicked");
        asked.push(format!("{store} {of:?}"));
        Ok(())
    }

    /// What was asked since this was asked last.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("no test panicked"))
    }

    fn fail(&self, store: &'static str) {
        *self.away.lock().expect("no test panicked") = store;
    }
}

#[async_trait]
impl TimelineErasure for Stores {
    async fn erase(&self, user: UserId, _now: UnixMs) -> Result<(), PortError> {
        self.ask("timelines", user)
    }
}

#[async_trait]
impl PingErasure for Stores {
    async fn erase(&self, users: &[UserId], devices: &[DeviceId]) -> Result<(), PortError> {
        self.ask("pings", (users, devices))
    }
}

#[async_trait]
impl AccountErasure for Stores {
    async fn devices(&self, user: UserId) -> Result<Vec<DeviceId>, PortError> {
        self.people.accounts.devices(user).await
    }

    async fn erase(&self, user: UserId, now: UnixMs) -> Result<Vec<SessionId>, PortError> {
        self.ask("accounts", user)?;
        AccountErasure::erase(self.people.accounts.as_ref(), user, now).await
    }
}

/// With Ada, who is signed in.
async fn stores() -> (Arc<Stores>, Erase, Caller) {
    let (people, caller) = people_with_ada_signed_in().await;
    let stores = Arc::new(Stores {
        people,
        asked: Mutex::default(),
        away: Mutex::new("none"),
    });
    let erase = Erase {
        recognition: stores.people.recognition(),
        timelines: stores.clone(),
        pings: stores.clone(),
        accounts: stores.clone(),
        endings: stores.people.endings(),
        journal: stores.people.journal(),
    };
    (stores, erase, caller)
}

/// What the stores are asked, in this order.
fn asked_of(caller: &Caller) -> [String; 3] {
    let user = caller.user;
    [
        format!("timelines {user:?}"),
        format!("pings {:?}", ([user], [caller.device])),
        format!("accounts {user:?}"),
    ]
}

#[tokio::test]
async fn a_person_is_forgotten_everywhere_and_the_account_last() {
    let (stores, erase, caller) = stores().await;
    erase.erase(&caller, proof(), ADDRESS).await.expect("erased");
    assert_eq!(stores.asked(), asked_of(&caller));
    assert_eq!(stores.people.announced().await, [ended(caller.session)]);
    assert_eq!(stores.people.accounts.by_id(caller.user).await.expect("read"), None);
    let gone = erase.erase(&caller, proof(), ADDRESS).await;
    assert!(matches!(gone, Err(AccountsError::AccountGone)), "{gone:?}");
    let again = stores.people.register().register(registration(ADA), ADDRESS).await;
    assert_ne!(again.expect("the address is free").id, caller.user);
}

#[tokio::test]
async fn the_queue_is_told_of_devices_that_were_signed_out_too() {
    let (stores, erase, caller) = stores().await;
    let phone = stores.people.signed_in(ADA, "phone").await;
    let all = ports::accounts::Which::All;
    let end = ports::accounts::End {
        user: caller.user,
        which: all,
        now: crate::world::NOW,
        entry: stores.people.last_entry(ADA).await,
    };
    ports::accounts::Sessions::end(stores.people.accounts.as_ref(), &end)
        .await
        .expect("ended");
    erase.erase(&caller, proof(), ADDRESS).await.expect("erased");
    let asked = stores.asked();
    for device in [caller.device, phone.device] {
        assert!(asked[1].contains(&format!("{device:?}")), "{}", asked[1]);
    }
    assert_eq!(stores.people.announced().await, [], "nothing was left to end");
}

#[tokio::test]
async fn without_proof_nothing_is_forgotten() {
    let (stores, erase, caller) = stores().await;
    let refused = erase.erase(&caller, proof_of("wrong horse", None), ADDRESS).await;
    assert!(matches!(refused, Err(AccountsError::ProofRefused)), "{refused:?}");
    assert_eq!(stores.asked(), [""; 0]);
    stores.people.try_sign_in(PASSWORD, None).await.expect("signed in");
}

#[tokio::test]
async fn after_a_store_failed_half_way_the_person_can_ask_again() {
    for (away, before) in [("timelines", 0), ("pings", 1), ("accounts", 2)] {
        let (stores, erase, caller) = stores().await;
        stores.fail(away);
        assert_unavailable(erase.erase(&caller, proof(), ADDRESS).await);
        assert_eq!(stores.asked(), asked_of(&caller)[..before], "{away}");
        assert_eq!(stores.people.announced().await, [], "{away}");
        stores.fail("none");
        erase.erase(&caller, proof(), ADDRESS).await.expect(away);
        assert_eq!(stores.asked(), asked_of(&caller), "{away}");
        assert_eq!(stores.people.announced().await, [ended(caller.session)], "{away}");
    }
}

#[tokio::test]
async fn a_person_is_forgotten_though_nobody_can_be_told() {
    let (stores, erase, caller) = stores().await;
    stores.people.announcements.fail(true);
    assert_unavailable(erase.erase(&caller, proof(), ADDRESS).await);
    assert_eq!(stores.people.accounts.by_id(caller.user).await.expect("read"), None);
}
