//! Every route, in one list: what is served is what is documented.

use std::collections::HashMap;

use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::door::Door;
use crate::limits::ByAddress;
use crate::problem::{Problem, ProblemType};
use crate::trackers::{activitywatch, wakatime};
use crate::{accounts, device_page, docs, health, openapi, reports, usage};

/// The routes of the OpenAPI document. The first is asked first, so the busiest is.
pub(crate) fn documented(config: &mut ServiceConfig<'_>) {
    config
        .service(usage::track::track)
        .service(reports::timeline::timeline)
        .service(reports::totals::apps)
        .service(reports::totals::urls)
        .service(reports::totals::days)
        .service(reports::contexts::projects)
        .service(reports::contexts::languages)
        .service(reports::contexts::editors)
        .service(usage::import::import)
        .service(usage::letters::list)
        .service(usage::letters::show)
        .service(usage::letters::replay)
        .service(accounts::register::register)
        .service(accounts::profile::show)
        .service(accounts::profile::change)
        .service(accounts::privacy::show)
        .service(accounts::privacy::change)
        .service(accounts::sign_in::login)
        .service(accounts::device_sign_in::begin)
        .service(accounts::device_sign_in::claim)
        .service(accounts::device_sign_in::show)
        .service(accounts::device_sign_in::decide)
        .service(accounts::refresh::refresh)
        .service(accounts::sign_out::logout)
        .service(accounts::sign_out::logout_all)
        .service(accounts::password::change)
        .service(accounts::password::request_reset)
        .service(accounts::password::reset)
        .service(accounts::email::change)
        .service(accounts::second_factor::begin)
        .service(accounts::second_factor::confirm)
        .service(accounts::second_factor::remove)
        .service(accounts::second_factor::renew_codes)
        .service(accounts::security_log::show)
        .service(reports::export::download)
        .service(accounts::erase::erase)
        .service(accounts::devices::list)
        .service(accounts::devices::change)
        .service(accounts::devices::sign_out)
        .service(accounts::api_keys::make)
        .service(accounts::api_keys::list)
        .service(accounts::api_keys::revoke)
        .service(health::live)
        .service(health::ready)
        .service(openapi::show);
}

/// Pages for people, which no document describes.
pub(crate) fn pages(config: &mut web::ServiceConfig) {
    config
        .service(docs::root)
        .service(docs::without_slash)
        .service(docs::page)
        .service(device_page::ask)
        .service(device_page::with_slash)
        .service(device_page::at_forms)
        .service(device_page::sign_in)
        .service(device_page::confirm)
        .service(device_page::style)
        .service(device_page::step::take);
}

/// Which methods each path takes.
pub(crate) struct Methods(HashMap<String, HeaderValue>);

impl Methods {
    /// Of the routes of `document`, those of other protocols, and the pages.
    pub(crate) fn of(document: &utoipa::openapi::OpenApi) -> Self {
        let documented = document.paths.paths.iter();
        let documented = documented.map(|(path, item)| (path.clone(), openapi::methods(item)));
        let trackers = wakatime::methods().chain(activitywatch::methods());
        let shown = docs::PAGES.into_iter().chain(device_page::PAGES);
        let shown = shown.map(|path| (path.to_owned(), "GET, HEAD".to_owned()));
        let pages = shown.chain([(device_page::FORMS.to_owned(), "GET, HEAD, POST".to_owned())]);
        let allowed = documented.chain(trackers).chain(pages).map(|(path, methods)| {
            let methods = HeaderValue::try_from(methods);
            (path, methods.expect("names of methods are visible ASCII"))
        });
        Self(allowed.collect())
    }
}

impl Methods {
    /// Those that a path takes; `None` when it is no route's. Few ask, so the routes whose path holds an id are looked through.
    fn of_path(&self, path: &str) -> Option<&HeaderValue> {
        let takes = |route: &str| {
            let fits = |(part, given): (&str, &str)| part == given || (part.starts_with('{') && !given.is_empty());
            route.matches('/').count() == path.matches('/').count() && route.split('/').zip(path.split('/')).all(fits)
        };
        self.0.get(path).or_else(|| {
            self.0
                .iter()
                .find(|(route, _)| takes(route))
                .map(|(_, methods)| methods)
        })
    }
}

/// What no route takes.
pub(crate) async fn fallback(
    _: ByAddress,
    request: HttpRequest,
    methods: web::Data<Methods>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    if let Some(permission) = door.cors.preflight(&request) {
        return Ok(permission);
    }
    // As the routes see it: a letter is the same letter when it is percent-encoded.
    Err(match methods.of_path(request.match_info().as_str()) {
        Some(allow) => Problem::method_not_allowed(allow.clone()),
        None => Problem::new(
            ProblemType::UnknownRoute,
            "no route has this path; /api/docs/ shows those that there are",
        ),
    })
}
