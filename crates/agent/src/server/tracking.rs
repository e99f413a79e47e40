//! Pings sent to the server, and what each answer means for them.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use ureq::http::StatusCode;

use domain::time::UnixMs;
use domain::usage::Domain;

use crate::chain::Chain;
use crate::secret::Secret;
use crate::spool::Offer;

use super::{Answer, Problem, ProblemError, Server};

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

impl Server {
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

#[derive(Serialize)]
struct TrackBody<'a> {
    pings: Vec<PingBody<'a>>,
}

#[derive(Serialize)]
struct PingBody<'a> {
    app_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    start_time: UnixMs,
    #[serde(serialize_with = "rfc3339")]
    end_time: UnixMs,
    passive: bool,
    seq: u64,
}

impl<'a> PingBody<'a> {
    fn of(offer: &'a Offer) -> Self {
        let ping = &offer.kept.ping;
        Self {
            app_name: ping.app.as_str(),
            url: ping.domain.as_ref().map(site_url),
            start_time: ping.span.start(),
            end_time: ping.span.end(),
            passive: ping.passive,
            seq: offer.seq,
        }
    }
}

/// The server takes URLs and keeps their host, which is all that there is here.
pub(super) fn site_url(domain: &Domain) -> String {
    format!("https://{}/", domain.as_str())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn rfc3339<S: Serializer>(at: &UnixMs, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[cfg(test)]
mod tests {
    use domain::time::Span;
    use domain::usage::AppName;

    use crate::spool::Kept;
    use crate::watch::Ping;

    use super::*;

    #[test]
    fn a_site_is_sent_as_a_url_and_attention_as_it_was() {
        let mut ping = Ping::of_app(
            AppName::parse("Browser").expect("a name"),
            Span::new(UnixMs(0), UnixMs(250)).expect("not empty"),
        );
        let json = |ping: &Ping| {
            let kept = Kept {
                seq: 3,
                ping: ping.clone(),
            };
            serde_json::to_value(PingBody::of(&Offer { seq: 2, kept })).expect("JSON")
        };
        let times = |mut body: serde_json::Value| {
            body["start_time"] = "1970-01-01T00:00:00Z".into();
            body["end_time"] = "1970-01-01T00:00:00.250Z".into();
            body
        };
        let plain = times(serde_json::json!({"app_name": "Browser", "passive": false, "seq": 2}));
        assert_eq!(json(&ping), plain);
        ping.domain = Domain::of_url("https://www.example.org/private?q=1").expect("a URL");
        ping.passive = true;
        let sited =
            serde_json::json!({"app_name": "Browser", "url": "https://example.org/", "passive": true, "seq": 2});
        assert_eq!(json(&ping), times(sited));
    }

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
}
