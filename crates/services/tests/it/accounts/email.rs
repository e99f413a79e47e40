//! Changing one's e-mail address.

use domain::accounts::{Caller, SecurityEvent, User};
use services::accounts::{AccountsError, ChangeEmail};

use super::people::{ADA, ADDRESS, People, attempt, email, people_with_ada_signed_in, proof, proof_of, registration};

const NEW: &str = "countess@example.org";

async fn change(people: &People, caller: &Caller, to: &str) -> Result<User, AccountsError> {
    use_case(people).change(caller, proof(), &email(to), ADDRESS).await
}

fn use_case(people: &People) -> ChangeEmail {
    ChangeEmail {
        recognition: people.recognition(),
        users: people.accounts.clone(),
        mailer: people.mailer.clone(),
        journal: people.journal(),
    }
}

#[tokio::test]
async fn a_new_address_signs_in_and_the_old_one_is_told_of_it() {
    let (people, caller) = people_with_ada_signed_in().await;
    let changed = change(&people, &caller, NEW).await.expect("changed");
    assert_eq!((changed.id, changed.email), (caller.user, email(NEW)));
    assert_eq!(people.subjects(ADA), ["Your Daybook e-mail address was changed"]);
    assert_eq!(people.subjects(NEW), [""; 0]);
    let text = &people.mails(ADA)[0].text;
    assert!(!text.contains(NEW), "whoever reads it need not know the new one");
    let entry = people.last_entry(NEW).await;
    assert_eq!(
        (entry.event, entry.session),
        (SecurityEvent::EmailChanged, Some(caller.session))
    );
    let old = people.sign_in().sign_in(attempt(ADA, proof(), "laptop")).await;
    assert!(matches!(old, Err(AccountsError::SignInRefused)), "{old:?}");
    assert_eq!(people.signed_in(NEW, "laptop").await.user, caller.user);
}

#[tokio::test]
async fn an_address_that_somebody_has_is_taken() {
    let (people, caller) = people_with_ada_signed_in().await;
    people
        .register()
        .register(registration(NEW), ADDRESS)
        .await
        .expect("registered");
    let taken = change(&people, &caller, "Countess@Example.org").await;
    assert!(matches!(taken, Err(AccountsError::EmailTaken)), "{taken:?}");
    assert_eq!(people.mailer.count(), 0);
}

#[tokio::test]
async fn the_address_that_one_has_changes_nothing() {
    let (people, caller) = people_with_ada_signed_in().await;
    let before = people.events(ADA).await;
    let same = change(&people, &caller, "ADA@example.org").await.expect("the same");
    assert_eq!(same.email, email(ADA));
    assert_eq!(people.mailer.count(), 0);
    assert_eq!(people.events(ADA).await, before);
}

#[tokio::test]
async fn without_proof_the_address_stays() {
    let (people, caller) = people_with_ada_signed_in().await;
    let wrong = proof_of("wrong horse", None);
    let refused = use_case(&people).change(&caller, wrong, &email(NEW), ADDRESS).await;
    assert!(matches!(refused, Err(AccountsError::ProofRefused)), "{refused:?}");
    assert_eq!(people.account(ADA).await.user.id, caller.user);
    assert_eq!(people.mailer.count(), 0);
}
