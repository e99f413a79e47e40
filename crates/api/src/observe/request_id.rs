//! The id of a request: the client's own, or a new one.

use std::cell::Cell;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ports::Ids;

/// The header that an id comes and goes in.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken.
const CHARS_MAX: usize = 128;

/// New ids of one worker: an id of its own, and a count. No other worker of any node has the first, so no two are alike.
pub(super) struct RequestIds {
    worker: String,
    count: Cell<u64>,
}

impl RequestIds {
    pub(super) fn new(ids: &dyn Ids) -> Self {
        Self {
            worker: ids.new_id().simple().to_string(),
            count: Cell::new(0),
        }
    }

    /// The id in `headers`, if it is 1 to 128 visible ASCII characters, else a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(REQUEST_ID) {
            Some(own) if is_sound(own.as_bytes()) => own.clone(),
            _ => self.new_id(),
        }
    }

    fn new_id(&self) -> HeaderValue {
        let count = self.count.get() + 1;
        self.count.set(count);
        let id = HeaderValue::try_from(format!("{}-{count:x}", self.worker));
        id.expect("hexadecimal digits and a dash are visible ASCII")
    }
}

fn is_sound(id: &[u8]) -> bool {
    (1..=CHARS_MAX).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_1_to_128_visible_characters() {
        assert!(is_sound(b"a") && is_sound(&[b'~'; 128]));
        for bad in [&b""[..], &[b'a'; 129], b"a b", b"\xc3\xa4", b"\x7f"] {
            assert!(!is_sound(bad));
        }
    }
}
