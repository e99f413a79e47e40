//! Every route, in one list: what is served is what is documented.

use std::collections::HashMap;

use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::problem::{Problem, ProblemType};
use crate::{accounts, docs, health, openapi, reports, usage};

/// The routes of the OpenAPI document. The first is asked first, so the busiest is.
pub(crate) fn documented(config: &mut ServiceConfig<'_>) {
    config
        .service(usage::track::track)
        .service(reports::timeline::timeline)
        .service(reports::totals::apps)
        .service(reports::totals::urls)
        .service(reports::totals::days)
        .service(accounts::register::register)
        .service(accounts::profile::show)
        .service(accounts::profile::change)
        .service(accounts::sign_in::login)
        .service(accounts::refresh::refresh)
        .service(health::live)
        .service(health::ready)
        .service(openapi::show);
}

/// Pages for people, which no document describes.
pub(crate) fn pages(config: &mut web::ServiceConfig) {
    config
        .service(docs::root)
        .service(docs::without_slash)
        .service(docs::page);
}

/// Which methods each path takes.
pub(crate) struct Methods(HashMap<String, HeaderValue>);

impl Methods {
    /// Of the routes of `document` and the pages.
    pub(crate) fn of(document: &utoipa::openapi::OpenApi) -> Self {
        let documented = document.paths.paths.iter();
        let documented = documented.map(|(path, item)| (path.clone(), openapi::methods(item)));
        let pages = docs::PAGES.map(|path| (path.to_owned(), "GET, HEAD".to_owned()));
        let allowed = documented.chain(pages).map(|(path, methods)| {
            let methods = HeaderValue::try_from(methods);
            (path, methods.expect("names of methods are visible ASCII"))
        });
        Self(allowed.collect())
    }
}

/// What no route takes.
pub(crate) async fn fallback(request: HttpRequest, methods: web::Data<Methods>) -> Result<HttpResponse, Problem> {
    Err(match methods.0.get(request.path()) {
        Some(allow) => Problem::method_not_allowed(allow.clone()),
        None => Problem::new(
            ProblemType::UnknownRoute,
            "no route has this path; /api/docs/ shows those that there are",
        ),
    })
}
