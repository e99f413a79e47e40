//! The HTTP API of WakaTime, as far as its clients need it: heartbeats in, and what they show of a person's time. Its contract is that of others, so it is not
//! in the OpenAPI document; docs/trackers.md says what of it there is.
//!
//! Who is asking comes from an API key alone, never from a cookie, so pages of every origin may call these routes, and only these.

mod asked;
mod entry;
mod heartbeat;
mod heartbeats;
mod key;
mod own;
mod reads;
mod sent;
mod stats;
mod summaries;

pub(crate) use key::Open;

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, guard, web};

use crate::limits::ByAddress;

/// Where clients look for the API, depending on which address of a server they are given.
const PREFIXES: [&str; 3] = ["/api/v1", "/api", "/api/compat/wakatime/v1"];
/// The caller, in a path: by the word that all clients use, by their id, or by their address, which is their name here. No other route of ours has such a part.
const USER: &str = "{user:current|[0-9a-fA-F-]{36}|[^/]+@[^/]+}";
/// What stands for it in the table below.
const USER_PLACE: &str = "{user}";

/// What a page may send beside what every page may.
const HEADERS: &str = "Authorization, Content-Type, TimeZone, X-Machine-Name, X-Request-Id";
/// How long a browser may remember the permission.
const REMEMBERED_SECS: &str = "7200";

macro_rules! routes {
    ($($method:ident $path:literal => $handler:path;)*) => {
        /// Method and path of every route, behind each of the prefixes.
        const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        /// Adds the routes. The first is asked first, so the busiest is.
        pub(crate) fn routes(config: &mut web::ServiceConfig) {
            for prefix in PREFIXES {
                $(
                    let path = pattern(prefix, $path);
                    config.service(web::resource(path).guard(guard::$method()).to($handler));
                )*
            }
            for (_, path) in ROUTES {
                for prefix in PREFIXES {
                    let preflight = web::resource(pattern(prefix, path)).guard(guard::Options());
                    config.service(preflight.to(permission));
                }
            }
        }
    };
}

routes! {
    Post "/users/{user}/heartbeats.bulk" => heartbeats::receive;
    Post "/users/{user}/heartbeats" => heartbeats::receive;
    Post "/heartbeats" => heartbeats::receive;
    Post "/heartbeat" => heartbeats::receive;
    Get "/users/{user}/statusbar/today" => summaries::status_bar;
    Get "/users/{user}/status_bar/today" => summaries::status_bar;
    Get "/users/{user}/summaries" => summaries::summaries;
    Get "/users/{user}/all_time_since_today" => stats::all_time;
    Get "/users/{user}/stats/{range}" => stats::stats;
    Get "/users/{user}/projects" => stats::projects;
    Get "/users/{user}/goals" => reads::goals;
    Get "/users/{user}" => reads::user;
    Post "/users/{user}/file_experts" => reads::file_experts;
    Post "/plugins/errors" => reads::plugin_error;
}

fn pattern(prefix: &str, path: &str) -> String {
    format!("{prefix}{}", path.replace(USER_PLACE, USER))
}

/// Which methods each path takes where it names the caller by the usual word, in the words of `Allow`.
pub(crate) fn methods() -> impl Iterator<Item = (String, String)> {
    ROUTES.iter().flat_map(|(_, path)| {
        let takes = |method: &str| ROUTES.contains(&(method, path));
        let methods = [("Get", "GET, HEAD"), ("Post", "POST")].into_iter();
        let methods: Vec<&str> = methods
            .filter(|(name, _)| takes(name))
            .map(|(_, words)| words)
            .collect();
        let methods = methods.join(", ");
        PREFIXES.map(|prefix| {
            (
                format!("{prefix}{}", path.replace(USER_PLACE, "current")),
                methods.clone(),
            )
        })
    })
}

/// The answer to a browser that asks first.
async fn permission(_: ByAddress, request: HttpRequest) -> HttpResponse {
    request.extensions_mut().insert(Open);
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, REMEMBERED_SECS))
        .finish()
}

#[cfg(test)]
mod tests {
    use actix_web::dev::ResourceDef;

    use super::*;

    #[test]
    fn a_path_names_the_caller_by_the_usual_word_an_id_or_an_address_and_by_nothing_else() {
        let pattern = ResourceDef::new(pattern("/api/v1", "/users/{user}"));
        for (user, is) in [
            ("current", true),
            ("0195505a-0000-7000-8000-000000000000", true),
            ("ada@example.org", true),
            ("@", false),
            ("ada@", false),
            ("me", false),
            ("register", false),
            ("ada", false),
            ("currently", false),
            ("", false),
        ] {
            assert_eq!(pattern.is_match(&format!("/api/v1/users/{user}")), is, "{user}");
        }
    }

    #[test]
    fn each_path_says_its_methods() {
        let methods: Vec<_> = methods().collect();
        let says = |path: &str, words: &str| methods.contains(&(path.to_owned(), words.to_owned()));
        assert!(says("/api/users/current/heartbeats.bulk", "POST"));
        assert!(says("/api/compat/wakatime/v1/users/current/summaries", "GET, HEAD"));
    }
}
