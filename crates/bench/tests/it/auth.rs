//! Refused sign-ins are timed each by itself, and whoever got a password can sign in with it.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use adapters::ambient::SystemIds;
use adapters::crypto::Argon2Passwords;
use bench::auth::refused;
use bench::samples::numbers;
use bench::sign_in::{PASSWORD, WRONG_PASSWORD, email, give_password};
use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use ports::Ids;
use ports::accounts::{Passwords, Users};

use crate::people::Stored;
use crate::server::serve;

fn people(count: usize) -> Vec<Caller> {
    let caller = || Caller {
        user: UserId(SystemIds.new_id()),
        device: DeviceId(SystemIds.new_id()),
        session: SessionId(SystemIds.new_id()),
        precedence: 1,
    };
    std::iter::repeat_with(caller).take(count).collect()
}

const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn as_many_of_each_kind_are_timed_and_lots_are_drawn_for_their_order() {
    // What stands before a request's first line is the body of the one before.
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let target = serve(move |line| {
        seen.lock().expect("no panic").push(line.to_owned());
        REFUSED.to_owned()
    })
    .await;
    let people = people(50);
    let times = refused(target, &people, numbers(7)).await.expect("refused");
    assert_eq!((times.unknown.len(), times.wrong.len()), (50, 50));

    let lines = lines.lock().expect("no panic");
    assert_eq!(lines.len(), 100);
    let of_people: Vec<usize> = (1..lines.len())
        .filter(|place| people.iter().any(|person| lines[*place].contains(&email(person))))
        .collect();
    // The body of the very last request is not seen.
    assert!((49..=50).contains(&of_people.len()), "{of_people:?}");
    let first = of_people.iter().filter(|place| *place % 2 == 1).count();
    assert!((10..=40).contains(&first), "{first} of 50 came first");
}

#[tokio::test]
async fn a_sign_in_that_is_delayed_is_not_measured() {
    let answer = |_: &str| "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nwait".to_owned();
    let target = serve(answer).await;
    let failure = refused(target, &people(1), numbers(7)).await.expect_err("delayed");
    assert!(failure.to_string().ends_with("429: wait"), "{failure}");
}

#[tokio::test]
async fn people_who_got_a_password_have_it_and_no_other() {
    let stored = Stored::start().await;
    let callers = stored.people(2).await;
    give_password(&stored.client, &callers).await.expect("given");
    let argon2 = Argon2Passwords::new(NonZeroUsize::MIN);
    for caller in &callers {
        let address = domain::accounts::Email::parse(&email(caller)).expect("an address");
        let account = stored
            .users
            .by_email(&address)
            .await
            .expect("an answer")
            .expect("somebody");
        assert_eq!(account.user.id, caller.user);
        for (attempt, right) in [(PASSWORD, true), (WRONG_PASSWORD, false)] {
            let verified = argon2.verify(attempt.to_owned(), Some(account.password.clone())).await;
            let verified = verified.expect("verified");
            assert_eq!((verified.right, verified.outdated), (right, false), "{attempt}");
        }
    }
}
