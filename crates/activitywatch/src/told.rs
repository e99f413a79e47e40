//! What of an event's data counts: the application, the host of a page, whether there was somebody. Everything else, titles and paths above all, ends here.

use serde_json::{Map, Value};

use domain::trackers::activitywatch::{Presence, Tells};
use domain::usage::{AppName, Domain};

use crate::event::Data;

/// What an event with this data tells. Of a private tab, and of what cannot be read, nothing.
#[must_use]
pub fn tells(data: &Data) -> Tells {
    let object = data.object();
    Tells {
        app: app(&object),
        presence: presence(&object),
        site: site(&object),
    }
}

fn app(object: &Map<String, Value>) -> Option<AppName> {
    AppName::parse(object.get("app")?.as_str()?).ok()
}

fn presence(object: &Map<String, Value>) -> Option<Presence> {
    match object.get("status")?.as_str()? {
        "not-afk" => Some(Presence::Here),
        "afk" => Some(Presence::Away),
        _ => None,
    }
}

fn site(object: &Map<String, Value>) -> Option<Domain> {
    let is_private = object.get("incognito").is_some_and(|told| *told != Value::Bool(false));
    let url = object.get("url").and_then(Value::as_str).filter(|_| !is_private);
    url.filter(|url| is_web(url))
        .and_then(|url| Domain::of_url(url).ok().flatten())
}

/// Whether it is a page of a site: a browser's own pages and those of its extensions have a host as well, which is nobody's.
fn is_web(url: &str) -> bool {
    let scheme = url.trim_start().split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)))
}

#[cfg(test)]
mod tests {
    use domain::trackers::activitywatch::{Kind, Told};

    use super::*;

    fn of(kind: Kind, json: &str) -> Told {
        tells(&serde_json::from_str(json).expect("an object")).of(kind)
    }

    fn app_named(name: &str) -> Told {
        Told::App(AppName::parse(name).expect("a name"))
    }

    #[test]
    fn of_each_kind_one_thing_counts() {
        assert_eq!(
            of(Kind::Windows, r#"{"app": " Editor ", "title": "secret"}"#),
            app_named("Editor")
        );
        assert_eq!(
            of(Kind::Presence, r#"{"status": "not-afk"}"#),
            Told::Presence(Presence::Here)
        );
        assert_eq!(
            of(Kind::Presence, r#"{"status": "afk"}"#),
            Told::Presence(Presence::Away)
        );
        let site = of(
            Kind::Tabs,
            r#"{"url": "https://u:p@www.a.example/x?y=z#w", "title": "secret", "incognito": false}"#,
        );
        let Told::Site(site) = site else { panic!("{site:?}") };
        assert_eq!(site.as_str(), "a.example");
    }

    #[test]
    fn of_private_tabs_and_of_anything_else_nothing_does() {
        for (kind, json) in [
            (Kind::Tabs, r#"{"url": "https://a.example/", "incognito": true}"#),
            (Kind::Tabs, r#"{"url": "https://a.example/", "incognito": "yes"}"#),
            (Kind::Tabs, r#"{"url": "about:blank"}"#),
            (Kind::Tabs, r#"{"url": "chrome://newtab/"}"#),
            (Kind::Tabs, r#"{"url": "moz-extension://123/options.html"}"#),
            (Kind::Tabs, r#"{"url": 7}"#),
            (Kind::Tabs, "{}"),
            (Kind::Windows, r#"{"app": ""}"#),
            (Kind::Windows, r#"{"title": "x"}"#),
            (Kind::Presence, r#"{"status": "perhaps"}"#),
            (
                Kind::Other,
                r#"{"app": "Editor", "url": "https://a.example/", "status": "afk"}"#,
            ),
        ] {
            assert_eq!(of(kind, json), Told::Nothing, "{json}");
        }
    }
}
