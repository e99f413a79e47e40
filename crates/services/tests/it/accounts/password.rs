//! Changing one's password.

use domain::accounts::{Caller, SecurityEvent};
use services::accounts::{AccountsError, ChangePassword};

use super::people::{
    ADA, ADDRESS, PASSWORD, People, assert_fault, assert_unavailable, ended, password, people_with_ada_signed_in,
    proof, proof_of,
};

const NEW: &str = "battery staple";

fn change(people: &People) -> ChangePassword {
    ChangePassword {
        recognition: people.recognition(),
        new_passwords: People::new_passwords(),
        credentials: people.accounts.clone(),
        endings: people.endings(),
        mailer: people.mailer.clone(),
        journal: people.journal(),
    }
}

async fn changed(people: &People, caller: &Caller) -> Result<(), AccountsError> {
    change(people).change(caller, proof(), password(NEW), ADDRESS).await
}

#[tokio::test]
async fn a_new_password_signs_every_other_device_out_and_says_so() {
    let (people, caller) = people_with_ada_signed_in().await;
    let phone = people.signed_in(ADA, "phone").await;
    changed(&people, &caller).await.expect("changed");
    assert_eq!(people.announced().await, [ended(phone.session)]);
    assert_eq!(people.subjects(ADA), ["Your Daybook password was changed"]);
    let entry = people.last_entry(ADA).await;
    assert_eq!(
        (entry.event, entry.session),
        (SecurityEvent::PasswordChanged, Some(caller.session))
    );
    assert_eq!((entry.device, entry.address), (Some(caller.device), ADDRESS));
    let old = people.try_sign_in(PASSWORD, None).await;
    assert!(matches!(old, Err(AccountsError::SignInRefused)), "{old:?}");
    people.try_sign_in(NEW, None).await.expect("signed in");
}

#[tokio::test]
async fn without_proof_or_with_a_common_password_nothing_changes() {
    let (people, caller) = people_with_ada_signed_in().await;
    people.signed_in(ADA, "phone").await;
    let wrong = proof_of("wrong horse", None);
    let refused = change(&people).change(&caller, wrong, password(NEW), ADDRESS).await;
    assert!(matches!(refused, Err(AccountsError::ProofRefused)), "{refused:?}");
    let common = password("password1");
    let refused = change(&people).change(&caller, proof(), common, ADDRESS).await;
    assert_fault(refused, "new_password", "too_common");
    let own = change(&people).change(&caller, proof(), password(ADA), ADDRESS).await;
    assert_fault(own, "new_password", "too_common");
    assert_eq!(people.announced().await, []);
    assert_eq!(people.subjects(ADA), [""; 0]);
    people.try_sign_in(PASSWORD, None).await.expect("signed in");
}

#[tokio::test]
async fn a_mail_that_is_not_taken_is_no_reason_to_refuse() {
    let (people, caller) = people_with_ada_signed_in().await;
    people.mailer.fail(true);
    changed(&people, &caller).await.expect("changed");
    people.try_sign_in(NEW, None).await.expect("signed in");
}

#[tokio::test]
async fn a_change_that_nobody_can_be_told_of_has_happened_and_says_that_something_is_away() {
    let (people, caller) = people_with_ada_signed_in().await;
    people.signed_in(ADA, "phone").await;
    people.announcements.fail(true);
    assert_unavailable(changed(&people, &caller).await);
    people.announcements.fail(false);
    people.try_sign_in(NEW, None).await.expect("signed in");
}
