//! Which application's windows the tabs of a bucket belong to.

use crate::usage::AppName;

/// How a bucket of tabs begins; the browser's name follows, up to the first underscore.
const PREFIX: &str = "aw-watcher-web-";

/// The name that aw-watcher-web gives a browser, and the words by which its windows are known: WM_CLASS on X11, the application's id on Wayland, the
/// program's name elsewhere.
const KNOWN: [(&str, &[&str]); 12] = [
    (
        "firefox",
        &[
            "firefox",
            "firefoxdeveloperedition",
            "navigator",
            "librewolf",
            "waterfox",
            "zen",
            "icecat",
            "mullvadbrowser",
        ],
    ),
    // Chromium calls itself Chrome, and so do those of its kin that hide what they are.
    ("chrome", &["chrome", "chromium", "cromite", "thorium"]),
    ("chromium", &["chromium", "chrome"]),
    ("edge", &["edge", "msedge"]),
    ("brave", &["brave"]),
    ("opera", &["opera"]),
    ("vivaldi", &["vivaldi"]),
    ("arc", &["arc"]),
    ("safari", &["safari"]),
    ("yandex", &["yandex"]),
    ("orion", &["orion"]),
    ("floorp", &["floorp"]),
];

/// A browser, as the bucket of its tabs names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser(String);

impl Browser {
    /// The browser of a bucket of tabs: `aw-watcher-web-firefox_laptop` is `firefox`. Where the bucket is named otherwise, the first browser that
    /// is a word of its name, else nothing.
    #[must_use]
    pub fn of_bucket(id: &str) -> Option<Self> {
        let id = id.to_ascii_lowercase();
        let name = match id.strip_prefix(PREFIX) {
            Some(rest) => rest.split('_').next(),
            None => words(&id).find(|word| KNOWN.iter().any(|(name, _)| name == word)),
        };
        name.filter(|name| !name.is_empty()).map(|name| Self(name.to_owned()))
    }

    /// Whether windows of this application are the browser's.
    #[must_use]
    pub fn is(&self, app: &AppName) -> bool {
        let own = [self.0.as_str()];
        let known = KNOWN
            .iter()
            .find(|(name, _)| *name == self.0)
            .map_or(&own[..], |(_, words)| *words);
        let app = app.as_str().to_lowercase();
        words(&app).any(|word| known.contains(&word))
    }
}

/// `google-chrome-stable`, `org.mozilla.firefox` and `Microsoft Edge` are three words each, but for the last.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(bucket: &str, app: &str) -> bool {
        Browser::of_bucket(bucket).is_some_and(|browser| browser.is(&AppName::parse(app).expect("a name")))
    }

    #[test]
    fn windows_are_known_by_the_words_of_their_names() {
        for (bucket, app) in [
            ("aw-watcher-web-firefox", "firefox"),
            ("aw-watcher-web-firefox_my_laptop", "Firefox-esr"),
            ("aw-watcher-web-firefox", "org.mozilla.firefox"),
            ("aw-watcher-web-firefox", "firefox.exe"),
            ("aw-watcher-web-firefox", "firefoxdeveloperedition"),
            ("aw-watcher-web-chrome_host", "Google-chrome"),
            ("aw-watcher-web-chrome", "chromium-browser-chromium"),
            ("aw-watcher-web-edge", "Microsoft Edge"),
            ("aw-watcher-web-edge", "msedge.exe"),
            ("aw-watcher-web-brave", "Brave-browser"),
            ("aw-watcher-web-vivaldi", "Vivaldi-stable"),
            ("aw-watcher-web-qutebrowser", "qutebrowser"),
            ("my-firefox-tabs", "Firefox"),
        ] {
            assert!(is(bucket, app), "{bucket} {app}");
        }
    }

    #[test]
    fn windows_of_others_are_not() {
        for (bucket, app) in [
            ("aw-watcher-web-firefox", "Google-chrome"),
            ("aw-watcher-web-chrome", "firefox"),
            ("aw-watcher-web-arc", "search-tool"),
            ("aw-watcher-web-edge", "knowledge"),
            ("aw-watcher-web-", "firefox"),
            ("aw-watcher-web-_host", "host"),
            ("tabs", "tabs"),
        ] {
            assert!(!is(bucket, app), "{bucket} {app}");
        }
    }
}
