//! The name a client gives its own device in `X-Device-Id`.

use crate::fault::Fault;

/// 1 to 128 visible ASCII characters, compared to the letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceKey(String);

impl DeviceKey {
    /// The most characters a key may have.
    pub const CHARS_MAX: usize = 128;

    /// The key as the client wrote it.
    ///
    /// # Errors
    /// A fault of `X-Device-Id` when it is empty, too long or holds anything but visible ASCII.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > Self::CHARS_MAX || !visible {
            let detail = format!("must be 1 to {} visible ASCII characters", Self::CHARS_MAX);
            return Err(Fault::new("X-Device-Id", "invalid_device_id", detail));
        }
        Ok(Self(text.to_owned()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_1_and_128_visible_characters() {
        assert!(DeviceKey::parse("laptop-1").is_ok());
        assert!(DeviceKey::parse(&"a".repeat(128)).is_ok());
        for bad in ["", "a b", "ä", "tab\t", &"a".repeat(129)] {
            assert_eq!(DeviceKey::parse(bad).expect_err(bad).field, "X-Device-Id");
        }
    }
}
