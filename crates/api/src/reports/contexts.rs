//! `GET /api/v1/report/projects`, `/languages` and `/editors`: time that heartbeats hold, by what trackers said of it.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::reports::Dimension;
use domain::usage::ContextText;
use serde::Serialize;
use services::reports::ContextsAnswer;
use utoipa::ToSchema;

use crate::Services;
use crate::answer::Seconds;
use crate::caller::Reader;
use crate::problem::Problem;
use crate::query::Query;

use super::question::{self, CONTEXTS_PARAMETERS, ContextsParameters};
use super::totals::Head;

/// Time by project.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectsReport)]
pub(crate) struct ProjectsBody<'a> {
    #[serde(flatten)]
    head: Head,
    /// Longest first, ties by name.
    items: Vec<ProjectSeconds<'a>>,
}

/// Time of a project.
#[derive(Serialize, ToSchema)]
struct ProjectSeconds<'a> {
    /// `null` for time without one.
    #[schema(required, example = "daybook")]
    project: Option<&'a str>,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    seconds: Seconds,
}

/// Time by language.
#[derive(Serialize, ToSchema)]
#[schema(as = LanguagesReport)]
pub(crate) struct LanguagesBody<'a> {
    #[serde(flatten)]
    head: Head,
    /// Longest first, ties by name.
    items: Vec<LanguageSeconds<'a>>,
}

/// Time of a language.
#[derive(Serialize, ToSchema)]
struct LanguageSeconds<'a> {
    /// `null` for time without one.
    #[schema(required, example = "Rust")]
    language: Option<&'a str>,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    seconds: Seconds,
}

/// Time by editor.
#[derive(Serialize, ToSchema)]
#[schema(as = EditorsReport)]
pub(crate) struct EditorsBody<'a> {
    #[serde(flatten)]
    head: Head,
    /// Longest first, ties by name.
    items: Vec<EditorSeconds<'a>>,
}

/// Time of an editor.
#[derive(Serialize, ToSchema)]
struct EditorSeconds<'a> {
    /// The editor, or whatever program the tracker runs in; `null` where it does not say.
    #[schema(required, example = "Vim")]
    editor: Option<&'a str>,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    seconds: Seconds,
}

/// Show one's own time by project
///
/// Counts the time that heartbeats of trackers hold, and no other: pings name no project. Time without a project is under `null`.
#[utoipa::path(
    operation_id = "report_projects",
    tag = "reports",
    params(ContextsParameters),
    responses((status = 200, description = "Time by project", body = ProjectsBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/report/projects")]
pub(crate) async fn projects(
    request: HttpRequest,
    reader: Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (head, ranked) = answer(&request, &reader, &services, Dimension::Project).await?;
    let items = ranked.iter().map(|(project, ms)| ProjectSeconds {
        project: project.as_ref().map(ContextText::as_str),
        seconds: Seconds { ms: *ms },
    });
    let items = items.collect();
    Ok(HttpResponse::Ok().json(ProjectsBody { head, items }))
}

/// Show one's own time by language
///
/// Counts the time that heartbeats of trackers hold, and no other: pings name no language. Time without a language is under `null`.
#[utoipa::path(
    operation_id = "report_languages",
    tag = "reports",
    params(ContextsParameters),
    responses((status = 200, description = "Time by language", body = LanguagesBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/report/languages")]
pub(crate) async fn languages(
    request: HttpRequest,
    reader: Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (head, ranked) = answer(&request, &reader, &services, Dimension::Language).await?;
    let items = ranked.iter().map(|(language, ms)| LanguageSeconds {
        language: language.as_ref().map(ContextText::as_str),
        seconds: Seconds { ms: *ms },
    });
    let items = items.collect();
    Ok(HttpResponse::Ok().json(LanguagesBody { head, items }))
}

/// Show one's own time by editor
///
/// Counts the time that heartbeats of trackers hold, and no other: pings name no editor. Time without an editor is under `null`.
#[utoipa::path(
    operation_id = "report_editors",
    tag = "reports",
    params(ContextsParameters),
    responses((status = 200, description = "Time by editor", body = EditorsBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/report/editors")]
pub(crate) async fn editors(
    request: HttpRequest,
    reader: Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (head, ranked) = answer(&request, &reader, &services, Dimension::Editor).await?;
    let items = ranked.iter().map(|(editor, ms)| EditorSeconds {
        editor: editor.as_ref().map(ContextText::as_str),
        seconds: Seconds { ms: *ms },
    });
    let items = items.collect();
    Ok(HttpResponse::Ok().json(EditorsBody { head, items }))
}

/// Milliseconds by something that was said.
type Ranked = Vec<(Option<ContextText>, i64)>;

async fn answer(
    request: &HttpRequest,
    Reader(caller): &Reader,
    services: &Services,
    dimension: Dimension,
) -> Result<(Head, Ranked), Problem> {
    let question = Query::read(request, caller, CONTEXTS_PARAMETERS, question::contexts)?;
    let answer: ContextsAnswer = services.reports.contexts(caller, question).await?;
    let sum = answer.sum();
    Ok((Head::of(&answer.period, sum.ms()), sum.by(dimension)))
}
