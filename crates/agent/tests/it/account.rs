//! Signing in: what is tried in which order, and what is never tried twice.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use agent::account::PasswordSource;
use agent::secret::Secret;
use agent::server::{SignInError, Tracked};
use agent::session::Session;

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
    let saved = Session::load(dir.path()).expect("read").expect("saved");
    assert_eq!((saved.server, saved.email.as_str()), (one.url(), EMAIL));
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
