//! `POST /api/v1/usage/import`: history from other trackers comes in, or it is only told what it would change.

mod sent;

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::accounts::Scope;
use domain::fault::Fault;
use domain::time::{Span, UnixMs};
use domain::usage::{Forecast, Patience};
use serde::Serialize;
use services::usage::{ImportError, Imported};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Services;
use crate::answer::Seconds;
use crate::body::JsonBody;
use crate::calendar::instant;
use crate::caller::{Importer, not_for_keys};
use crate::faults::Faults;
use crate::problem::Problem;
use crate::query::Query;

use super::track::{PingBody, RejectedBody};
use sent::SentHistory;

/// Where history is sent.
pub(crate) const PATH: &str = "/api/v1/usage/import";

/// What was found in the records of another tracker: 1 to 1000 pings and heartbeats together, in any order. They may lie ten years back, unless the server says
/// otherwise.
#[derive(ToSchema)]
#[schema(as = History)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct HistoryBody {
    /// From which tracker or file: 1 to 64 characters after trimming, no control characters. Each source is a device of the person's own, made when something is
    /// imported from it first, and found again by this name.
    #[schema(min_length = 1, example = "ActivityWatch on the laptop")]
    source: String,
    /// Stretches of time. A `seq` means nothing here.
    #[schema(max_items = 1000)]
    pings: Option<Vec<PingBody>>,
    /// Points in time, each of which claims the time up to a later one of its source that comes within `heartbeat_timeout`, as the answer tells it.
    #[schema(max_items = 1000)]
    heartbeats: Option<Vec<PastHeartbeatBody>>,
    /// The caller's own id, or not given.
    user_id: Option<Uuid>,
    /// The caller's own device, or not given.
    device_id: Option<Uuid>,
}

/// "At this instant, this application had the person's attention." Fields that are not named here are passed over.
#[derive(ToSchema)]
#[schema(as = PastHeartbeat)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct PastHeartbeatBody {
    /// RFC 3339, with any offset; cut to the millisecond.
    #[schema(format = DateTime, example = "2024-03-01T09:00:00.123Z")]
    time: String,
    /// 1 to 255 characters after trimming, no control characters.
    #[schema(min_length = 1, example = "vim")]
    app_name: String,
    /// The page in front, an absolute URL. Only its host is kept.
    #[schema(example = "https://example.org/page")]
    url: Option<String>,
    /// What sort of thing had the attention.
    #[schema(default = "app", pattern = "^(file|app|domain|url)$", example = "file")]
    kind: Option<String>,
    /// What was done. This and the texts below: 1 to 255 characters after trimming, no control characters.
    #[schema(min_length = 1, example = "coding")]
    category: Option<String>,
    /// `<<LAST_PROJECT>>` leaves it to the heartbeat before, as `<<LAST_BRANCH>>` and `<<LAST_LANGUAGE>>` do in the two fields below.
    #[schema(min_length = 1, example = "daybook")]
    project: Option<String>,
    #[schema(min_length = 1, example = "main")]
    branch: Option<String>,
    #[schema(min_length = 1, example = "Rust")]
    language: Option<String>,
    #[schema(min_length = 1, example = "vim")]
    editor: Option<String>,
    #[schema(min_length = 1, example = "laptop")]
    machine: Option<String>,
    #[schema(min_length = 1, example = "Linux")]
    operating_system: Option<String>,
    /// Whether something was saved.
    is_write: Option<bool>,
    /// The caller's own id, or not given.
    user_id: Option<Uuid>,
    /// The caller's own device, or not given.
    device_id: Option<Uuid>,
}

/// What became of a history.
#[derive(Serialize, ToSchema)]
#[schema(as = Imported)]
pub(crate) struct ImportedBody {
    /// `queued`: what was accepted is on disk, and will be in the timeline. `dry_run`: nothing was kept.
    #[schema(pattern = "^(queued|dry_run)$", example = "queued")]
    status: &'static str,
    /// How many pings and heartbeats were accepted, or would be.
    #[schema(example = 2)]
    accepted: usize,
    /// How many the person's privacy rules exclude. Nothing of them is kept.
    #[schema(example = 0)]
    excluded: usize,
    /// How many seconds a heartbeat of this source waits for a later one: what the person had set when something was first imported from the source, and the
    /// same ever after. `null` where nothing is accepted.
    #[schema(example = 600)]
    heartbeat_timeout: Option<u32>,
    /// Every fault of every ping and heartbeat that is refused. `index` counts in the list that the pointer names.
    rejected: Vec<RejectedBody>,
}

/// What a history would change.
#[derive(Serialize, ToSchema)]
#[schema(as = Foretold)]
pub(crate) struct ForetoldBody<'a> {
    #[serde(flatten)]
    imported: ImportedBody,
    /// Whether something that the person imported before still waits to be merged. It is not in what the change is told of: ask again a little later.
    #[schema(example = false)]
    waiting: bool,
    change: ChangeBody<'a>,
}

/// What would be otherwise than it is stored now.
#[derive(Serialize, ToSchema)]
#[schema(as = ForetoldChange)]
struct ChangeBody<'a> {
    /// Time that nobody claimed before.
    #[schema(value_type = f64, example = 540)]
    added_seconds: Seconds,
    /// Time that would be counted under another application or site than now.
    #[schema(value_type = f64, example = 0)]
    replaced_seconds: Seconds,
    /// Time that the history covers and that would be counted as it is now.
    #[schema(value_type = f64, example = 60)]
    kept_seconds: Seconds,
    /// What the added and the replaced time would be counted under: the most first, ties by name.
    items: Vec<ChangedAppBody<'a>>,
}

/// What would be counted anew under an application.
#[derive(Serialize, ToSchema)]
#[schema(as = ForetoldApp)]
struct ChangedAppBody<'a> {
    #[schema(example = "Firefox")]
    app_name: &'a str,
    /// Time that nobody claimed before.
    #[schema(value_type = f64, example = 540)]
    added_seconds: Seconds,
    /// Time that is counted under another application or site now.
    #[schema(value_type = f64, example = 0)]
    replaced_seconds: Seconds,
}

/// Import history
///
/// What other trackers recorded, as pings and heartbeats. Imported history fills gaps: of an instant that two claim with the same attention, what a device recorded
/// that one signs in on stays, and so does what was imported from another source before. Importing again changes nothing. 202 is the promise that it is for pings, and
/// they are merged after what is recorded now. One bad ping or heartbeat is told in `rejected` and never holds back the others; with nothing acceptable, it is 422, as
/// it is for a source more than the 64 that a person may have.
///
/// With `dry_run` nothing is kept; it is told what would change of the timeline as it is stored now, and in `waiting` whether something that was imported before is not
/// stored yet. All of it has to lie within 31 days; a longer history is shown in
/// parts, and with `from` and `until` each is told of by itself, also where heartbeats of one claim time in the next. An API key needs the scope
/// `reports:read` as well for that, as it tells of what is stored.
#[utoipa::path(
    operation_id = "import_history",
    tag = "usage",
    params(
        ("dry_run" = Option<bool>, Query, description = "Whether it is only told what would change.", example = true),
        ("from" = Option<String>, Query, format = DateTime, description = "With `dry_run`: what lies before is not told of. RFC 3339.", example = "2024-03-01T00:00:00Z"),
        ("until" = Option<String>, Query, format = DateTime, description = "With `dry_run`: what lies at it or after is not told of. RFC 3339, later than `from`.", example = "2024-03-02T00:00:00Z")
    ),
    request_body = HistoryBody,
    responses(
        (status = 200, description = "What would change", body = ForetoldBody),
        (status = 202, description = "Kept", body = ImportedBody)
    ),
    security(("access_token" = []), ("api_key" = []))
)]
#[post("/api/v1/usage/import")]
pub(crate) async fn import(
    request: HttpRequest,
    Importer { caller, may_read }: Importer,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let Asked { is_dry, within } = Query::read(&request, &caller, &["dry_run", "from", "until"], Asked::of)?;
    if is_dry && !may_read {
        return Err(not_for_keys(Some(Scope::ReportsRead)));
    }
    let body = JsonBody::read(&request, payload.into_inner()).await?;
    let judged = SentHistory::read(body.text()?, &caller)?.judge(&caller, &services.import.now())?;
    metrics::counter!("daybook_pings_refused_total").increment(judged.refused as u64);
    if judged.history.pings.is_empty() && judged.history.heartbeats.is_empty() {
        return Err(Problem::invalid(
            judged.rejected.into_iter().map(|(_, fault)| fault).collect(),
        ));
    }
    let rejected = judged.rejected.into_iter().map(RejectedBody::from).collect();
    if is_dry {
        let foretold = services.import.foretell(&caller, judged.history, within).await?;
        return Ok(HttpResponse::Ok().json(ForetoldBody {
            imported: ImportedBody::new("dry_run", foretold.imported, rejected),
            waiting: foretold.is_early,
            change: ChangeBody::from(&foretold.forecast),
        }));
    }
    let imported = services.import.import(&caller, judged.history).await?;
    Ok(HttpResponse::Accepted().json(ImportedBody::new("queued", imported, rejected)))
}

/// Whether it is only told what would change, and of which time.
struct Asked {
    is_dry: bool,
    within: Option<Span>,
}

impl Asked {
    fn of(query: &mut Query) -> Option<Self> {
        let is_dry = query.optional("dry_run", false, yes_or_no);
        let from = query.optional("from", None, |text| instant("from", text).map(Some));
        let begin = from.flatten().unwrap_or(UnixMs(i64::MIN));
        let until = query.optional("until", None, |text| {
            let until = instant("until", text)?;
            let later = Fault::new("until", "not_after_from", "must be later than from");
            (until > begin).then_some(Some(until)).ok_or(later)
        });
        let (from, until) = from.zip(until)?;
        let is_bounded = from.is_some() || until.is_some();
        let within = Span::new(begin, until.unwrap_or(UnixMs(i64::MAX)));
        Some(Self {
            is_dry: is_dry?,
            within: within.filter(|_| is_bounded),
        })
    }
}

fn yes_or_no(text: &str) -> Result<bool, Fault> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new("dry_run", "invalid_boolean", "must be true or false")),
    }
}

impl ImportedBody {
    fn new(status: &'static str, imported: Imported, rejected: Vec<RejectedBody>) -> Self {
        Self {
            status,
            accepted: imported.accepted,
            excluded: imported.excluded,
            heartbeat_timeout: imported.patience.map(Patience::secs),
            rejected,
        }
    }
}

impl<'a> From<&'a Forecast> for ChangeBody<'a> {
    fn from(forecast: &'a Forecast) -> Self {
        let items = forecast.items.iter().map(|item| ChangedAppBody {
            app_name: item.app_name.as_str(),
            added_seconds: Seconds { ms: item.added_ms },
            replaced_seconds: Seconds { ms: item.replaced_ms },
        });
        Self {
            added_seconds: Seconds { ms: forecast.added_ms },
            replaced_seconds: Seconds {
                ms: forecast.replaced_ms,
            },
            kept_seconds: Seconds { ms: forecast.kept_ms },
            items: items.collect(),
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Invalid(fault) => Self::invalid(Faults::of("", vec![fault])),
            ImportError::AccountGone => services::accounts::AccountsError::AccountGone.into(),
            ImportError::Outside(error) => error.into(),
        }
    }
}
