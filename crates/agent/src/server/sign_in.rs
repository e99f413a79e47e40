//! Signing in: with a password, by a code that a person confirms elsewhere, and again with the refresh token.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::StatusCode;

use crate::chain::Chain;
use crate::secret::Secret;

use super::{Answer, Server};

/// Who signs in, and where.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// The account.
    pub email: &'a str,
    /// Its password.
    pub password: &'a Secret,
    /// The device's name for itself.
    pub device_id: &'a str,
    /// The device's name for people.
    pub device_name: &'a str,
}

/// Tokens as the server gives them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Grant {
    /// Signs requests.
    pub access_token: Secret,
    /// For so many seconds.
    pub expires_in: u32,
    /// Gets the next grant, once.
    pub refresh_token: Secret,
}

/// Signing in did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The server does not accept the password or token.
    #[error("the server refused: {0}")]
    Refused(String),
    /// There is nothing to sign in with.
    #[error("signed out: {0}")]
    SignedOut(String),
    /// Not now; again after this long, if it says so.
    #[error("the server asks to try again later")]
    Later(Option<Duration>),
    /// No answer, or none that a Daybook server gives.
    #[error("the server could not be asked: {0}")]
    Unknown(String),
}

/// What the device shows while it waits for a person to confirm it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeviceCode {
    /// With which the server is asked.
    pub device_code: Secret,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// For how many seconds both codes are good.
    pub expires_in: u64,
    /// How many seconds to wait between two questions.
    pub interval: u64,
}

/// What the server says of a device that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// It was confirmed, and is signed in.
    SignedIn(Grant),
    /// Not yet.
    Pending,
    /// Not yet, and it asks too often.
    TooFast,
    /// The person said no.
    Denied,
    /// The codes are good no longer.
    Expired,
}

impl Server {
    /// Signs in with a password.
    pub fn login(&self, who: &SignIn<'_>) -> Result<Grant, SignInError> {
        let body = LoginBody {
            email: who.email,
            password: who.password.expose(),
            device_name: who.device_name,
            platform: std::env::consts::OS,
        };
        self.sign_in("/api/v1/auth/login", ("X-Device-Id", who.device_id), &body)
    }

    /// Signs in again with the refresh token, which is used up by it.
    pub fn refresh(&self, refresh_token: &Secret) -> Result<Grant, SignInError> {
        let body = RefreshBody {
            refresh_token: refresh_token.expose(),
        };
        self.sign_in("/api/v1/auth/refresh", ("Accept", "application/json"), &body)
    }

    fn sign_in(&self, route: &str, header: (&str, &str), body: &impl Serialize) -> Result<Grant, SignInError> {
        read(&answered(self.post(route, header, body))?)
    }

    /// Asks for a code for the device of this key to show.
    pub fn device_code(&self, device_id: &str, device_name: &str) -> Result<DeviceCode, SignInError> {
        let body = DeviceCodeBody {
            device_name,
            platform: std::env::consts::OS,
        };
        let asked = self.post("/api/v1/auth/device-code", ("X-Device-Id", device_id), &body);
        read(&answered(asked)?)
    }

    /// Asks whether the device was confirmed.
    pub fn device_token(&self, device_code: &Secret) -> Result<Waiting, SignInError> {
        let body = DeviceTokenBody {
            device_code: device_code.expose(),
        };
        let asked = self.post("/api/v1/auth/device-token", ("Accept", "application/json"), &body);
        let answer = answered(asked)?;
        let word = answer.problem().code;
        match word.as_deref().filter(|_| answer.status == StatusCode::BAD_REQUEST) {
            Some("authorization_pending") => Ok(Waiting::Pending),
            Some("slow_down") => Ok(Waiting::TooFast),
            Some("access_denied") => Ok(Waiting::Denied),
            Some("expired_token") => Ok(Waiting::Expired),
            _ => read(&answer).map(Waiting::SignedIn),
        }
    }

    /// The e-mail address of the account that a token is for.
    pub fn email(&self, token: &Secret) -> Result<String, SignInError> {
        let profile: Profile = read(&answered(self.get("/api/v1/users/me", token))?)?;
        Ok(profile.email)
    }

    /// Ends the session that a token is of.
    pub fn logout(&self, token: &Secret) -> Result<(), SignInError> {
        let bearer = format!("Bearer {}", token.expose());
        let answer = answered(self.post_nothing("/api/v1/auth/logout", ("Authorization", &bearer)))?;
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(());
        }
        Err(refusal(&answer))
    }
}

fn answered(asked: Result<Answer, ureq::Error>) -> Result<Answer, SignInError> {
    asked.map_err(|error| SignInError::Unknown(Chain(&error).to_string()))
}

/// What a 200 holds.
fn read<T: for<'de> Deserialize<'de>>(answer: &Answer) -> Result<T, SignInError> {
    if answer.status != StatusCode::OK {
        return Err(refusal(answer));
    }
    serde_json::from_slice(&answer.body).map_err(|_| SignInError::Unknown("its answer makes no sense".to_owned()))
}

/// What any other answer means.
fn refusal(answer: &Answer) -> SignInError {
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => SignInError::Later(answer.retry_after),
        status if status.is_client_error() => SignInError::Refused(answer.title()),
        _ => SignInError::Unknown(answer.title()),
    }
}

#[derive(Serialize)]
struct LoginBody<'a> {
    email: &'a str,
    password: &'a str,
    device_name: &'a str,
    platform: &'a str,
}

#[derive(Serialize)]
struct RefreshBody<'a> {
    refresh_token: &'a str,
}

#[derive(Serialize)]
struct DeviceCodeBody<'a> {
    device_name: &'a str,
    platform: &'a str,
}

#[derive(Serialize)]
struct DeviceTokenBody<'a> {
    device_code: &'a str,
}

#[derive(Deserialize)]
struct Profile {
    email: String,
}
