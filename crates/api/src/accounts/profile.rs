//! `GET` and `PATCH /api/v1/users/me`.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, get, patch, web};
use domain::accounts::{DayStart, FullName, User};
use domain::reports::Zone;
use domain::time::UnixMs;
use domain::usage::Patience;
use ports::accounts::ProfileChange;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Services;
use crate::answer::text;
use crate::body::JsonBody;
use crate::calendar::zone;
use crate::caller::Bearer;
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Query;

/// A person's profile.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
pub(crate) struct ProfileBody<'a> {
    id: Uuid,
    #[schema(format = Email)]
    email: &'a str,
    full_name: &'a str,
    /// The zone in which the person's days are counted.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, example = "Europe/Berlin")]
    timezone: Zone,
    /// When the person's day starts: seconds after local midnight.
    #[schema(maximum = 86399, example = 14400)]
    day_start: u32,
    /// How many seconds a heartbeat of a tracker waits for a later one of its device: the time between the two is then its own.
    #[schema(minimum = 60, maximum = 3600, example = 600)]
    heartbeat_timeout: u32,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    created_at: UnixMs,
}

/// What to change of a profile; what is not named stays.
#[derive(ToSchema)]
#[schema(as = ProfileChange)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct ProfileChangeBody {
    #[schema(min_length = 1, max_length = 200)]
    full_name: Option<String>,
    /// A name of the IANA database.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// Whole seconds after local midnight.
    #[schema(minimum = 0, maximum = 86399, example = 14400)]
    day_start: Option<u32>,
    /// Whole seconds, for heartbeats that come from now on. An API key that is in use goes by it within five minutes.
    #[schema(minimum = 60, maximum = 3600, example = 600)]
    heartbeat_timeout: Option<u32>,
    /// The caller's own id, or not given.
    user_id: Option<Uuid>,
    /// The caller's own device, or not given.
    device_id: Option<Uuid>,
}

/// Show one's own profile
#[utoipa::path(
    operation_id = "show_profile",
    tag = "accounts",
    responses((status = 200, description = "The profile", body = ProfileBody)),
    security(("access_token" = []))
)]
#[get("/api/v1/users/me")]
pub(crate) async fn show(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let user = services.profile.show(&caller).await?;
    Ok(HttpResponse::Ok().json(ProfileBody::from(&user)))
}

/// Change one's own profile
///
/// From then on every report counts in the new zone and with the new start of the day, also of days that are past: what is stored are instants.
#[utoipa::path(
    operation_id = "change_profile",
    tag = "accounts",
    request_body = ProfileChangeBody,
    responses((status = 200, description = "The profile afterwards", body = ProfileBody)),
    security(("access_token" = []))
)]
#[patch("/api/v1/users/me")]
pub(crate) async fn change(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let known = &[
        "full_name",
        "timezone",
        "day_start",
        "heartbeat_timeout",
        "user_id",
        "device_id",
    ];
    let mut fields = Fields::of_body(body.text()?, known)?;
    fields.owned_by(&caller)?;
    let change = fields.into_value(profile_change)?;
    let user = services.profile.change(&caller, &change).await?;
    Ok(HttpResponse::Ok().json(ProfileBody::from(&user)))
}

fn profile_change(body: &mut Fields<'_>) -> Option<ProfileChange> {
    let full_name = body.optional("full_name", None, |text: Cow<'_, str>| FullName::parse(&text).map(Some));
    let timezone = body.optional("timezone", None, |name: Cow<'_, str>| zone("timezone", &name).map(Some));
    let day_start = body.optional("day_start", None, |secs: i128| {
        // What does not fit is out of range, whatever it is.
        DayStart::from_secs(i64::try_from(secs).unwrap_or(i64::MAX)).map(Some)
    });
    let heartbeat_timeout = body.optional("heartbeat_timeout", None, |secs: i128| {
        Patience::from_secs(i64::try_from(secs).unwrap_or(i64::MAX)).map(Some)
    });
    Some(ProfileChange {
        full_name: full_name?,
        timezone: timezone?,
        day_start: day_start?,
        heartbeat_timeout: heartbeat_timeout?,
    })
}

impl<'a> From<&'a User> for ProfileBody<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.as_str(),
            full_name: user.full_name.as_str(),
            timezone: user.timezone,
            day_start: user.day_start.secs(),
            heartbeat_timeout: user.heartbeat_timeout.secs(),
            created_at: user.created_at,
        }
    }
}
