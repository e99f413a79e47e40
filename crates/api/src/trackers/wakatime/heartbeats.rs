//! `POST …/heartbeats` and `…/heartbeats.bulk`: one verdict for each heartbeat, in the order in which they came. A client drops what was refused here for good,
//! and sends again what has no verdict; so an answer as a whole is refused only where the same heartbeats may be taken later.

use actix_web::http::header::{HeaderMap, HeaderName, USER_AGENT};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::time::SECOND_MS;
use domain::usage::{HeartbeatPing, Patience};
use ports::Ids;
use serde::Serialize;

use crate::Services;
use crate::body::JsonBody;
use crate::problem::{PROBLEM_JSON, Problem, ProblemType};
use crate::query::decode;

use super::heartbeat::{Accepted, Faults, Sender, judge};
use super::key::Sending;
use super::sent::{HEARTBEATS_MAX, Sent};

const MACHINE_NAME: HeaderName = HeaderName::from_static("x-machine-name");

/// What a path ends with whose answer is always that to a list.
const BULK: &str = "/heartbeats.bulk";

/// The statuses of single heartbeats, which clients go by.
const CREATED: u16 = 201;
const REFUSED: u16 = 400;
const TOO_MANY: u16 = 429;

/// The answer to a list.
#[derive(Serialize)]
struct Verdicts {
    responses: Vec<(Verdict, u16)>,
}

/// What became of a heartbeat.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It is kept.
    Data(Told),
    /// It is refused for good. Under any other name than this, some clients would send it again for ever.
    Errors(Faults),
    /// It was not looked at.
    Error(&'static str),
}

/// The answer to a heartbeat by itself that is refused.
#[derive(Serialize)]
struct Refusal {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

/// What is said of a heartbeat that is kept. Its entity is not repeated.
#[derive(Serialize)]
struct Told {
    id: String,
    r#type: &'static str,
    time: f64,
}

/// Takes heartbeats.
pub(super) async fn receive(
    request: HttpRequest,
    sending: Sending,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let body = JsonBody::bytes(&request, payload.into_inner()).await?;
    let (items, is_single) = match Sent::read(&body) {
        Sent::One(item) => (vec![item], !request.path().ends_with(BULK)),
        Sent::Many(items) => (items, false),
        Sent::TooMany => return Err(too_many_items()),
    };
    if let Some(problem) = sending.too_many {
        return if is_single {
            Err(problem)
        } else {
            Ok(all_later(items.len()))
        };
    }
    let sender = Sender::of(request.headers(), sending.patience);
    let (verdicts, beats) = judged(&items, &sender, &services);
    let refused = (verdicts.len() - beats.len()) as u64;
    metrics::counter!("daybook_pings_refused_total").increment(refused);
    services.track.track_heartbeats(&sending.caller, beats).await?;
    Ok(answer(verdicts, is_single))
}

fn judged(items: &[String], sender: &Sender, services: &Services) -> (Vec<Verdict>, Vec<HeartbeatPing>) {
    let claimable = services.track.now();
    let mut beats = Vec::with_capacity(items.len());
    let verdicts = items.iter().map(|item| match judge(item, sender, &claimable) {
        Ok(accepted) => {
            let told = Told::of(&accepted, services.ids.as_ref());
            beats.push(accepted.beat);
            Verdict::Data(told)
        }
        Err(faults) => Verdict::Errors(faults),
    });
    (verdicts.collect(), beats)
}

/// A heartbeat that came by itself is answered by itself.
fn answer(mut verdicts: Vec<Verdict>, is_single: bool) -> HttpResponse {
    if is_single && let Some(verdict) = verdicts.pop() {
        return match verdict.status() {
            CREATED => HttpResponse::Created().json(verdict),
            _ => refusal(verdict),
        };
    }
    let responses = verdicts.into_iter().map(|verdict| {
        let status = verdict.status();
        (verdict, status)
    });
    HttpResponse::Accepted().json(Verdicts {
        responses: responses.collect(),
    })
}

/// A heartbeat by itself that is refused for good: a problem as all are, whose faults are in the words of its protocol.
fn refusal(verdict: Verdict) -> HttpResponse {
    HttpResponse::BadRequest().content_type(PROBLEM_JSON).json(Refusal {
        r#type: "urn:problem-type:daybook:heartbeat_refused",
        title: "The heartbeat is refused",
        status: REFUSED,
        detail: "it would be refused again; see errors",
        verdict,
    })
}

/// Nothing was looked at: the device sends too many requests, and sends these again later.
fn all_later(items: usize) -> HttpResponse {
    let later = || Verdict::Error("this device sends too many requests; send this again later");
    answer((0..items).map(|_| later()).collect(), false)
}

fn too_many_items() -> Problem {
    let detail = format!("at most {HEARTBEATS_MAX} heartbeats are taken at once");
    Problem::new(ProblemType::BodyTooLarge, detail)
}

impl Verdict {
    fn status(&self) -> u16 {
        match self {
            Self::Data(_) => CREATED,
            Self::Errors(_) => REFUSED,
            Self::Error(_) => TOO_MANY,
        }
    }
}

impl Told {
    fn of(accepted: &Accepted, ids: &dyn Ids) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "an instant of this age is far below 2^53 ms")]
        let time = accepted.beat.at.0 as f64 / SECOND_MS as f64;
        Self {
            id: accepted.id.clone().unwrap_or_else(|| ids.new_id().to_string()),
            r#type: accepted.beat.context.kind.word(),
            time,
        }
    }
}

impl Sender {
    fn of(headers: &HeaderMap, patience: Patience) -> Self {
        let text = |name: HeaderName| {
            headers
                .get(name)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        // Most clients write the name as part of a URL, and old ones as it is.
        let machine = text(MACHINE_NAME).map(|name| match decode(&name) {
            Ok(decoded) => decoded.into_owned(),
            Err(_) => name,
        });
        Self {
            agent: text(USER_AGENT).unwrap_or_default(),
            machine,
            patience,
        }
    }
}
