//! What a tracker without a sign-in proves itself with.

use std::fmt;

use uuid::Uuid;

/// An API key as WakaTime's clients accept one: a UUID of version 4 in lower case, with or without `waka_` before it. Both are the same key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyText(Uuid);

impl ApiKeyText {
    const PREFIX: &str = "waka_";
    /// The most bytes a key has.
    pub const BYTES_MAX: usize = Self::PREFIX.len() + uuid::fmt::Hyphenated::LENGTH;

    /// The key of 122 random bits; the other six of the sixteen bytes say that it is a UUID of version 4.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The key in a text; `None` when it is not to the letter of that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix(Self::PREFIX).unwrap_or(text);
        let key = Uuid::try_parse(bare).ok()?;
        let is_random = key.get_version_num() == 4 && key.get_variant() == uuid::Variant::RFC4122;
        // The parser takes other spellings too; ours has one.
        (is_random && key.to_string() == bare).then_some(Self(key))
    }

    /// The key as it is shown once: `waka_<uuid>`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", Self::PREFIX, self.0)
    }

    /// The bytes of its UUID, for hashing only.
    #[must_use]
    pub fn expose(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

/// Shows nothing of the key.
impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123abcd-4567-489a-bcde-f0123456789a";

    #[test]
    fn a_key_has_one_spelling_with_the_prefix_and_one_without() {
        let bare = ApiKeyText::parse(KEY).expect("a key");
        let prefixed = ApiKeyText::parse(&format!("waka_{KEY}")).expect("a key");
        assert_eq!(bare, prefixed);
        assert_eq!(bare.text(), format!("waka_{KEY}"));
        assert_eq!(bare.text().len(), ApiKeyText::BYTES_MAX);
    }

    #[test]
    fn a_new_key_is_a_uuid_of_version_4_whatever_is_drawn() {
        for byte in [0x00, 0x5a, 0xff] {
            let key = ApiKeyText::from_random([byte; 16]);
            assert_eq!(ApiKeyText::parse(&key.text()), Some(key));
        }
    }

    #[test]
    fn what_is_not_to_the_letter_a_key_is_none() {
        for bad in [
            String::new(),
            "waka_".to_owned(),
            KEY.to_uppercase(),
            format!("WAKA_{KEY}"),
            format!("waka_waka_{KEY}"),
            KEY.replace('-', ""),
            format!("{{{KEY}}}"),
            format!("urn:uuid:{KEY}"),
            format!(" {KEY}"),
            format!("{KEY}\n"),
            KEY.replace("-4", "-7"),
            KEY.replace("-b", "-c"),
            KEY.replace('a', "g"),
        ] {
            assert_eq!(ApiKeyText::parse(&bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        let key = ApiKeyText::parse(KEY).expect("a key");
        assert_eq!(format!("{key:?}"), "ApiKeyText(…)");
    }
}
