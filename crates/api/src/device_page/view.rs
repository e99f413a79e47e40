//! What the page shows. Everything that somebody else wrote is escaped by the template.

use askama::Template;
use domain::time::UnixMs;
use ports::accounts::WaitingDevice;

use super::{FORMS, PATH, SIGN_IN, STYLE};

/// One of the page's states.
pub(super) enum View {
    /// Asks for the code.
    Code,
    /// Asks who it is.
    SignIn,
    /// Shows the device, and asks whether it may sign in.
    Confirm {
        device: Device,
        /// As whom.
        user: String,
    },
    /// The device may.
    Approved,
    /// It may not.
    Denied,
}

/// A device in words.
pub(super) struct Device {
    name: String,
    platform: String,
    address: String,
    asked: String,
}

/// The page.
#[derive(Template)]
#[template(path = "device.html")]
pub(super) struct Page {
    view: View,
    code: String,
    email: String,
    saying: String,
    /// Whether that is about the second factor.
    about_factor: bool,
}

impl Page {
    /// In a state, about a code.
    pub(super) fn new(view: View, code: String) -> Self {
        Self {
            view,
            code,
            email: String::new(),
            saying: String::new(),
            about_factor: false,
        }
    }

    /// With the address that was typed.
    pub(super) fn of(mut self, email: &str) -> Self {
        email.clone_into(&mut self.email);
        self
    }

    /// With what went wrong.
    pub(super) fn saying(mut self, words: &str) -> Self {
        words.clone_into(&mut self.saying);
        self
    }

    /// With what is wrong about the second factor.
    pub(super) fn asking_for_factor(self, words: &str) -> Self {
        Self {
            about_factor: true,
            ..self.saying(words)
        }
    }

    pub(super) fn html(&self) -> String {
        self.render().expect("text is written into text")
    }
}

impl View {
    /// Asks `user` about a device.
    pub(super) fn confirm(device: &WaitingDevice, user: &str, now: UnixMs) -> Self {
        let unknown = || "not told".to_owned();
        Self::Confirm {
            device: Device {
                name: device.name.clone().unwrap_or_else(unknown),
                platform: device.platform.clone().unwrap_or_else(unknown),
                address: device.address.map_or_else(unknown, |address| address.to_string()),
                asked: ago(device.asked_at, now),
            },
            user: user.to_owned(),
        }
    }
}

fn ago(at: UnixMs, now: UnixMs) -> String {
    const MINUTE_MS: i64 = 60_000;
    match now.0.saturating_sub(at.0) / MINUTE_MS {
        i64::MIN..=0 => "less than a minute ago".to_owned(),
        1 => "a minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_said_in_minutes() {
        let at = UnixMs(1_772_366_400_000);
        for (ms, words) in [
            (-5, "less than a minute ago"),
            (59_999, "less than a minute ago"),
            (60_000, "a minute ago"),
            (119_999, "a minute ago"),
            (540_000, "9 minutes ago"),
        ] {
            assert_eq!(ago(at, at.plus_ms(ms)), words);
        }
    }

    #[test]
    fn what_others_wrote_is_text_and_nothing_else() {
        let page = Page::new(View::SignIn, "\"><script>".to_owned())
            .of("<b>")
            .saying("&<i>");
        let html = page.html();
        for raw in ["\"><script>", "<b>", "&<i>"] {
            assert!(!html.contains(raw), "{raw} in {html}");
        }
    }
}
