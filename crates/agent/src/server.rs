//! The server as the agent sees it: three calls, and what each answer means. No retries here.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use ureq::http::{HeaderMap, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};

use domain::time::UnixMs;

use crate::address::ServerAddress;
use crate::chain::Chain;
use crate::secret::Secret;
use crate::spool::Offer;

const CONNECT_MAX: Duration = Duration::from_secs(10);
/// From the first byte sent to the last received.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// Servers close idle connections, many after five seconds. One used at that very moment fails for nothing.
const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(3);
const BUFFER_BYTES: usize = 16 * 1024;
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// A Daybook server.
#[derive(Debug, Clone)]
pub struct Server {
    address: ServerAddress,
    agent: ureq::Agent,
}

/// What a server says to a batch of pings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tracked {
    /// It has them.
    Taken(Receipt),
    /// The token is no good.
    SignedOut,
    /// The request is longer than it takes.
    TooLarge,
    /// No ping of the batch is acceptable, or one spoils it. The indexes that it names.
    Invalid(Vec<usize>),
    /// Not now; again after this long, if it says so.
    Later(Option<Duration>),
    /// It does not want such a request at all: a wrong address, an account that may not.
    Refused(String),
    /// No answer, or none that a Daybook server gives: it may have the pings or not.
    Unknown(String),
}

/// The answer 202.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// How many it took.
    pub accepted: u64,
    /// Which it will never take. Their numbers are settled all the same.
    #[serde(default)]
    pub rejected: Vec<Rejection>,
    /// Through which number everything of this device is in the timeline.
    #[serde(default)]
    pub merged_through: Option<u64>,
}

/// One ping that the server will never take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rejection {
    /// Its place in the batch.
    pub index: usize,
    /// The field at fault.
    #[serde(default)]
    pub pointer: String,
    /// Why, in a word.
    #[serde(default)]
    pub code: String,
}

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

impl Server {
    /// A client for the server at `address`.
    #[must_use]
    pub fn new(address: ServerAddress) -> Self {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would carry pings, and make of a POST something else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_MAX))
            .timeout_global(Some(REQUEST_MAX))
            .max_idle_age(IDLE_CONNECTION_MAX)
            .max_idle_connections(1)
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            .user_agent(concat!("daybook-agent/", env!("CARGO_PKG_VERSION")))
            // The system's own list, so that a certificate authority of one's own works as everywhere else.
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build());
        if address.is_loopback() {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().new_agent(),
            address,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Sends a batch of pings.
    #[must_use]
    pub fn track(&self, token: &Secret, offers: &[Offer]) -> Tracked {
        let pings = offers.iter().map(PingBody::of).collect();
        let bearer = format!("Bearer {}", token.expose());
        match self.post("/api/v1/usage/track", ("Authorization", &bearer), &TrackBody { pings }) {
            Err(error) => Tracked::Unknown(Chain(&error).to_string()),
            Ok(answer) => answer.tracked(),
        }
    }

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
        let answer = self
            .post(route, header, body)
            .map_err(|error| SignInError::Unknown(Chain(&error).to_string()))?;
        match answer.status {
            StatusCode::OK => serde_json::from_slice(&answer.body)
                .map_err(|_| SignInError::Unknown("its answer makes no sense".to_owned())),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Err(SignInError::Later(answer.retry_after))
            }
            status if status.is_client_error() => Err(SignInError::Refused(answer.title())),
            _ => Err(SignInError::Unknown(answer.title())),
        }
    }

    fn post(&self, route: &str, header: (&str, &str), body: &impl Serialize) -> Result<Answer, ureq::Error> {
        let body = serde_json::to_vec(body).expect("strings and numbers have a JSON form");
        let mut response = self
            .agent
            .post(self.address.route(route))
            .header(header.0, header.1)
            .content_type("application/json")
            .send(&body[..])?;
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()?;
        Ok(Answer {
            status: response.status(),
            retry_after: retry_after(response.headers()),
            body,
        })
    }
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Answer {
    fn tracked(&self) -> Tracked {
        match self.status {
            StatusCode::ACCEPTED => match serde_json::from_slice(&self.body) {
                Ok(receipt) => Tracked::Taken(receipt),
                Err(_) => Tracked::Unknown("its answer makes no sense".to_owned()),
            },
            StatusCode::UNAUTHORIZED => Tracked::SignedOut,
            StatusCode::PAYLOAD_TOO_LARGE => Tracked::TooLarge,
            StatusCode::UNPROCESSABLE_ENTITY => Tracked::Invalid(self.problem().indexes()),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Tracked::Later(self.retry_after),
            status if status.is_client_error() || status.is_redirection() => Tracked::Refused(self.title()),
            _ => Tracked::Unknown(self.title()),
        }
    }

    /// The status, and the problem's title where there is one. Details may name what the person does, so they stay out of the log.
    fn title(&self) -> String {
        match self.problem().title {
            Some(title) => format!("{} ({title})", self.status.as_u16()),
            None => self.status.to_string(),
        }
    }

    fn problem(&self) -> Problem {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// RFC 9457, as far as it is of use here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: Option<String>,
    errors: Vec<ProblemError>,
}

#[derive(Deserialize)]
struct ProblemError {
    #[serde(default)]
    pointer: String,
}

impl Problem {
    /// The pings that it names: `/pings/3/end_time` is 3.
    fn indexes(&self) -> Vec<usize> {
        let index = |error: &ProblemError| error.pointer.strip_prefix("/pings/")?.split('/').next()?.parse().ok();
        let mut indexes: Vec<usize> = self.errors.iter().filter_map(index).collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes
    }
}

/// The delay in seconds. The form with a date is rare, and counts as absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[derive(Serialize)]
struct TrackBody<'a> {
    pings: Vec<PingBody<'a>>,
}

#[derive(Serialize)]
struct PingBody<'a> {
    app_name: &'a str,
    #[serde(serialize_with = "rfc3339")]
    start_time: UnixMs,
    #[serde(serialize_with = "rfc3339")]
    end_time: UnixMs,
    seq: u64,
}

impl<'a> PingBody<'a> {
    fn of(offer: &'a Offer) -> Self {
        Self {
            app_name: offer.kept.app.as_str(),
            start_time: offer.kept.span.start(),
            end_time: offer.kept.span.end(),
            seq: offer.seq,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn rfc3339<S: Serializer>(at: &UnixMs, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tracked(status: u16, retry_after_seconds: Option<u64>, body: &str) -> Tracked {
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: retry_after_seconds.map(Duration::from_secs),
            body: body.as_bytes().to_vec(),
        }
        .tracked()
    }

    #[test]
    fn a_202_is_a_receipt_and_nothing_else_is() {
        let full = r#"{"status":"queued","accepted":1,"merged_through":7,"new":{},
            "rejected":[{"index":1,"pointer":"/pings/1/end_time","code":"in_future","detail":"no"}]}"#;
        let Tracked::Taken(receipt) = tracked(202, None, full) else {
            panic!("not taken");
        };
        assert_eq!((receipt.accepted, receipt.merged_through), (1, Some(7)));
        assert_eq!(
            (receipt.rejected[0].index, receipt.rejected[0].code.as_str()),
            (1, "in_future")
        );
        let null = tracked(
            202,
            None,
            r#"{"status":"queued","accepted":1,"rejected":[],"merged_through":null}"#,
        );
        assert!(matches!(
            null,
            Tracked::Taken(Receipt {
                merged_through: None,
                ..
            })
        ));
        for (status, body) in [
            (202, "<html>"),
            (200, full),
            (204, ""),
            (500, "{}"),
            (502, "<html>"),
            (504, ""),
        ] {
            assert!(
                matches!(tracked(status, None, body), Tracked::Unknown(_)),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn each_refusal_has_its_meaning() {
        assert_eq!(tracked(401, None, ""), Tracked::SignedOut);
        assert_eq!(tracked(413, None, ""), Tracked::TooLarge);
        assert_eq!(tracked(429, Some(7), ""), Tracked::Later(Some(Duration::from_secs(7))));
        assert_eq!(tracked(503, None, "<html>"), Tracked::Later(None));
        for status in [301, 307, 400, 403, 404, 405, 409, 415] {
            assert!(matches!(tracked(status, None, ""), Tracked::Refused(_)), "{status}");
        }
        let titled = tracked(404, None, r#"{"title":"Not found","detail":"Firefox"}"#);
        assert_eq!(titled, Tracked::Refused("404 (Not found)".to_owned()));
    }

    #[test]
    fn a_422_names_pings_by_pointer() {
        let body = r#"{"errors":[{"pointer":"/pings/4/end_time"},{"pointer":"/pings/0"},{"pointer":"/pings/4/app_name"},{"pointer":"/pings"},{}]}"#;
        assert_eq!(tracked(422, None, body), Tracked::Invalid(vec![0, 4]));
        assert_eq!(tracked(422, None, "<html>"), Tracked::Invalid(vec![]));
    }

    #[test]
    fn a_delay_in_seconds_is_understood_and_a_date_is_not() {
        let of = |value: &'static str| {
            let headers = HeaderMap::from_iter([(ureq::http::header::RETRY_AFTER, value.parse().expect("a value"))]);
            retry_after(&headers)
        };
        assert_eq!(of("120"), Some(Duration::from_mins(2)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
