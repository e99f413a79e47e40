//! What time is counted under: an application and, where it shows a web page, the page's host.

mod plain;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use url::{Host, Url};

use crate::fault::Fault;

/// `(app_name, domain)`, ordered by the bytes of the name, then of the domain, no domain before any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The application.
    pub app_name: AppName,
    /// The site, for time in front of a web page.
    pub domain: Option<Domain>,
}

/// An application's name: trimmed, 1 to 255 characters, no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppName(Arc<str>);

impl AppName {
    /// The most characters a name may have.
    pub const CHARS_MAX: usize = 255;

    /// The name, trimmed.
    ///
    /// # Errors
    /// A fault of `app_name` that names the limit.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        visible_text("app_name", text, Self::CHARS_MAX).map(|name| Self(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A site: the host of a URL, lower case, IDNA, without a leading `www.`, and nothing else of the URL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Arc<str>);

impl Domain {
    /// The most bytes a host may have: RFC 1035, section 2.3.4, in its textual form.
    pub const BYTES_MAX: usize = 253;

    /// The site of a URL; `None` for a URL without a host, such as `about:blank`.
    ///
    /// # Errors
    /// A fault of `url` when the text is no URL or its host is too long.
    pub fn of_url(text: &str) -> Result<Option<Self>, Fault> {
        match plain::host(text) {
            Some(host) => Self::of_host(&lower_case(host)),
            None => Self::of_any_url(text),
        }
    }

    /// The site of a URL of any kind, by the parser that knows them all.
    fn of_any_url(text: &str) -> Result<Option<Self>, Fault> {
        let refused = || {
            Fault::new(
                "url",
                "invalid_url",
                "must be an absolute URL such as https://example.org/page",
            )
        };
        let url = Url::parse(text).map_err(|_| refused())?;
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return Ok(None);
        };
        // Only web schemes have their host normalised by the parser; the others get the same treatment here.
        let host = Host::parse(host).map_err(|_| refused())?.to_string();
        Self::of_host(&host)
    }

    /// The site of a host that is already in lower case and IDNA form.
    ///
    /// # Errors
    /// A fault of `url` when the host is longer than [`Self::BYTES_MAX`].
    fn of_host(host: &str) -> Result<Option<Self>, Fault> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = host
            .strip_prefix("www.")
            .filter(|rest| !rest.is_empty())
            .unwrap_or(host);
        if host.len() > Self::BYTES_MAX {
            let detail = format!("its host must be at most {} bytes long", Self::BYTES_MAX);
            return Err(Fault::new("url", "too_long", detail));
        }
        Ok((!host.is_empty()).then(|| Self(host.into())))
    }

    /// The site as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Label {
    /// The label as it was stored or queued: its parts passed the door once and are not checked again.
    #[must_use]
    pub fn trusted(app_name: &str, domain: Option<&str>) -> Self {
        Self {
            app_name: AppName(app_name.into()),
            domain: domain.map(|domain| Domain(domain.into())),
        }
    }
}

impl fmt::Debug for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `host` in lower case; copied only where it is not.
fn lower_case(host: &str) -> Cow<'_, str> {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        host.to_ascii_lowercase().into()
    } else {
        host.into()
    }
}

/// `text` trimmed, when 1 to `chars_max` characters remain and none is a control character.
pub(crate) fn visible_text<'a>(field: &'static str, text: &'a str, chars_max: usize) -> Result<&'a str, Fault> {
    let text = text.trim();
    // Bytes bound characters from above, so the usual short name is not counted.
    if text.is_empty() {
        return Err(Fault::new(
            field,
            "empty",
            format!("must be 1 to {chars_max} characters long"),
        ));
    }
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(Fault::new(
            field,
            "too_long",
            format!("must be 1 to {chars_max} characters long"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new(
            field,
            "control_character",
            "must not hold control characters",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn site(url: &str) -> Option<String> {
        Domain::of_url(url).expect(url).map(|domain| domain.as_str().to_owned())
    }

    #[test]
    fn only_the_host_of_a_url_is_kept() {
        for (url, host) in [
            ("https://user:secret@WWW.Example.ORG:8443/a?b=c#d", "example.org"),
            ("http://www.example.org", "example.org"),
            ("https://www.example.org./", "example.org"),
            ("https://www.www.example.org/", "www.example.org"),
            ("https://bücher.example/", "xn--bcher-kva.example"),
            ("https://EXAMPLE.org", "example.org"),
            ("http://127.0.0.1:8080/", "127.0.0.1"),
            ("http://[::1]:8080/", "[::1]"),
            ("http://localhost:3000/", "localhost"),
            ("ftp://Files.Example.org/x", "files.example.org"),
            ("chrome-extension://AbCdEf/page.html", "abcdef"),
        ] {
            assert_eq!(site(url).as_deref(), Some(host), "{url}");
        }
    }

    #[test]
    fn a_url_without_a_host_has_no_site() {
        for url in [
            "about:blank",
            "file:///etc/passwd",
            "data:text/plain,hello",
            "mailto:ada@example.org",
        ] {
            assert_eq!(site(url), None, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "example",
            "example.org",
            "/path",
            "http://",
            "https://exa mple.org/",
            "http://[::1",
            "://x",
        ] {
            assert_eq!(Domain::of_url(text).expect_err(text).code, "invalid_url", "{text}");
        }
    }

    #[test]
    fn a_host_has_at_most_253_bytes() {
        let host = |last: usize| format!("https://{}{}/", "a.".repeat(100), "b".repeat(last));
        assert_eq!(site(&host(53)).map(|host| host.len()), Some(253));
        assert_eq!(Domain::of_url(&host(54)).expect_err("too long").code, "too_long");
    }

    #[test]
    fn an_application_name_is_trimmed_and_bounded_in_characters() {
        assert_eq!(AppName::parse("  Firefox ").expect("valid").as_str(), "Firefox");
        assert!(AppName::parse(&"ä".repeat(255)).is_ok());
        assert_eq!(AppName::parse(&"ä".repeat(256)).expect_err("long").code, "too_long");
        assert_eq!(AppName::parse(" \t ").expect_err("empty").code, "empty");
        assert_eq!(AppName::parse("a\0b").expect_err("NUL").code, "control_character");
        assert_eq!(AppName::parse("a\u{85}b").expect_err("NEL").code, "control_character");
    }

    #[test]
    fn labels_compare_by_bytes_and_no_domain_comes_first() {
        let mut labels = [
            Label::trusted("b", None),
            Label::trusted("a", Some("z.org")),
            Label::trusted("a", Some("")),
            Label::trusted("a", None),
            Label::trusted("B", None),
        ];
        labels.sort();
        let order: Vec<_> = labels
            .iter()
            .map(|l| (l.app_name.as_str(), l.domain.as_ref().map(Domain::as_str)))
            .collect();
        assert_eq!(
            order,
            [
                ("B", None),
                ("a", None),
                ("a", Some("")),
                ("a", Some("z.org")),
                ("b", None)
            ]
        );
    }

    #[test]
    fn a_plain_web_address_is_not_taken_apart_and_whatever_may_be_more_is() {
        for (url, host) in [
            ("https://www.News.example.org/a?b=c#d", Some("www.News.example.org")),
            ("http://localhost", Some("localhost")),
            ("https://a-b_c.d1.example?x", Some("a-b_c.d1.example")),
            ("https://example.org#top", Some("example.org")),
            ("https://example.org:8443/", None),
            ("https://ada@example.org/", None),
            ("https://10.0.0.1/", None),
            ("https://example.0x7f/", None),
            ("https://xn--bcher-kva.example/", None),
            ("https://XN--bcher-kva.example/", None),
            ("https://example.org./", None),
            ("https://a..b/", None),
            ("https://b\u{fc}cher.example/", None),
            ("https:///example.org", None),
            ("https://", None),
            ("ftp://example.org/", None),
            (" https://example.org/", None),
            ("https://example.org\\path", None),
        ] {
            assert_eq!(plain::host(url), host, "{url}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        #[test]
        fn the_short_way_and_the_long_way_find_the_same_site(
            url in "(https?|HTTPS|ftp|chrome)(:/{1,3})((www|WWW|[a-z]{1,3}|X[nN]--[a-z-]{1,9}|xn--[a-z0-9-]{1,9}|[-_A-Za-z0-9]{1,70}|0x[0-9a-f]{0,3}|[0-9]{1,4})\\.?){0,6}([:@%\\\\\t ]{0,2}[0-9]{0,6})?([/?#].{0,20})?",
        ) {
            prop_assert_eq!(Domain::of_url(&url), Domain::of_any_url(&url));
        }

        #[test]
        fn of_any_text_too(text in "(https?://)?.{0,40}") {
            prop_assert_eq!(Domain::of_url(&text), Domain::of_any_url(&text));
        }
    }
}
