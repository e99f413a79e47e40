//! The server as the agent sees it: how it is asked, and what is in its answers. No retries here.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::{HeaderMap, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};

use crate::address::ServerAddress;
use crate::secret::Secret;

mod importing;
mod sign_in;
mod tracking;

pub use importing::{ChangeBody, ChangeItem, History, ImportReceipt, Imported, Refusal};
pub use sign_in::{DeviceCode, Grant, SignIn, SignInError, Waiting};
pub use tracking::{Receipt, Rejection, Tracked};

pub mod rules;

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

    fn post(&self, route: &str, header: (&str, &str), body: &impl Serialize) -> Result<Answer, ureq::Error> {
        let body = serde_json::to_vec(body).expect("strings and numbers have a JSON form");
        let response = self
            .agent
            .post(self.address.route(route))
            .header(header.0, header.1)
            .content_type("application/json")
            .send(&body[..])?;
        Answer::of(response)
    }

    fn post_nothing(&self, route: &str, header: (&str, &str)) -> Result<Answer, ureq::Error> {
        let request = self.agent.post(self.address.route(route)).header(header.0, header.1);
        Answer::of(request.send_empty()?)
    }

    fn get(&self, route: &str, token: &Secret) -> Result<Answer, ureq::Error> {
        let bearer = format!("Bearer {}", token.expose());
        let response = self
            .agent
            .get(self.address.route(route))
            .header("Authorization", &bearer)
            .call()?;
        Answer::of(response)
    }
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Answer {
    fn of(mut response: ureq::http::Response<ureq::Body>) -> Result<Self, ureq::Error> {
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()?;
        Ok(Self {
            status: response.status(),
            retry_after: retry_after(response.headers()),
            body,
        })
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
    /// The word of RFC 8628, where a device asks whether it was confirmed.
    code: Option<String>,
    errors: Vec<ProblemError>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ProblemError {
    pointer: String,
    code: String,
    detail: String,
}

/// The delay in seconds. The form with a date is rare, and counts as absent.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

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
