//! The one file of a form, as ActivityWatch's page uploads an export (RFC 7578).

/// The field's name.
const FIELD: &str = "buckets.json";

/// What the field holds; `None` if the form has none, or is none.
#[must_use]
pub fn file<'a>(content_type: &str, body: &'a [u8]) -> Option<&'a [u8]> {
    let boundary = format!("--{}", parameter(content_type, "boundary")?);
    let mut rest = &body[find(body, boundary.as_bytes())? + boundary.len()..];
    loop {
        let part = rest.strip_prefix(b"\r\n")?;
        let head_end = find(part, b"\r\n\r\n")?;
        let (head, content) = (&part[..head_end], &part[head_end + 4..]);
        let content_end = find(content, format!("\r\n{boundary}").as_bytes())?;
        if names_the_field(str::from_utf8(head).ok()?) {
            return Some(&content[..content_end]);
        }
        rest = &content[content_end + 2 + boundary.len()..];
    }
}

fn names_the_field(head: &str) -> bool {
    head.lines().any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("content-disposition") && parameter(value, "name").as_deref() == Some(FIELD)
        })
    })
}

/// `parameter("form-data; name=\"a\"", "name")` is `a`.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut parameters = value.split(';').skip(1);
    parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.to_owned())
    })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"--x1\"";

    fn form(parts: &[(&str, &str)]) -> String {
        let part = |(name, content): &(&str, &str)| {
            format!(
                "----x1\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f.json\"\r\nContent-Type: application/json\r\n\r\n{content}\r\n"
            )
        };
        parts.iter().map(part).collect::<String>() + "----x1--\r\n"
    }

    #[test]
    fn the_field_is_found_among_others() {
        let json = "{\"buckets\":\r\n{}}\r\n";
        let body = form(&[("other", "x"), ("buckets.json", json)]);
        assert_eq!(file(TYPE, body.as_bytes()), Some(json.as_bytes()));
        assert_eq!(
            file("multipart/form-data; boundary=--x1", body.as_bytes()),
            Some(json.as_bytes())
        );
    }

    #[test]
    fn a_form_without_it_and_a_torn_one_have_none() {
        let body = form(&[("other", "x"), ("buckets.json", "{}")]);
        assert_eq!(file(TYPE, form(&[("other", "x")]).as_bytes()), None);
        assert_eq!(file("application/json", body.as_bytes()), None);
        assert_eq!(file("multipart/form-data; boundary=y", body.as_bytes()), None);
        let needed = body.len() - "--\r\n".len();
        for length in 0..needed {
            assert_eq!(file(TYPE, &body.as_bytes()[..length]), None, "torn at {length}");
        }
    }
}
