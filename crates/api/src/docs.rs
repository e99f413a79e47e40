//! The page to read and try the API: everything it needs comes from here, so it works without the internet.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use actix_web::{HttpResponse, get, web};
use utoipa_swagger_ui::{Config, serve};

use crate::limits::ByAddress;
use crate::openapi::PATH as DOCUMENT;
use crate::problem::{Problem, ProblemType};

/// The routes of the page, and what of it is not in the OpenAPI document.
pub(crate) const PAGES: [&str; 3] = ["/", "/api/docs", "/api/docs/"];

/// The page may run its own scripts and speak to this server, and nothing else; the styles that it sets while it runs are its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How the page is set up.
pub(crate) fn config() -> Arc<Config<'static>> {
    let config = Config::new([DOCUMENT])
        .try_it_out_enabled(true)
        .filter(false)
        // The badge of a validator elsewhere is not asked for.
        .validator_url("none");
    Arc::new(config)
}

#[get("/")]
pub(crate) async fn root(_: ByAddress) -> HttpResponse {
    to_page()
}

#[get("/api/docs")]
pub(crate) async fn without_slash(_: ByAddress) -> HttpResponse {
    to_page()
}

#[get("/api/docs/{file:.*}")]
pub(crate) async fn page(
    _: ByAddress,
    file: web::Path<String>,
    config: web::Data<Config<'static>>,
) -> Result<HttpResponse, Problem> {
    let missing = || Problem::new(ProblemType::UnknownRoute, "the page has no such file");
    let file = serve(&file, config.into_inner()).ok().flatten().ok_or_else(missing)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, file.content_type))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(file.bytes.into_owned()))
}

fn to_page() -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, "/api/docs/"))
        .finish()
}
