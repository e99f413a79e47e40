//! Watches every request: gives it an id, counts it, measures it and writes its one line of the log. No query, name, title, address or token goes there.

mod meters;
mod request_id;

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, HttpMessage, web};
use domain::accounts::UserId;
use futures_util::future::LocalBoxFuture;
use ports::Ids;
use tracing::Level;

use crate::connections::UnderWay;
use crate::door::Door;
use crate::problem::Problem;
use crate::usage::track;

use meters::Meters;
use request_id::{REQUEST_ID, RequestIds};

/// The route whose successes are too many for the usual log, and how those end whose are as many: a watcher's heartbeat comes every second.
const BUSIEST: &str = track::PATH;
const BUSY: &str = "/buckets/{bucket}/heartbeat";

/// The middleware.
pub(crate) struct Observe {
    ids: Arc<dyn Ids>,
    door: web::Data<Door>,
}

impl Observe {
    /// With request ids that begin with one of `ids`. Every answer leaves through `door`.
    pub(crate) fn new(ids: Arc<dyn Ids>, door: web::Data<Door>) -> Self {
        Self { ids, door }
    }
}

impl<S> Transform<S, ServiceRequest> for Observe
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Transform = Observed<S>;
    type InitError = ();
    type Future = Ready<Result<Observed<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(Observed {
            service,
            ids: RequestIds::new(self.ids.as_ref()),
            meters: Rc::default(),
            door: self.door.clone(),
        }))
    }
}

/// The routes of one worker, watched.
pub(crate) struct Observed<S> {
    service: S,
    ids: RequestIds,
    meters: Rc<Meters>,
    door: web::Data<Door>,
}

impl<S> Service<ServiceRequest> for Observed<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse, Error>>;

    actix_web::dev::forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let started = Instant::now();
        let under_way = UnderWay::begin(request.request());
        let id = self.ids.of(request.headers());
        let method = request.method().clone();
        if method == Method::HEAD {
            // A HEAD is a GET whose body is left out, and the connection leaves it out.
            request.head_mut().method = Method::GET;
        }
        let (meters, door) = (Rc::clone(&self.meters), self.door.clone());
        let answer = self.service.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            let seen = Seen {
                method: &method,
                id: &id,
                elapsed: started.elapsed(),
            };
            meters.routed(answer.request(), |route, meters| {
                meters.record(&method, answer.status(), seen.elapsed);
                seen.log(route, &answer);
            });
            door.seal(&mut answer);
            let headers = answer.headers_mut();
            headers.insert(REQUEST_ID, id);
            if !headers.contains_key(CACHE_CONTROL) {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Ok(under_way.until_made(answer))
        })
    }
}

struct Seen<'a> {
    method: &'a Method,
    id: &'a HeaderValue,
    elapsed: Duration,
}

impl Seen<'_> {
    fn log(&self, route: &str, answer: &ServiceResponse) {
        let status = answer.status();
        let level = level(route, status);
        // A level of an event is part of the place it is written at, so each has its own.
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "http",
                    $level,
                    method = method_name(self.method),
                    route,
                    status = status.as_u16(),
                    duration_ms = milliseconds(self.elapsed),
                    request.id = self.id.to_str().unwrap_or_default(),
                    user.id = answer.request().extensions().get::<UserId>().map(tracing::field::display),
                    error = cause(answer),
                )
            };
        }
        match level {
            Level::ERROR => line!(Level::ERROR),
            Level::WARN => line!(Level::WARN),
            Level::INFO => line!(Level::INFO),
            _ => line!(Level::DEBUG),
        }
    }
}

fn level(route: &str, status: StatusCode) -> Level {
    match status.as_u16() {
        503 => Level::WARN,
        // What a foreign protocol has and we do not is the client's to know.
        501 => Level::INFO,
        500.. => Level::ERROR,
        200..300 if route == BUSIEST || route.ends_with(BUSY) => Level::DEBUG,
        _ => Level::INFO,
    }
}

fn cause(answer: &ServiceResponse) -> Option<&str> {
    let problem = answer.response().error()?.as_error::<Problem>()?;
    problem.cause()
}

/// To three decimals; more would be noise.
fn milliseconds(elapsed: Duration) -> f64 {
    let micros = u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1_000.0
}

/// The method, where it is one of those that there are: what a client invents goes into no label.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
