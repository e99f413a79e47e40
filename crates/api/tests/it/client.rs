//! A client that speaks HTTP to the letter, and checks on every answer what must hold for all of them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use crate::schema;

/// The bound of every wait: whoever meets it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&api::openapi_json()).expect("JSON"));

/// A request that is being written.
pub struct Call {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    bug_expected: bool,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    /// Each `Set-Cookie`, whole.
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

pub fn document() -> &'static Value {
    &DOCUMENT
}

/// Method and path of every operation that takes a body; of one whose path holds an id, with the id of nothing.
pub fn takers_of_bodies() -> Vec<(String, String)> {
    let paths = DOCUMENT["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        let path = path.replace("{id}", "0195505a-0000-7000-8000-000000000000");
        let operations = item.as_object().expect("operations").iter();
        let takers = operations.filter(|(_, operation)| operation["requestBody"].is_object());
        takers.map(move |(method, _)| (method.to_uppercase(), path.clone()))
    });
    operations.collect()
}

impl Call {
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        Self {
            address,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            bug_expected: false,
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw_json(body.to_string().as_bytes())
    }

    /// Bytes that are called JSON.
    pub fn raw_json(self, body: &[u8]) -> Self {
        self.header("Content-Type", "application/json").bytes(body)
    }

    /// Bytes that are called nothing.
    pub fn bytes(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Length", &body.len().to_string())
    }

    /// The test is about a mistake of the server.
    pub fn bug_expected(mut self) -> Self {
        self.bug_expected = true;
        self
    }

    pub fn send(self) -> Answer {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head += "\r\n";
        let mut stream = connect(self.address);
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&self.body));
        // The server may have answered and closed before it took all of a body that is too large.
        drop(sent);
        let mut answer = read_at_once(&mut stream);
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = joined(&answer.body);
        }
        let path = self.target.split('?').next().unwrap_or_default();
        answer.check(&self.method, path, self.bug_expected);
        answer
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Which sort of problem it is.
    pub fn problem(&self) -> String {
        let problem = self.json();
        let sort = problem["type"]
            .as_str()
            .and_then(|urn| urn.strip_prefix("urn:problem-type:daybook:"));
        sort.expect("a problem of ours").to_owned()
    }

    /// Pointer and code of every fault.
    pub fn faults(&self) -> Vec<(String, String)> {
        let text = |fault: &Value, name: &str| fault[name].as_str().expect("text").to_owned();
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|fault| (text(fault, "pointer"), text(fault, "code")))
            .collect()
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// The answer, if it is a 422 with just these faults.
    #[track_caller]
    pub fn expect_faults(self, faults: &[(&str, &str)]) -> Self {
        let answer = self.expect(422);
        let told = answer.faults();
        let told: Vec<_> = told
            .iter()
            .map(|(pointer, code)| (pointer.as_str(), code.as_str()))
            .collect();
        assert_eq!(told, faults, "{}", String::from_utf8_lossy(&answer.body));
        answer
    }

    /// What must hold for every answer.
    fn check(&self, method: &str, path: &str, bug_expected: bool) {
        assert!(bug_expected || self.status != 500, "{method} {path}: {self:?}");
        assert!(self.header("x-request-id").is_some(), "{self:?}");
        self.check_security(path);
        if let Some(operation) = operation(method, path) {
            self.check_documented(operation, &format!("{method} {path}"), method == "HEAD");
        }
        // A person at a page is told in words.
        let is_page = self.header("content-type") == Some("text/html; charset=utf-8");
        if self.status >= 400 && !self.body.is_empty() && !is_page {
            self.check_problem();
        }
    }

    /// Whether it is as the document says, to the last member of its body.
    fn check_documented(&self, operation: &'static Value, at: &str, is_head: bool) {
        let documented = &operation["responses"][self.status.to_string()];
        assert!(documented.is_object(), "{at} documents no {}", self.status);
        for name in ["retry-after", "set-cookie", "www-authenticate"] {
            let mut known = documented["headers"].as_object().into_iter().flatten();
            let is_known = known.any(|(known, _)| known.eq_ignore_ascii_case(name));
            assert!(is_known || self.header(name).is_none(), "{at} documents no {name}");
        }
        let Some(content) = documented["content"].as_object() else {
            assert_eq!(self.body, b"", "{at}");
            return;
        };
        let media_type = self.header("content-type").unwrap_or_default();
        let schema = content.get(media_type);
        let schema = schema.unwrap_or_else(|| panic!("{at} documents no {media_type}"));
        if media_type.ends_with("json") && !is_head {
            let sound = schema::check(&self.json(), &schema["schema"]);
            sound.unwrap_or_else(|fault| panic!("{at}: {fault}: {}", String::from_utf8_lossy(&self.body)));
        }
    }

    fn check_problem(&self) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        for member in ["type", "title", "detail"] {
            assert!(
                problem[member].as_str().is_some_and(|text| !text.is_empty()),
                "{problem}"
            );
        }
        assert_eq!(self.status == 422, problem["errors"].is_array(), "{problem}");
        assert_eq!(self.status == 401, self.header("www-authenticate").is_some());
        assert_eq!(self.status == 405, self.header("allow").is_some());
        let retry_after = self.header("retry-after").map(|secs| secs.parse().expect("seconds"));
        match self.status {
            429 => assert!(retry_after.is_some_and(|secs: u64| secs > 0), "{self:?}"),
            503 => assert!(retry_after.is_some_and(|secs| (1..=5).contains(&secs)), "{self:?}"),
            _ => assert_eq!(retry_after, None, "{self:?}"),
        }
    }

    fn check_security(&self, path: &str) {
        let policy = self.header("content-security-policy").unwrap_or_default();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(self.header(name), Some(value), "{path}");
        }
        // With none at all, a browser would not say where the forms of a page come from.
        let sends_forms = policy.contains("form-action 'self'");
        let referrer = if sends_forms { "same-origin" } else { "no-referrer" };
        assert_eq!(self.header("referrer-policy"), Some(referrer), "{path}");
        let is_page = path.starts_with("/api/docs/") && self.status == 200;
        assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'none'"));
        assert_eq!(policy.contains("script-src"), is_page, "{path}: {policy}");
        for absent in ["server", "x-powered-by", "access-control-allow-credentials"] {
            assert_eq!(self.header(absent), None, "{path}");
        }
    }
}

/// The operation that a request is for.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fits = |template: &str| {
        let mut parts = template.split('/').zip(path.split('/'));
        let same = |(part, given): (&str, &str)| part == given || part.starts_with('{') && !given.is_empty();
        template.matches('/').count() == path.matches('/').count() && parts.all(same)
    };
    let (_, item) = paths.iter().find(|(template, _)| fits(template))?;
    let method = if method == "HEAD" { "get" } else { method };
    item.get(method.to_ascii_lowercase())
}

/// A connection that waits no longer than a hang takes.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
    stream.set_write_timeout(Some(PATIENCE)).expect("a bound");
    stream
}

/// The answer on a connection that the server closes after it.
pub fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A connection may be reset once the answer is here, where the server did not want the rest of a body.
    let end = stream.read_to_end(&mut bytes);
    parse(&bytes).unwrap_or_else(|| panic!("no answer ({end:?}): {bytes:?}"))
}

/// The answer, as soon as all of it is here by its own word: the server lingers where it did not read the body of the request.
fn read_at_once(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 16_384];
        let read = stream.read(&mut part).unwrap_or(0);
        bytes.extend_from_slice(&part[..read]);
        let answer = parse(&bytes);
        let is_whole = |answer: &Answer| {
            let length = answer.header("content-length").and_then(|length| length.parse().ok());
            length == Some(answer.body.len())
        };
        if read == 0 || answer.as_ref().is_some_and(is_whole) {
            return answer.unwrap_or_else(|| panic!("no answer: {bytes:?}"));
        }
    }
}

/// The answer that these bytes are, or its beginning; `None` before the end of its head.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let head_bytes = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..head_bytes].to_vec()).expect("ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    let cookies = lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    Some(Answer {
        cookies: cookies.map(|(_, cookie)| cookie.to_owned()).collect(),
        status: status.expect("a status"),
        body: bytes[head_bytes + 4..].to_vec(),
        headers,
    })
}

/// The body that was sent in chunks (RFC 9112, section 7.1), which must all be there.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n").expect("a line");
        let size = std::str::from_utf8(&chunks[..line]).expect("ASCII");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[line + 2..line + 2 + size]);
        chunks = &chunks[line + 2 + size + 2..];
    }
}
