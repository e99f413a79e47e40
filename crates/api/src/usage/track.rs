//! `POST /api/v1/usage/track`: the door. Nearly all requests come here, so nothing is copied, asked or written that need not be.

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::usage::{Ping, Seq};
use serde::Serialize;
use services::usage::Claimable;
use utoipa::ToSchema;
use utoipa::openapi::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use crate::Services;
use crate::body::JsonBody;
use crate::caller::Tracker;
use crate::faults::{Faults, FieldFault};
use crate::problem::Problem;
use crate::query::Query;

use super::ping::{Sent, in_list};

/// Where pings are sent.
pub(crate) const PATH: &str = "/api/v1/usage/track";

/// One ping, or a list of them.
#[derive(ToSchema)]
#[schema(as = Track)]
#[serde(untagged)]
#[expect(dead_code, reason = "tells what the body may hold; it is read in two other ways")]
pub(crate) enum TrackBody {
    One(OnePingBody),
    Many(PingsBody),
}

/// A ping by itself. With `pings` beside it, the body is a list, and takes nothing of a ping.
#[derive(ToSchema)]
#[schema(as = OnePing)]
#[expect(dead_code, reason = "tells what the body may hold; it is read in two other ways")]
pub(crate) struct OnePingBody {
    #[serde(flatten)]
    ping: PingBody,
    #[schema(schema_with = nothing, required = false)]
    pings: Option<()>,
}

/// `null`, or not given.
fn nothing() -> Object {
    ObjectBuilder::new().schema_type(Type::Null).build()
}

/// "On this device, this application had the person's attention from `start_time` to `end_time`." Fields that are not named here are passed over.
#[derive(ToSchema)]
#[schema(as = Ping)]
#[expect(dead_code, reason = "tells what the body may hold; it is read in two other ways")]
pub(crate) struct PingBody {
    /// 1 to 255 characters after trimming, no control characters.
    #[schema(min_length = 1, example = "Firefox")]
    app_name: String,
    /// The page in front, an absolute URL. Only its host is kept.
    #[schema(example = "https://example.org/page")]
    url: Option<String>,
    /// RFC 3339, with any offset; cut to the millisecond. At most 90 days ago, unless the server says otherwise.
    #[schema(format = DateTime, example = "2026-03-01T09:00:00Z")]
    start_time: String,
    /// RFC 3339, with any offset; cut to the millisecond. Later than `start_time` by at most 24 hours, and at most 2 minutes after the server's clock,
    /// unless the server says otherwise.
    #[schema(format = DateTime, example = "2026-03-01T09:00:05Z")]
    end_time: String,
    /// In sight, but without input: a film, a call. An active ping beats a passive one.
    #[schema(default = false)]
    passive: Option<bool>,
    /// The device's own number for this ping, counting up from 1.
    #[schema(minimum = 1, example = 1)]
    seq: Option<i64>,
    /// The caller's own id, or not given.
    user_id: Option<Uuid>,
    /// The caller's own device, or not given.
    device_id: Option<Uuid>,
}

/// Pings together, in any order.
#[derive(ToSchema)]
#[schema(as = Pings)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read in two other ways")]
pub(crate) struct PingsBody {
    #[schema(min_items = 1, max_items = 1000)]
    pings: Vec<PingBody>,
    /// The caller's own id, or not given.
    user_id: Option<Uuid>,
    /// The caller's own device, or not given.
    device_id: Option<Uuid>,
}

/// What became of the pings.
#[derive(Serialize, ToSchema)]
#[schema(as = Tracked)]
pub(crate) struct TrackedBody {
    /// Always `queued`: what was accepted is on disk, and will be in the timeline.
    #[schema(example = "queued")]
    status: &'static str,
    /// How many pings were accepted.
    #[schema(example = 1)]
    accepted: usize,
    /// How many pings were sound and are not kept, because the person's privacy rules exclude them. There is nothing to send again; their numbers, where they
    /// have any, are settled like those of all others. Not here where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 1)]
    excluded: Option<usize>,
    /// Every fault of every ping that was not, and will not be if it is sent again.
    rejected: Vec<RejectedBody>,
    /// Where pings are numbered: all pings of the device up to this number are in the timeline, or were refused. `null` while nothing is known. The device
    /// may forget those pings, and no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, required = false)]
    merged_through: Option<MergedThrough>,
}

/// A fault of a ping in a list. A ping with several faults is named several times.
#[derive(Serialize, ToSchema)]
#[schema(as = Rejected)]
pub(super) struct RejectedBody {
    /// Which ping of the list, from 0.
    #[schema(example = 3)]
    index: usize,
    #[schema(example = "/pings/3/end_time")]
    pointer: String,
    #[schema(example = "in_future")]
    code: &'static str,
    #[schema(example = "must be at most 2 minutes after the server's clock, which says 2026-03-01T09:00:00Z")]
    detail: String,
}

/// A number, or `null` while none is known.
#[derive(Serialize)]
struct MergedThrough(Option<u64>);

/// Track pings
///
/// 202 is a promise: what it counts as accepted survives the crash of any one process. What the person's privacy rules exclude is counted, and kept nowhere. One
/// bad ping in a list is told in `rejected` and never holds back the
/// others; a bad ping by itself, or a list with nothing acceptable, is 422. Sending a ping again changes nothing.
#[utoipa::path(
    operation_id = "track_pings",
    tag = "usage",
    request_body = TrackBody,
    responses((status = 202, description = "Kept", body = TrackedBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[post("/api/v1/usage/track")]
pub(crate) async fn track(
    request: HttpRequest,
    Tracker(caller): Tracker,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let body = JsonBody::read(&request, payload.into_inner()).await?;
    let Verdict {
        accepted,
        refused,
        rejected,
        numbered,
    } = Verdict::of(Sent::read(body.text()?, &caller)?, &services.track.now());

    let judged = accepted.len();
    let tracked = services.track.track(&caller, accepted, refused).await?;
    if judged == 0 {
        return Err(Problem::invalid(rejected.into_iter().map(|(_, fault)| fault).collect()));
    }
    Ok(HttpResponse::Accepted().json(TrackedBody {
        status: "queued",
        accepted: judged - tracked.excluded,
        excluded: (tracked.excluded > 0).then_some(tracked.excluded),
        rejected: rejected.into_iter().map(RejectedBody::from).collect(),
        merged_through: numbered.then_some(MergedThrough(tracked.merged_through)),
    }))
}

/// Which pings are good, and what is wrong with the others.
#[derive(Default)]
struct Verdict {
    accepted: Vec<Ping>,
    /// Those that are not: the number of each, where it has one, so that it is settled too.
    refused: Vec<Option<Seq>>,
    /// Their faults, each with the index of its ping.
    rejected: Vec<(usize, FieldFault)>,
    /// Whether any ping has a number.
    numbered: bool,
}

impl Verdict {
    fn of(sent: Sent<'_>, claimable: &Claimable) -> Self {
        let mut verdict = Self::default();
        match sent {
            Sent::One(ping) => {
                if let Some(faults) = verdict.judge(ping.seq, ping.judge(claimable)) {
                    verdict.rejected = faults.into_vec().into_iter().map(|fault| (0, fault)).collect();
                }
            }
            Sent::Many(pings) => {
                verdict.accepted.reserve_exact(pings.len());
                for (index, ping) in pings.into_iter().enumerate() {
                    if let Some(faults) = verdict.judge(ping.seq, ping.judge(claimable)) {
                        let faults = in_list("pings", index, faults).map(|fault| (index, fault));
                        verdict.rejected.extend(faults);
                    }
                }
            }
        }
        verdict
    }

    fn judge(&mut self, seq: Option<Seq>, judged: Result<Ping, Faults>) -> Option<Faults> {
        self.numbered |= seq.is_some();
        match judged {
            Ok(ping) => {
                self.accepted.push(ping);
                None
            }
            Err(faults) => {
                self.refused.push(seq);
                Some(faults)
            }
        }
    }
}

impl From<(usize, FieldFault)> for RejectedBody {
    fn from((index, fault): (usize, FieldFault)) -> Self {
        Self {
            index,
            pointer: fault.pointer,
            code: fault.code,
            detail: fault.detail,
        }
    }
}
