//! Takes a body apart into heartbeats, each for itself, so that one that cannot be read holds back no other. Anything is taken: what is no JSON is one
//! heartbeat that is none.

use std::borrow::Cow;

/// The most heartbeats that one request may hold; known clients send 25, and others that are compatible take 100.
pub(super) const HEARTBEATS_MAX: usize = 1_000;
/// How often a list may be written as text that holds a list; a client that does so does it once.
const WRAPPED_MAX: usize = 3;

/// What a body holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// One heartbeat by itself.
    One(String),
    /// A list of them, each as it was written. It may be one that breaks off.
    Many(Vec<String>),
    /// A list of more than [`HEARTBEATS_MAX`].
    TooMany,
}

impl Sent {
    /// What `body` holds. Bytes that are no UTF-8 stand for U+FFFD.
    pub(super) fn read(body: &[u8]) -> Self {
        let text = unwrapped(String::from_utf8_lossy(body));
        let text = bare(&text);
        match text.strip_prefix('[') {
            Some(list) => items(list).map_or(Self::TooMany, Self::Many),
            None => Self::One(text.to_owned()),
        }
    }
}

/// The text without what it is wrapped in: it may be a JSON string that holds the JSON.
fn unwrapped(mut text: Cow<'_, str>) -> Cow<'_, str> {
    for _ in 0..WRAPPED_MAX {
        let quoted = bare(&text);
        let Some(inner) = quoted
            .starts_with('"')
            .then(|| serde_json::from_str(quoted).ok())
            .flatten()
        else {
            break;
        };
        text = Cow::Owned(inner);
    }
    text
}

/// Without white space around it, and without the mark that some editors begin a file with.
fn bare(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || character == '\u{feff}')
}

/// The items of a list from behind its bracket; `None` when there are too many. Commas and brackets are found without knowing what they divide, so an item
/// that is no JSON ends where its neighbours begin.
fn items(list: &str) -> Option<Vec<String>> {
    let mut items = Vec::new();
    let mut scan = Scan::default();
    let mut start = 0;
    for (at, byte) in list.bytes().enumerate() {
        match scan.step(byte) {
            Step::Inside => {}
            Step::Comma => {
                push(&mut items, &list[start..at])?;
                start = at + 1;
            }
            Step::End => return end(items, &list[start..at]),
        }
    }
    end(items, &list[start..])
}

/// The items with the last one, if it is there: behind the last comma, or in an empty list, there may be none.
fn end(mut items: Vec<String>, last: &str) -> Option<Vec<String>> {
    if !last.trim().is_empty() {
        push(&mut items, last)?;
    }
    Some(items)
}

fn push(items: &mut Vec<String>, item: &str) -> Option<()> {
    if items.len() == HEARTBEATS_MAX {
        return None;
    }
    items.push(item.trim().to_owned());
    Some(())
}

/// Where in a list the scan is.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

enum Step {
    /// Within an item.
    Inside,
    /// Between two items.
    Comma,
    /// Behind the last.
    End,
}

impl Scan {
    fn step(&mut self, byte: u8) -> Step {
        if self.in_text {
            self.in_text = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return Step::Inside;
        }
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => self.depth += 1,
            b',' if self.depth == 0 => return Step::Comma,
            b']' if self.depth == 0 => return Step::End,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Step::Inside
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn many(items: &[&str]) -> Sent {
        Sent::Many(items.iter().map(|item| (*item).to_owned()).collect())
    }

    fn read(body: &str) -> Sent {
        Sent::read(body.as_bytes())
    }

    #[test]
    fn a_list_is_its_items_as_they_are_written() {
        for (body, items) in [
            (
                r#"[{"a":1},{"b":[2,{"c":"]},"}]}]"#,
                &[r#"{"a":1}"#, r#"{"b":[2,{"c":"]},"}]}"#][..],
            ),
            (" \u{feff} [ null , {} ] \n", &["null", "{}"]),
            ("[]", &[]),
            ("[ ]", &[]),
            ("[{},]", &["{}"]),
            (r#"["\\",{"x":"\"],["}]"#, &[r#""\\""#, r#"{"x":"\"],["}"#]),
        ] {
            assert_eq!(read(body), many(items), "{body}");
        }
    }

    #[test]
    fn one_heartbeat_is_one_and_so_is_what_is_no_list() {
        for body in [r#"{"entity":"a"}"#, "", "17", "null", "entity=a", "{\"entity\":"] {
            assert_eq!(read(body), Sent::One(body.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_list_that_is_written_as_text_is_that_list() {
        let list = r#"[{"entity":"a \"b\" \\ c"},null]"#;
        let items = many(&[r#"{"entity":"a \"b\" \\ c"}"#, "null"]);
        let mut body = list.to_owned();
        for _ in 0..WRAPPED_MAX {
            body = serde_json::to_string(&body).expect("text");
            assert_eq!(read(&body), items, "{body}");
        }
        let once_more = serde_json::to_string(&body).expect("text");
        assert!(matches!(read(&once_more), Sent::One(_)));
        assert_eq!(read(r#""{}""#), Sent::One("{}".to_owned()));
    }

    #[test]
    fn an_item_that_is_no_json_is_one_all_the_same() {
        assert_eq!(
            read(r#"[{"time": NaN},{"time": 1}]"#),
            many(&[r#"{"time": NaN}"#, r#"{"time": 1}"#])
        );
        assert_eq!(read(r#"[{"a":1},{"b":"#), many(&[r#"{"a":1}"#, r#"{"b":"#]));
        assert_eq!(read("[{}}},{}] rest"), many(&["{}}}", "{}"]));
        assert_eq!(read("[,{}]"), many(&["", "{}"]));
        assert_eq!(
            Sent::read(b"[{\"entity\":\"\xff\"}]"),
            many(&["{\"entity\":\"\u{fffd}\"}"])
        );
    }

    #[test]
    fn so_many_are_taken_and_one_more_is_too_many() {
        let list = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(read(&list(HEARTBEATS_MAX)), many(&vec!["{}"; HEARTBEATS_MAX]));
        assert_eq!(read(&list(HEARTBEATS_MAX + 1)), Sent::TooMany);
        assert_eq!(read(&format!("[{}", ",".repeat(HEARTBEATS_MAX + 1))), Sent::TooMany);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "\\PC{0,8}|[\"\\\\,\\[\\]{}]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map("[\"\\\\,a-c]{0,3}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_list_of_json_is_read_as_its_items(items in prop::collection::vec(any_json(), 0..6)) {
            let pretty = serde_json::to_string_pretty(&items).expect("JSON");
            let Sent::Many(read) = read(&pretty) else { panic!("no list: {pretty}") };
            let read: Vec<serde_json::Value> = read.iter().map(|item| serde_json::from_str(item).expect("JSON")).collect();
            prop_assert_eq!(read, items);
        }

        #[test]
        fn any_bytes_are_something(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            Sent::read(&bytes);
        }

        #[test]
        fn any_bytes_of_a_list_are_something(text in "\\[[\\[\\]{}\",:\\\\ 0-9a-z\u{e4}]{0,60}") {
            prop_assert!(matches!(read(&text), Sent::Many(_)));
        }
    }
}
