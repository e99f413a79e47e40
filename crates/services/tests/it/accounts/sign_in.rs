//! Signing devices in.

use std::sync::Arc;

use async_trait::async_trait;
use domain::accounts::{Password, SecurityEvent};
use ports::PortError;
use ports::accounts::{Credentials, DEVICES_MAX, Devices, PasswordChange, PasswordHash, Passwords, Users, Verified};
use services::accounts::{AccountsError, Recognition, SignIn, SignInAttempt};
use testkit::memory::crypto::MemoryPasswords;

use super::people::{ADA, ADDRESS, People, attempt, email, ended, people_with_ada, proof, registration};

#[tokio::test]
async fn a_device_keeps_its_id_and_the_last_to_sign_in_takes_precedence() {
    let (people, _) = people_with_ada().await;
    let laptop = people.signed_in(ADA, "laptop").await;
    let phone = people.signed_in(ADA, "phone").await;
    assert!(phone.precedence > laptop.precedence);
    let again = people.signed_in(ADA, "laptop").await;
    assert_eq!(again.device, laptop.device);
    assert_ne!(again.session, laptop.session);
    assert!(again.precedence > phone.precedence);
}

#[tokio::test]
async fn a_sign_in_is_answered_with_what_its_tokens_speak_for() {
    let (people, ada) = people_with_ada().await;
    let attempt = SignInAttempt {
        device_name: Some("Ada's laptop".to_owned()),
        platform: Some("Linux".to_owned()),
        ..attempt(ADA, proof(), "laptop")
    };
    let signed_in = people.sign_in().sign_in(attempt).await.expect("signed in");
    assert_eq!(signed_in.device.name, "Ada's laptop");
    assert_eq!(signed_in.device.platform.as_deref(), Some("Linux"));
    let caller = people.caller(&signed_in);
    assert_eq!((caller.user, caller.device), (ada.id, signed_in.device.id));
    assert_eq!(caller.precedence, signed_in.device.precedence);
    let session = caller.session.to_string();
    assert!(signed_in.refresh_token.starts_with(&session));
    let entry = people.last_entry(ADA).await;
    assert_eq!((entry.event, entry.address), (SecurityEvent::SignedIn, ADDRESS));
    assert_eq!(
        (entry.device, entry.session),
        (Some(caller.device), Some(caller.session))
    );
}

#[tokio::test]
async fn every_node_is_told_of_the_session_that_was_replaced() {
    let (people, _) = people_with_ada().await;
    let first = people.signed_in(ADA, "laptop").await;
    people.signed_in(ADA, "phone").await;
    assert_eq!(people.announced().await, []);
    people.signed_in(ADA, "laptop").await;
    assert_eq!(people.announced().await, [ended(first.session)]);
}

#[tokio::test]
async fn a_device_more_than_a_person_may_have_is_refused() {
    let (people, _) = people_with_ada().await;
    for number in 0..DEVICES_MAX {
        people.signed_in(ADA, &format!("device-{number}")).await;
    }
    let refused = people.sign_in().sign_in(attempt(ADA, proof(), "one-more")).await;
    assert!(matches!(refused, Err(AccountsError::TooManyDevices)), "{refused:?}");
    people.signed_in(ADA, "device-0").await;
}

#[tokio::test]
async fn two_people_may_sign_in_on_devices_of_one_key() {
    let (people, ada) = people_with_ada().await;
    let bob = people
        .register()
        .register(registration("bob@example.org"), ADDRESS)
        .await
        .expect("registered");
    let (of_ada, of_bob) = (
        people.signed_in(ADA, "shared").await,
        people.signed_in("bob@example.org", "shared").await,
    );
    assert_eq!((of_ada.user, of_bob.user), (ada.id, bob.id));
    assert_ne!(of_ada.device, of_bob.device);
    assert_eq!(people.announced().await, []);
    let account = people.accounts.by_email(&email(ADA)).await.expect("read");
    assert_eq!(account.expect("somebody").user, ada);
}

/// Passwords, of which Ada's is changed or whose account is closed while it is being checked.
struct Meanwhile {
    people: Arc<People>,
    closes: bool,
}

#[async_trait]
impl Passwords for Meanwhile {
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError> {
        MemoryPasswords.hash(password).await
    }

    async fn verify(&self, attempt: String, hash: Option<PasswordHash>) -> Result<Verified, PortError> {
        if self.closes {
            self.people.disable(ADA).await;
        } else {
            let change = PasswordChange {
                user: self.people.account(ADA).await.user.id,
                password: PasswordHash("another one".to_owned()),
                keep: None,
                now: crate::world::NOW,
                entry: self.people.last_entry(ADA).await,
            };
            self.people.accounts.change_password(&change).await?;
        }
        MemoryPasswords.verify(attempt, hash).await
    }

    fn is_common(&self, password: &Password, own_words: &[&str]) -> bool {
        MemoryPasswords.is_common(password, own_words)
    }
}

#[tokio::test]
async fn a_password_that_is_replaced_while_it_is_checked_is_wrong() {
    for closes in [true, false] {
        let (people, ada) = people_with_ada().await;
        let people = Arc::new(people);
        let passwords = Arc::new(Meanwhile {
            people: people.clone(),
            closes,
        });
        let recognition = Recognition {
            passwords,
            ..people.recognition()
        };
        let sign_in = SignIn {
            recognition,
            ..people.sign_in()
        };
        let refused = sign_in.sign_in(attempt(ADA, proof(), "laptop")).await;
        assert!(matches!(refused, Err(AccountsError::SignInRefused)), "{refused:?}");
        let devices = Devices::list(people.accounts.as_ref(), ada.id, crate::world::NOW).await;
        assert_eq!(devices.expect("listed"), []);
    }
}
