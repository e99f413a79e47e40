//! Second factors.

use domain::accounts::{SecurityEvent, TotpSecret, User};
use ports::accounts::{FactorConfirmation, RecoveryHash, SecondFactor, SecondFactorStore, SecurityLog, Users};

use super::{NOW, entry, events, registered};

fn secret(number: u8) -> TotpSecret {
    TotpSecret::new([number; TotpSecret::BYTES])
}

fn codes(numbers: &[u8]) -> Vec<RecoveryHash> {
    numbers.iter().map(|number| RecoveryHash([*number; 32])).collect()
}

/// A code of the secret was shown in step 100; its recovery codes are 1, 2 and 3.
fn confirmation(user: &User, number: u8) -> FactorConfirmation {
    FactorConfirmation {
        user: user.id,
        secret: secret(number),
        step: 100,
        codes: codes(&[1, 2, 3]),
        entry: entry(user, SecurityEvent::SecondFactorEnabled),
    }
}

pub(super) async fn begun<A: SecondFactorStore>(accounts: &A, user: &User, number: u8) -> bool {
    accounts.begin(user.id, &secret(number), NOW).await.expect("begin")
}

/// The factor of that number is in use.
pub(super) async fn enabled<A: SecondFactorStore>(accounts: &A, user: &User, number: u8) {
    assert!(begun(accounts, user, number).await);
    let confirmed = accounts.confirm(&confirmation(user, number)).await;
    assert!(confirmed.expect("confirm"));
}

async fn waiting<A: SecondFactorStore>(accounts: &A, user: &User) -> Option<TotpSecret> {
    accounts.waiting(user.id).await.expect("read")
}

async fn in_use<A: Users>(accounts: &A, user: &User) -> Option<SecondFactor> {
    let account = accounts.account(user.id).await.expect("read");
    account.expect("somebody").second_factor
}

async fn is_used<A: SecondFactorStore>(accounts: &A, user: &User, code: u8) -> bool {
    let entry = entry(user, SecurityEvent::RecoveryCodeUsed);
    let is_used = accounts.use_code(user.id, RecoveryHash([code; 32]), &entry).await;
    is_used.expect("use")
}

async fn is_step_used<A: SecondFactorStore>(accounts: &A, user: &User, step: i64) -> bool {
    accounts.use_step(user.id, step).await.expect("use")
}

/// Until then nobody is asked for it, and a newer one takes its place.
pub async fn a_secret_waits_until_it_is_confirmed<A: Users + SecondFactorStore + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    assert_eq!(waiting(accounts, &ada).await, None);
    assert!(begun(accounts, &ada, 1).await);
    assert!(begun(accounts, &ada, 2).await);
    assert_eq!(waiting(accounts, &ada).await, Some(secret(2)));
    assert_eq!(waiting(accounts, &bob).await, None);
    assert_eq!(in_use(accounts, &ada).await, None);
    let confirmed = accounts.confirm(&confirmation(&ada, 2)).await;
    assert!(confirmed.expect("confirm"));
    assert_eq!(waiting(accounts, &ada).await, None);
    let expected = SecondFactor {
        secret: secret(2),
        last_step: Some(100),
    };
    assert_eq!(in_use(accounts, &ada).await, Some(expected.clone()));
    let by_email = accounts.by_email(&ada.email).await.expect("read");
    assert_eq!(by_email.expect("somebody").second_factor, Some(expected));
    assert_eq!(in_use(accounts, &bob).await, None);
    let log = events(accounts, &ada).await;
    assert_eq!(log, [SecurityEvent::SecondFactorEnabled, SecurityEvent::Registered]);
}

/// None waits, or another one does by now: then that one goes on waiting, and nothing is kept.
pub async fn a_secret_that_does_not_wait_is_not_confirmed<A: Users + SecondFactorStore + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    begun(accounts, &bob, 1).await;
    let confirmed = accounts.confirm(&confirmation(&ada, 1)).await;
    assert!(!confirmed.expect("confirm"), "it waits for somebody else");
    begun(accounts, &ada, 2).await;
    let confirmed = accounts.confirm(&confirmation(&ada, 1)).await;
    assert!(!confirmed.expect("confirm"), "another one waits");
    assert_eq!(waiting(accounts, &ada).await, Some(secret(2)));
    assert_eq!(in_use(accounts, &ada).await, None);
    assert!(!is_used(accounts, &ada, 1).await);
    assert_eq!(events(accounts, &ada).await, [SecurityEvent::Registered]);
}

/// Nor does another one wait beside it, and it is not confirmed twice.
pub async fn a_factor_in_use_is_not_replaced<A: Users + SecondFactorStore + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    enabled(accounts, &ada, 1).await;
    assert!(!begun(accounts, &ada, 2).await);
    assert_eq!(waiting(accounts, &ada).await, None);
    for number in [1, 2] {
        let confirmed = accounts.confirm(&confirmation(&ada, number)).await;
        assert!(!confirmed.expect("confirm"), "{number}");
    }
    let factor = in_use(accounts, &ada).await.expect("a factor");
    assert_eq!(factor.secret, secret(1));
    let log = events(accounts, &ada).await;
    assert_eq!(log, [SecurityEvent::SecondFactorEnabled, SecurityEvent::Registered]);
}

/// From the one that the factor was confirmed with. Without a factor there is none.
pub async fn the_step_of_a_code_only_goes_up<A: Users + SecondFactorStore>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    assert!(!is_step_used(accounts, &ada, 101).await);
    begun(accounts, &ada, 1).await;
    assert!(!is_step_used(accounts, &ada, 101).await, "it only waits");
    enabled(accounts, &ada, 1).await;
    enabled(accounts, &bob, 2).await;
    for (step, expected) in [
        (99, false),
        (100, false),
        (101, true),
        (101, false),
        (100, false),
        (103, true),
        (102, false),
        (103, false),
    ] {
        assert_eq!(is_step_used(accounts, &ada, step).await, expected, "{step}");
    }
    let steps = |factor: Option<SecondFactor>| factor.expect("a factor").last_step;
    assert_eq!(steps(in_use(accounts, &ada).await), Some(103));
    assert_eq!(steps(in_use(accounts, &bob).await), Some(100));
}

/// A code that was looked over somebody's shoulder is sent with theirs.
pub async fn of_two_that_use_one_step_at_once_one_is_let_in<A: Users + SecondFactorStore>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    enabled(accounts, &ada, 1).await;
    let (a, b, c) = tokio::join!(
        is_step_used(accounts, &ada, 101),
        is_step_used(accounts, &ada, 101),
        is_step_used(accounts, &ada, 101)
    );
    assert_eq!([a, b, c].iter().filter(|used| **used).count(), 1);
}

/// By whom it was made for, and only that is kept in the log.
pub async fn a_recovery_code_is_used_once<A: Users + SecondFactorStore + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    assert!(!is_used(accounts, &ada, 1).await, "there is no factor");
    enabled(accounts, &ada, 1).await;
    for (user, code, expected) in [
        (&ada, 9, false),
        (&bob, 1, false),
        (&ada, 1, true),
        (&ada, 1, false),
        (&ada, 3, true),
    ] {
        assert_eq!(is_used(accounts, user, code).await, expected, "{code}");
    }
    let expected = [
        SecurityEvent::RecoveryCodeUsed,
        SecurityEvent::RecoveryCodeUsed,
        SecurityEvent::SecondFactorEnabled,
        SecurityEvent::Registered,
    ];
    assert_eq!(events(accounts, &ada).await, expected);
    assert_eq!(events(accounts, &bob).await, [SecurityEvent::Registered]);
}

/// And the log says so once.
pub async fn of_two_that_use_one_recovery_code_at_once_one_is_let_in<A: Users + SecondFactorStore + SecurityLog>(
    accounts: &A,
) {
    let ada = registered(accounts, 1).await;
    enabled(accounts, &ada, 1).await;
    let (a, b, c) = tokio::join!(
        is_used(accounts, &ada, 2),
        is_used(accounts, &ada, 2),
        is_used(accounts, &ada, 2)
    );
    assert_eq!([a, b, c].iter().filter(|used| **used).count(), 1);
    let log = events(accounts, &ada).await;
    let used = log.iter().filter(|event| **event == SecurityEvent::RecoveryCodeUsed);
    assert_eq!(used.count(), 1);
}

/// Those that were used come back to life if they are among the new ones. Without a factor there are none.
pub async fn new_recovery_codes_void_the_old_ones<A: Users + SecondFactorStore + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    let renew = async |user: &User| {
        let entry = entry(user, SecurityEvent::RecoveryCodesRenewed);
        let renewed = accounts.renew_codes(user.id, &codes(&[3, 4]), &entry).await;
        renewed.expect("renew")
    };
    begun(accounts, &ada, 1).await;
    assert!(!renew(&ada).await, "it only waits");
    assert_eq!(events(accounts, &ada).await, [SecurityEvent::Registered]);
    enabled(accounts, &ada, 1).await;
    enabled(accounts, &bob, 2).await;
    assert!(is_used(accounts, &ada, 3).await);
    assert!(renew(&ada).await);
    assert_eq!(events(accounts, &ada).await[0], SecurityEvent::RecoveryCodesRenewed);
    for (code, expected) in [(1, false), (2, false), (3, true), (4, true), (4, false)] {
        assert_eq!(is_used(accounts, &ada, code).await, expected, "{code}");
    }
    assert!(is_used(accounts, &bob, 1).await, "they are another person's");
}

/// Neither secret nor codes, so another one can begin. There is nothing to remove of one that only waits.
pub async fn a_factor_that_was_removed_leaves_nothing<A: Users + SecondFactorStore + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let remove = async || {
        let entry = entry(&ada, SecurityEvent::SecondFactorDisabled);
        accounts.remove(ada.id, &entry).await.expect("remove")
    };
    assert!(!remove().await);
    begun(accounts, &ada, 1).await;
    assert!(!remove().await);
    assert_eq!(waiting(accounts, &ada).await, Some(secret(1)), "it waits on");
    enabled(accounts, &ada, 1).await;
    assert!(remove().await);
    assert!(!remove().await);
    assert_eq!(in_use(accounts, &ada).await, None);
    assert_eq!(waiting(accounts, &ada).await, None);
    assert!(!is_used(accounts, &ada, 1).await);
    assert!(!is_step_used(accounts, &ada, 200).await);
    let expected = [
        SecurityEvent::SecondFactorDisabled,
        SecurityEvent::SecondFactorEnabled,
        SecurityEvent::Registered,
    ];
    assert_eq!(events(accounts, &ada).await, expected);
    assert!(begun(accounts, &ada, 2).await);
    let other_codes = FactorConfirmation {
        codes: codes(&[8]),
        ..confirmation(&ada, 2)
    };
    assert!(accounts.confirm(&other_codes).await.expect("confirm"));
    assert!(!is_used(accounts, &ada, 1).await, "a code of the one before");
    assert!(is_used(accounts, &ada, 8).await);
}
