//! Sign-ins over HTTP: requests, and people who have a password.

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;

use adapters::crypto::Argon2Passwords;
use domain::accounts::{Caller, Password};
use ports::accounts::Passwords;
use testkit::runs::Failure;
use tokio_postgres::Client;

use crate::load::Script;

/// The password of everybody who has one.
pub const PASSWORD: &str = "correct horse battery staple";
/// As long, and nobody's.
pub const WRONG_PASSWORD: &str = "correct horse battery stable";

/// Gives each of `callers` the password. One hash serves all: registering them would take half an hour.
pub async fn give_password(client: &Client, callers: &[Caller]) -> Result<(), Failure> {
    let password = Password::parse(PASSWORD).map_err(Failure::because("the bench's own password is refused"))?;
    let hash = Argon2Passwords::new(NonZeroUsize::MIN).hash(password).await;
    let hash = hash.map_err(Failure::because("could not hash a password"))?;
    let ids: Vec<_> = callers.iter().map(|caller| caller.user.0).collect();
    client
        .execute(
            "UPDATE users SET password_hash = $1 WHERE id = ANY($2)",
            &[&hash.0, &ids],
        )
        .await
        .map(drop)
        .map_err(Failure::because("could not give people a password"))
}

/// The address of the person whom [`crate::people::sign_in`] made.
#[must_use]
pub fn email(caller: &Caller) -> String {
    format!("{}@example.org", caller.user)
}

/// The whole request of a sign-in, as a reverse proxy passes it on from an address of its own for each `place`.
#[must_use]
pub fn request(email: &str, password: &str, place: u32) -> Vec<u8> {
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() | (place & 0x00ff_ffff));
    let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: bench\r\nX-Forwarded-For: {address}\r\nX-Device-Id: bench\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// People who share a connection and sign in with the right password, one after the other, again and again.
#[derive(Debug)]
pub struct SignIns {
    requests: Vec<Vec<u8>>,
    turn: usize,
}

impl SignIns {
    /// The people dealt out to `connections`.
    #[must_use]
    pub fn deal(people: &[Caller], connections: usize) -> Vec<Self> {
        let mut hands: Vec<Self> = (0..connections.min(people.len()))
            .map(|_| Self {
                requests: Vec::new(),
                turn: 0,
            })
            .collect();
        for (place, caller) in (0..).zip(people) {
            let hand = place as usize % hands.len();
            hands[hand].requests.push(request(&email(caller), PASSWORD, place));
        }
        hands
    }
}

impl Script for SignIns {
    fn next(&mut self, request: &mut Vec<u8>) -> bool {
        request.extend(&self.requests[self.turn]);
        self.turn = (self.turn + 1) % self.requests.len();
        true
    }

    fn answered(&mut self, status: u16, _: &[u8]) -> bool {
        status == 200
    }
}
