//! The REST interface of ActivityWatch's own server, version 0, as far as its watchers and clients need it. Its contract is that of others, so it is not in the
//! OpenAPI document; docs/trackers.md says what of it there is.
//!
//! Who is asking comes from an API key alone, in a header or, for clients that can send none, in the path: so no path may be logged, counted by or answered with.

mod answers;
mod buckets;
mod events;
mod exchange;
mod key;
mod origin;
mod other;

pub(crate) use origin::WatcherPage;

use actix_web::{guard, web};

/// Where the interface is: for those who show their key in a header, and for those who show it here.
const PLACES: [&str; 2] = ["/api/0", "/aw/{key}/api/0"];
/// Every path is good with and without a slash at its end.
const ENDS: [&str; 2] = ["", "/"];

macro_rules! routes {
    ($($method:ident $path:literal => $handler:path;)*) => {
        /// Method and path of every route, behind each of the places.
        const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        /// Adds the routes. The first is asked first, so the busiest is.
        pub(crate) fn routes(config: &mut web::ServiceConfig) {
            for place in PLACES {
                let mut scope = web::scope(place);
                $(
                    for end in ENDS {
                        let path = format!("{}{end}", $path);
                        scope = scope.service(web::resource(path).guard(guard::$method()).to($handler));
                    }
                )*
                let preflight = web::resource("/{path:.*}").guard(guard::Options());
                config.service(scope.service(preflight.to(origin::permission)));
            }
        }
    };
}

routes! {
    Post "/buckets/{bucket}/heartbeat" => events::heartbeat;
    Get "/info" => other::info;
    Get "/buckets" => buckets::list;
    Get "/buckets/{bucket}" => buckets::show;
    Post "/buckets/{bucket}" => buckets::create;
    Put "/buckets/{bucket}" => buckets::change;
    Delete "/buckets/{bucket}" => buckets::delete;
    Get "/buckets/{bucket}/events" => events::list;
    Post "/buckets/{bucket}/events" => events::insert;
    Get "/buckets/{bucket}/events/count" => events::count;
    Get "/buckets/{bucket}/events/{event}" => events::show;
    Delete "/buckets/{bucket}/events/{event}" => events::delete;
    Get "/buckets/{bucket}/export" => exchange::export_one;
    Get "/export" => exchange::export;
    Post "/import" => exchange::import;
    Get "/settings" => other::settings;
    Get "/settings/{name}" => other::setting;
    Post "/settings/{name}" => other::no_setting;
    Delete "/settings/{name}" => other::forget_setting;
    Post "/query" => other::no_query;
}

/// Which methods each path takes, in the words of `Allow`.
pub(crate) fn methods() -> impl Iterator<Item = (String, String)> {
    const WORDS: [(&str, &str); 4] = [
        ("Get", "GET, HEAD"),
        ("Post", "POST"),
        ("Put", "PUT"),
        ("Delete", "DELETE"),
    ];
    ROUTES.iter().flat_map(|(_, path)| {
        let words = WORDS
            .iter()
            .filter(|(method, _)| ROUTES.contains(&(*method, *path)))
            .map(|(_, words)| *words);
        let words = words.collect::<Vec<_>>().join(", ");
        PLACES
            .into_iter()
            .flat_map(move |place| ENDS.map(|end| format!("{place}{path}{end}")))
            .map(move |path| (path, words.clone()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_says_its_methods() {
        let methods: Vec<_> = methods().collect();
        let says = |path: &str, words: &str| methods.contains(&(path.to_owned(), words.to_owned()));
        assert!(says("/api/0/buckets/{bucket}/", "GET, HEAD, POST, PUT, DELETE"));
        assert!(says("/aw/{key}/api/0/buckets/{bucket}/heartbeat", "POST"));
        assert_eq!(methods.len(), ROUTES.len() * PLACES.len() * ENDS.len());
    }
}
