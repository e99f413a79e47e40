//! Counts and measures requests by route. The meters of a route are looked up once and kept, as a look-up costs more than counting.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::{Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};

use super::method_name;

/// The route of what no route takes.
const UNMATCHED: &str = "unmatched";

/// The meters of one worker.
#[derive(Default)]
pub(super) struct Meters(RefCell<HashMap<String, RouteMeters>>);

/// The meters of one route.
pub(super) struct RouteMeters {
    route: String,
    by_outcome: Vec<Outcome>,
}

struct Outcome {
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    seconds: Histogram,
}

impl Meters {
    /// Finds the route of `request`, and its meters.
    pub(super) fn routed(&self, request: &HttpRequest, then: impl FnOnce(&str, &mut RouteMeters)) {
        let mut meters = self.0.borrow_mut();
        // The path of most routes is the route itself, so once it is known nothing has to be matched again.
        if let Some(known) = meters.get_mut(request.path()) {
            return then(request.path(), known);
        }
        let route = request.match_pattern().unwrap_or_else(|| UNMATCHED.to_owned());
        let known = meters.entry(route.clone()).or_insert_with(|| RouteMeters {
            route: route.clone(),
            by_outcome: Vec::new(),
        });
        then(&route, known);
    }
}

impl RouteMeters {
    /// Counts a request that took `elapsed`.
    pub(super) fn record(&mut self, method: &Method, status: StatusCode, elapsed: Duration) {
        let method = method_name(method);
        let same = |outcome: &Outcome| outcome.method == method && outcome.status == status;
        let at = self.by_outcome.iter().position(same).unwrap_or_else(|| {
            self.by_outcome.push(Outcome::new(&self.route, method, status));
            self.by_outcome.len() - 1
        });
        let outcome = &self.by_outcome[at];
        outcome.requests.increment(1);
        outcome.seconds.record(elapsed.as_secs_f64());
    }
}

impl Outcome {
    fn new(route: &str, method: &'static str, status: StatusCode) -> Self {
        let route = route.to_owned();
        Self {
            method,
            status,
            requests: counter!("daybook_http_requests_total", "route" => route.clone(), "method" => method, "status" => status.as_str().to_owned()),
            seconds: histogram!("daybook_http_request_duration_seconds", "route" => route, "method" => method),
        }
    }
}
