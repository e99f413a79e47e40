//! What a window's class says of its application.

use x11rb::properties::WmClass;

use domain::usage::AppName;

/// What time in a window without a class counts under.
const NAMELESS: &str = "unknown";

/// The application of a window with this class.
pub(super) fn app_name(class: &WmClass) -> AppName {
    [class.class(), class.instance()]
        .into_iter()
        .find_map(name_of)
        .unwrap_or_else(nameless)
}

/// The name as the server takes it: in Unicode, without control characters, not too long. `None` if nothing remains.
fn name_of(bytes: &[u8]) -> Option<AppName> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // By ICCCM the property is in Latin-1, whose characters are the first of Unicode.
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let visible: String = text.chars().filter(|char| !char.is_control()).collect();
    let bounded: String = visible.trim().chars().take(AppName::CHARS_MAX).collect();
    AppName::parse(&bounded).ok()
}

/// The application of a window without one.
pub(super) fn nameless() -> AppName {
    AppName::parse(NAMELESS).expect("a constant that is a name")
}

#[cfg(test)]
mod tests {
    use x11rb::protocol::xproto::{AtomEnum, GetPropertyReply};

    use super::*;

    fn name(bytes: &[u8]) -> Option<String> {
        name_of(bytes).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn a_class_becomes_a_name_that_the_server_takes() {
        assert_eq!(name(b"Firefox").as_deref(), Some("Firefox"));
        assert_eq!(name("Zoë".as_bytes()).as_deref(), Some("Zoë"));
        assert_eq!(name(b"Zo\xeb").as_deref(), Some("Zoë"), "Latin-1");
        assert_eq!(name(b" a\x01b\n ").as_deref(), Some("ab"));
        assert_eq!(name(b"\t \x7f"), None);
        assert_eq!(
            name("ä".repeat(300).as_bytes()).map(|name| name.chars().count()),
            Some(255)
        );
    }

    #[test]
    fn a_window_without_a_usable_class_has_its_instance_or_no_name() {
        let class = |value: &[u8]| {
            let reply = GetPropertyReply {
                format: 8,
                type_: AtomEnum::STRING.into(),
                value_len: u32::try_from(value.len()).expect("short"),
                value: value.to_vec(),
                ..Default::default()
            };
            let class = WmClass::from_reply(reply).expect("a class").expect("there");
            app_name(&class).as_str().to_owned()
        };
        assert_eq!(class(b"navigator\0Firefox\0"), "Firefox");
        assert_eq!(class(b"navigator\0\0"), "navigator");
        assert_eq!(class(b"\0\0"), "unknown");
        assert_eq!(nameless().as_str(), NAMELESS);
    }
}
