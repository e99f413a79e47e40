//! A person's history sent to the server, or shown to it to learn what it would change, and what each answer means.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use ureq::http::StatusCode;

use domain::time::UnixMs;
use domain::trackers::wakatime::last_of;
use domain::usage::{Context, ContextText, Mention};

use crate::chain::Chain;
use crate::import::points::Point;
use crate::secret::Secret;
use crate::watch::Ping;

use super::tracking::site_url;
use super::{Answer, ProblemError, Server};

/// What is sent together: claims or heartbeats of one source.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// Whose they are: a name that the person knows.
    pub source: &'a str,
    /// Claims, sorted.
    pub pings: &'a [Ping],
    /// Heartbeats, sorted.
    pub points: &'a [Point],
    /// Since when, and until when, it is told what would change, where that is not all of it.
    pub told: [Option<UnixMs>; 2],
}

/// What a server says to a part of a history.
#[derive(Debug, Clone, PartialEq)]
pub enum Imported {
    /// It has it, or says what it would change.
    Taken(ImportReceipt),
    /// The token is no good.
    SignedOut,
    /// The request is longer than it takes.
    TooLarge,
    /// Nothing of it is acceptable, and why.
    Invalid(Vec<Refusal>),
    /// Not now; again after this long, if it says so.
    Later(Option<Duration>),
    /// It does not want such a request at all.
    Refused(String),
    /// No answer, or none that a Daybook server gives.
    Unknown(String),
}

/// The answers 202 and, to a dry run, 200.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ImportReceipt {
    /// How many it took.
    pub accepted: u64,
    /// How many the person's rules exclude.
    #[serde(default)]
    pub excluded: u64,
    /// How many seconds a heartbeat of the source waits for a later one.
    #[serde(default)]
    pub heartbeat_timeout: Option<u64>,
    /// Which it will never take.
    #[serde(default)]
    pub rejected: Vec<Refusal>,
    /// Whether what was imported before still waits there, so that it is not in what would change.
    #[serde(default)]
    pub waiting: bool,
    /// What would change; only after a dry run.
    #[serde(default)]
    pub change: Option<ChangeBody>,
}

/// One claim or heartbeat that the server will never take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The field at fault, with its place: `/pings/3/end_time`.
    #[serde(default)]
    pub pointer: String,
    /// Why, in a word.
    #[serde(default)]
    pub code: String,
    /// Why, for people.
    #[serde(default)]
    pub detail: String,
}

/// What the timeline would gain and lose, in seconds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChangeBody {
    /// What nobody claimed before.
    pub added_seconds: f64,
    /// What would have another label.
    pub replaced_seconds: f64,
    /// What stays as it is.
    pub kept_seconds: f64,
    /// The same by application.
    #[serde(default)]
    pub items: Vec<ChangeItem>,
}

/// What an application would gain.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChangeItem {
    /// Which.
    pub app_name: String,
    /// Of time that nobody claimed before.
    pub added_seconds: f64,
    /// Of time that another has.
    pub replaced_seconds: f64,
}

impl Refusal {
    /// Its place in its list, and the field.
    #[must_use]
    pub fn place(&self) -> Option<(usize, &str)> {
        let (_, rest) = self.pointer.strip_prefix('/')?.split_once('/')?;
        let (index, field) = rest.split_once('/').unwrap_or((rest, ""));
        Some((index.parse().ok()?, field))
    }
}

impl History<'_> {
    fn route(&self, is_dry_run: bool) -> String {
        let route = "/api/v1/usage/import";
        if !is_dry_run {
            return route.to_owned();
        }
        let [from, until] = self.told;
        let bound = |name: &str, at: Option<UnixMs>| at.map_or_else(String::new, |at| format!("&{name}={at}"));
        format!("{route}?dry_run=true{}{}", bound("from", from), bound("until", until))
    }
}

impl Server {
    /// Sends a part of a history. A dry run keeps nothing of it.
    #[must_use]
    pub fn import(&self, token: &Secret, history: History<'_>, is_dry_run: bool) -> Imported {
        let route = history.route(is_dry_run);
        let body = ImportBody {
            source: history.source,
            pings: history.pings.iter().map(ClaimBody::of).collect(),
            heartbeats: history.points.iter().map(HeartbeatBody::of).collect(),
        };
        let bearer = format!("Bearer {}", token.expose());
        match self.post(&route, ("Authorization", &bearer), &body) {
            Err(error) => Imported::Unknown(Chain(&error).to_string()),
            Ok(answer) => answer.imported(is_dry_run),
        }
    }
}

impl Answer {
    fn imported(&self, is_dry_run: bool) -> Imported {
        let good = if is_dry_run {
            StatusCode::OK
        } else {
            StatusCode::ACCEPTED
        };
        match self.status {
            status if status == good => match serde_json::from_slice::<ImportReceipt>(&self.body) {
                Ok(receipt) if receipt.change.is_some() == is_dry_run => Imported::Taken(receipt),
                Ok(_) | Err(_) => Imported::Unknown("its answer makes no sense".to_owned()),
            },
            StatusCode::UNAUTHORIZED => Imported::SignedOut,
            StatusCode::PAYLOAD_TOO_LARGE => Imported::TooLarge,
            StatusCode::UNPROCESSABLE_ENTITY => {
                Imported::Invalid(self.problem().errors.into_iter().map(Refusal::of).collect())
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Imported::Later(self.retry_after),
            status if status.is_client_error() || status.is_redirection() => Imported::Refused(self.title()),
            _ => Imported::Unknown(self.title()),
        }
    }
}

impl Refusal {
    fn of(error: ProblemError) -> Self {
        let ProblemError { pointer, code, detail } = error;
        Self { pointer, code, detail }
    }
}

#[derive(Serialize)]
struct ImportBody<'a> {
    source: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pings: Vec<ClaimBody<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heartbeats: Vec<HeartbeatBody<'a>>,
}

#[derive(Serialize)]
struct ClaimBody<'a> {
    app_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    start_time: UnixMs,
    #[serde(serialize_with = "rfc3339")]
    end_time: UnixMs,
    passive: bool,
}

impl<'a> ClaimBody<'a> {
    fn of(ping: &'a Ping) -> Self {
        Self {
            app_name: ping.app.as_str(),
            url: ping.domain.as_ref().map(site_url),
            start_time: ping.span.start(),
            end_time: ping.span.end(),
            passive: ping.passive,
        }
    }
}

#[derive(Serialize)]
struct HeartbeatBody<'a> {
    #[serde(serialize_with = "rfc3339")]
    time: UnixMs,
    app_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    editor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operating_system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_write: Option<bool>,
}

impl<'a> HeartbeatBody<'a> {
    fn of(point: &'a Point) -> Self {
        let label = &point.about.label;
        let Context {
            kind,
            category,
            project,
            branch,
            language,
            editor,
            machine,
            operating_system,
            is_write,
        } = &point.about.context;
        Self {
            time: point.at,
            app_name: label.app_name.as_str(),
            url: label.domain.as_ref().map(site_url),
            kind: kind.word(),
            category: category.as_ref().map(ContextText::as_str),
            project: mentioned("project", project.as_ref()),
            branch: mentioned("branch", branch.as_ref()),
            language: mentioned("language", language.as_ref()),
            editor: editor.as_ref().map(ContextText::as_str),
            machine: machine.as_ref().map(ContextText::as_str),
            operating_system: operating_system.as_ref().map(ContextText::as_str),
            is_write: *is_write,
        }
    }
}

/// What is left to the heartbeat before is left so: what that names depends on all that are at the server, and not on where a file begins.
fn mentioned<'a>(field: &str, mention: Option<&'a Mention>) -> Option<&'a str> {
    match mention? {
        Mention::Named(text) => Some(text.as_str()),
        Mention::Last => last_of(field),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn rfc3339<S: Serializer>(at: &UnixMs, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::time::Span;
    use domain::usage::{AppName, Kind, Label};
    use serde_json::{Value, json};

    use crate::import::points::About;

    use super::*;

    #[test]
    fn a_history_is_sent_with_nothing_of_an_address_but_its_host() {
        let span = Span::new(UnixMs(0), UnixMs(250)).expect("not empty");
        let mut ping = Ping::of_app(AppName::parse("Browser").expect("a name"), span);
        ping.domain = domain::usage::Domain::of_url("https://www.example.org/private?q=1").expect("a URL");
        let claim = serde_json::to_value(ClaimBody::of(&ping)).expect("JSON");
        let times = json!({"start_time": "1970-01-01T00:00:00Z", "end_time": "1970-01-01T00:00:00.250Z"});
        let with_times = |mut body: Value| {
            body.as_object_mut()
                .expect("an object")
                .extend(times.as_object().expect("an object").clone());
            body
        };
        assert_eq!(
            claim,
            with_times(json!({"app_name": "Browser", "url": "https://example.org/", "passive": false}))
        );
        let mut context = Context::of_kind(Kind::File);
        context.project = Some(Mention::Named(ContextText::trusted("daybook")));
        context.branch = Some(Mention::Last);
        context.is_write = Some(true);
        let label = Label::trusted("Vim", None);
        let about = Arc::new(About { label, context });
        let point = Point { at: UnixMs(123), about };
        assert_eq!(
            serde_json::to_value(HeartbeatBody::of(&point)).expect("JSON"),
            json!({"time": "1970-01-01T00:00:00.123Z", "app_name": "Vim", "kind": "file", "project": "daybook",
                "branch": "<<LAST_BRANCH>>", "is_write": true})
        );
    }

    fn answered(status: u16, body: &Value, is_dry_run: bool) -> Imported {
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: Some(Duration::from_secs(7)),
            body: body.to_string().into_bytes(),
        }
        .imported(is_dry_run)
    }

    #[test]
    fn each_answer_has_its_meaning() {
        let taken = json!({"status": "queued", "accepted": 2, "excluded": 1, "rejected": [
            {"index": 3, "pointer": "/heartbeats/3/time", "code": "too_old", "detail": "no"}]});
        let Imported::Taken(receipt) = answered(202, &taken, false) else {
            panic!("not taken");
        };
        assert_eq!((receipt.accepted, receipt.excluded), (2, 1));
        assert_eq!(receipt.rejected[0].place(), Some((3, "time")));
        let dry = json!({"status": "dry_run", "accepted": 1, "excluded": 0, "rejected": [],
            "change": {"added_seconds": 1.5, "replaced_seconds": 0, "kept_seconds": 2,
                "items": [{"app_name": "Vim", "added_seconds": 1.5, "replaced_seconds": 0}]}});
        assert!(matches!(
            answered(200, &dry, true),
            Imported::Taken(ImportReceipt { change: Some(_), .. })
        ));
        // What a dry run shows and what is kept are never taken for each other.
        for (status, body, is_dry_run) in [
            (200, &taken, false),
            (202, &dry, true),
            (202, &taken, true),
            (202, &dry, false),
        ] {
            assert!(
                matches!(answered(status, body, is_dry_run), Imported::Unknown(_)),
                "{status} {body}"
            );
        }
        let refused = json!({"title": "Unprocessable", "errors": [{"pointer": "/pings/0/end_time", "code": "in_future", "detail": "no"}]});
        let Imported::Invalid(refusals) = answered(422, &refused, false) else {
            panic!("not refused");
        };
        assert_eq!(
            (refusals[0].place(), refusals[0].code.as_str()),
            (Some((0, "end_time")), "in_future")
        );
        assert_eq!(answered(401, &Value::Null, false), Imported::SignedOut);
        assert_eq!(answered(413, &Value::Null, false), Imported::TooLarge);
        assert_eq!(
            answered(429, &Value::Null, false),
            Imported::Later(Some(Duration::from_secs(7)))
        );
        assert_eq!(
            answered(503, &Value::Null, true),
            Imported::Later(Some(Duration::from_secs(7)))
        );
        assert!(matches!(answered(404, &Value::Null, false), Imported::Refused(_)));
        assert!(matches!(answered(500, &Value::Null, false), Imported::Unknown(_)));
    }
}
