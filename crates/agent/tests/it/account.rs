//! Signing in: what is tried in which order, and what is never tried twice.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use agent::account::PasswordSource;
use agent::device_login::{self, NotConfirmed};
use agent::secret::Secret;
use agent::server::{DeviceCode, SignInError, Tracked};
use agent::store::SavedSession;

use crate::rig::{account, ping};
use crate::stub::{EMAIL, Fault, PASSWORD, Stub};

#[test]
fn a_session_is_used_until_it_ends_and_a_login_elsewhere_is_noticed() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let mut signed_out = account(dir.path(), &stub.url(), None);
    assert!(matches!(signed_out.token(), Err(SignInError::SignedOut(_))));
    account(dir.path(), &stub.url(), Some(PASSWORD))
        .sign_in()
        .expect("signed in");
    let token = signed_out.token().expect("taken from the file");
    assert!(!token.is_new);
    signed_out.token_was_refused();
    assert!(signed_out.token().expect("renewed").is_new);
    assert_eq!(stub.ledger().sign_ins(), (1, 1));
    stub.ledger().end_session();
    signed_out.token_was_refused();
    for _ in 0..3 {
        assert!(matches!(signed_out.token(), Err(SignInError::SignedOut(_))));
    }
    assert_eq!(stub.ledger().refreshes, 2, "a dead token is tried once");
    account(dir.path(), &stub.url(), Some(PASSWORD))
        .sign_in()
        .expect("signed in again");
    assert!(signed_out.token().is_ok());
}

#[test]
fn a_wrong_password_is_tried_once_and_a_new_one_at_once() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let file = dir.path().join("password");
    let mut account = account(dir.path(), &stub.url(), None);
    account.password = PasswordSource::File(file.clone());
    assert!(matches!(account.token(), Err(SignInError::SignedOut(_))), "no file yet");
    fs::write(&file, "wrong\n").expect("written");
    assert!(matches!(account.token(), Err(SignInError::Refused(_))));
    assert!(matches!(account.token(), Err(SignInError::SignedOut(_))));
    assert_eq!(stub.ledger().logins, 1);
    fs::write(&file, format!("{PASSWORD}\nanything else\n")).expect("written");
    assert!(account.token().is_ok());
}

#[test]
fn tokens_of_one_server_or_account_go_to_no_other() {
    let (dir, one, other) = (tempfile::tempdir().expect("a directory"), Stub::start(), Stub::start());
    account(dir.path(), &one.url(), Some(PASSWORD))
        .sign_in()
        .expect("signed in");
    let mut elsewhere = account(dir.path(), &other.url(), None);
    assert!(matches!(elsewhere.token(), Err(SignInError::SignedOut(_))));
    let mut somebody = account(dir.path(), &one.url(), None);
    somebody.email = "bob@example.org".to_owned();
    assert!(matches!(somebody.token(), Err(SignInError::SignedOut(_))));
    assert_eq!((one.ledger().sign_ins(), other.ledger().sign_ins()), ((1, 0), (0, 0)));
    let saved = SavedSession::load(dir.path()).expect("read").expect("saved");
    assert_eq!((saved.server, saved.email.as_str()), (one.url(), EMAIL));
}

/// The waits between the questions of a device that is told these words, and what came of it.
fn waits(words: &[&'static str]) -> (Vec<u64>, Result<(), NotConfirmed>) {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().words = words.iter().copied().collect();
    let account = account(dir.path(), &stub.url(), None);
    let code = DeviceCode {
        device_code: Secret::new("x".to_owned()),
        user_code: "BBBB-BBBB".to_owned(),
        verification_uri: String::new(),
        verification_uri_complete: String::new(),
        expires_in: 60,
        interval: 5,
    };
    let mut waits = Vec::new();
    let confirmed = device_login::confirmed(&account.server, &code, |wait| waits.push(wait.as_secs()));
    (waits, confirmed.map(drop))
}

#[test]
fn a_device_asks_at_the_pace_it_is_told_until_it_is_answered_or_the_code_is_old() {
    let pending = "authorization_pending";
    assert_eq!(waits(&[pending, pending]), (vec![5, 5, 5], Ok(())));
    assert_eq!(waits(&["slow_down", pending, "busy"]), (vec![5, 10, 10, 15], Ok(())));
    assert_eq!(waits(&["access_denied"]), (vec![5], Err(NotConfirmed::Denied)));
    assert_eq!(
        waits(&[pending, "expired_token"]),
        (vec![5, 5], Err(NotConfirmed::Expired))
    );
    assert_eq!(waits(&["gibberish", pending]), (vec![5, 10, 10], Ok(())));
    assert_eq!(waits(&[pending; 20]), (vec![5; 12], Err(NotConfirmed::Expired)));
    assert!(matches!(
        waits(&["odd"]),
        (_, Err(NotConfirmed::SignIn(SignInError::Refused(_))))
    ));
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a free port");
    elsewhere.set_nonblocking(true).expect("set");
    let mut account = account(dir.path(), &stub.url(), Some(PASSWORD));
    let token = account.token().expect("signed in").secret;
    let mut spool = agent::spool::Spool::open(dir.path(), 10).expect("opened");
    spool.keep(&[ping(0)]).expect("kept");
    let offers = spool.offers(0, 10);
    let to = format!("http://{}/", elsewhere.local_addr().expect("bound"));
    stub.fault([Fault::Redirect { to }]);
    assert!(matches!(account.server.track(&token, &offers), Tracked::Refused(_)));
    stub.fault([Fault::Busy { retry_after_secs: 7 }]);
    let later = account.server.track(&token, &offers);
    assert_eq!(later, Tracked::Later(Some(Duration::from_secs(7))));
    assert_eq!(
        account.server.track(&Secret::new("stolen".to_owned()), &offers),
        Tracked::SignedOut
    );
    assert!(elsewhere.accept().is_err());
}
