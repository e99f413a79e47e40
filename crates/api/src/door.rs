//! What stands between the network and the routes: how it is set, and what of that every request meets.

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, web};

use crate::address::TrustedProxies;
use crate::cookies::Cookie;
use crate::cors::{self, Cors};
use crate::limits::{Allowance, Limits, Rates};
use crate::origin::Origin;
use crate::security_headers;
use crate::trackers::{activitywatch, wakatime};

/// How the door is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    /// Where people reach this server, if that is known: through TLS, browsers are told to insist on it.
    pub public_url: Option<Origin>,
    /// The proxies that are believed when they name a client.
    pub trusted_proxies: TrustedProxies,
    /// Other origins whose pages may call the API, without cookies.
    pub cors_origins: Vec<Origin>,
    /// How much anybody may ask; `None` is without limit.
    pub rates: Option<Rates>,
}

/// The door, for all workers of this node.
pub(crate) struct Door {
    pub(crate) public_url: Option<Origin>,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limits: Option<Limits>,
    pub(crate) cors: Cors,
    pub(crate) refresh_cookie: Cookie,
    pub(crate) visit_cookie: Cookie,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Door {
    /// As it is set.
    pub(crate) fn new(edge: &Edge) -> Self {
        let https = edge.public_url.as_ref().is_some_and(Origin::is_https);
        Self {
            public_url: edge.public_url.clone(),
            proxies: edge.trusted_proxies.clone(),
            limits: edge.rates.map(|rates| Limits::new(&rates)),
            cors: Cors::new(edge.cors_origins.clone()),
            refresh_cookie: Cookie::refresh(https),
            visit_cookie: Cookie::visit(https),
            headers: security_headers::all(https),
        }
    }

    /// The door that `request` came through.
    pub(crate) fn of(request: &HttpRequest) -> &Self {
        let door = request.app_data::<web::Data<Self>>();
        door.expect("the app is built with its door")
    }

    /// Adds to an answer what every one carries.
    pub(crate) fn seal(&self, answer: &mut ServiceResponse) {
        let allowance = answer.request().extensions().get::<Allowance>().copied();
        let is_open = answer.request().extensions().contains::<wakatime::Open>();
        let watcher = answer
            .request()
            .extensions()
            .get::<activitywatch::WatcherPage>()
            .cloned();
        let permission = self.cors.permission(answer.request().headers()).cloned();
        let headers = answer.headers_mut();
        for (name, value) in &self.headers {
            // The page that sends forms says more of where they come from.
            if !headers.contains_key(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        // Pages have their own.
        if !headers.contains_key(CONTENT_SECURITY_POLICY) {
            headers.insert(
                CONTENT_SECURITY_POLICY,
                HeaderValue::from_static(security_headers::POLICY),
            );
        }
        if let (Some(limits), Some(allowance)) = (&self.limits, allowance) {
            limits.tell(allowance, headers);
        }
        self.cors.tell(permission, headers);
        if is_open {
            cors::tell_all(headers);
        }
        if let Some(activitywatch::WatcherPage(origin)) = watcher {
            cors::tell_one(origin, headers);
        }
    }
}
