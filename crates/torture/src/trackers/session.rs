//! A device's session: its tokens, and how it stays signed in while answers are lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::runs::Failure;

use super::doors::Entrance;
use super::identity::{login_body, login_header, text};
use crate::http::Ask;
use crate::ledger::Person;
use crate::random::Random;

/// The longest that a device keeps an access token: far shorter than it lives, so that even a short run refreshes often.
const KEPT_MAX: Duration = Duration::from_secs(20);

/// A device's session.
#[derive(Debug)]
pub(super) struct Session {
    person: Person,
    key: String,
    access: String,
    /// None once the server said that it is good for nothing.
    refresh: Option<String>,
    refresh_due: Instant,
    /// Whether the access token was refused.
    refused: bool,
    /// How often the session had to be begun again.
    pub(super) begun_again: u64,
}

impl Session {
    /// Of the answer to a sign-in.
    pub(super) fn begun(answer: &Value, person: Person, key: String) -> Result<Self, Failure> {
        Ok(Self {
            person,
            key,
            access: text(answer, "/access_token")?,
            refresh: Some(text(answer, "/refresh_token")?),
            refresh_due: Instant::now() + KEPT_MAX,
            refused: false,
            begun_again: 0,
        })
    }

    /// The access token.
    pub(super) fn token(&self) -> &str {
        &self.access
    }

    /// The access token was refused: nothing else is done before there is another.
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    /// Renews the tokens when they are due, with one request at most; whether there is an access token to go on with.
    ///
    /// A refresh token whose answer was lost is shown again. When the session is over all the same, because an early copy of a request came late, the device
    /// signs in again.
    pub(super) async fn renew(&mut self, entrance: &mut Entrance, random: &mut Random) -> bool {
        if self.refused || Instant::now() >= self.refresh_due {
            let renewed = if let Some(token) = &self.refresh {
                let body = json!({"refresh_token": token}).to_string();
                entrance.ask(&Ask::post("/api/v1/auth/refresh", &body)).await
            } else {
                let (body, header) = (login_body(&self.person), login_header(&self.key));
                let login = Ask {
                    header: Some(&header),
                    ..Ask::post("/api/v1/auth/login", &body)
                };
                entrance.ask(&login).await
            };
            match renewed {
                Ok(answer) if answer.status == 200 => {
                    let tokens = answer
                        .json()
                        .and_then(|answer| Ok((text(&answer, "/access_token")?, text(&answer, "/refresh_token")?)));
                    if let Ok((access, refresh)) = tokens {
                        self.begun_again += u64::from(self.refresh.is_none());
                        (self.access, self.refresh, self.refused) = (access, Some(refresh), false);
                        let kept_ms = u64::try_from(KEPT_MAX.as_millis()).unwrap_or(u64::MAX);
                        self.refresh_due = Instant::now() + Duration::from_millis(random.between(kept_ms / 4, kept_ms));
                    }
                }
                Ok(answer) if answer.status == 401 => self.refresh = None,
                // Unknown, or not now: the same again the next time.
                _ => {}
            }
        }
        !self.refused
    }
}
