//! Finds the host of a plain web address without taking the address apart: nearly all pings come with one, and the whole parser costs ten times as much.

/// How the addresses begin that are looked at.
const SCHEMES: [&str; 2] = ["https://", "http://"];

/// The host of `url`, as it stands there, when it is plain: letters, digits, `-` and `_` in labels that are neither empty nor encoded, not an address in
/// numbers, right behind `http://` or `https://`, and followed by a path, a query, a fragment or nothing. For all else `None`, which says nothing: the whole
/// parser knows.
pub(super) fn host(url: &str) -> Option<&str> {
    let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme))?;
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    let host = &rest[..end.unwrap_or(rest.len())];
    let mut last = "";
    for label in host.split('.') {
        if !is_plain(label) {
            return None;
        }
        last = label;
    }
    // A last label that begins with a digit may make the host an address in numbers.
    (!last.starts_with(|first: char| first.is_ascii_digit())).then_some(host)
}

fn is_plain(label: &str) -> bool {
    let bytes = label.as_bytes();
    let is_encoded = bytes.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"));
    let is_known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !bytes.is_empty() && !is_encoded && bytes.iter().all(is_known)
}
