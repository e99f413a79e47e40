//! A client that speaks HTTP to the letter, and checks on every answer what must hold for all of them.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

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
    pub body: Vec<u8>,
}

pub fn document() -> &'static Value {
    &DOCUMENT
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
        let answer = read(&mut stream);
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
        let method = if method == "HEAD" { "get" } else { method };
        let operation = &DOCUMENT["paths"][path][method.to_ascii_lowercase()];
        if operation.is_object() {
            let documented = &operation["responses"][self.status.to_string()];
            assert!(documented.is_object(), "{method} {path} documents no {}", self.status);
        }
        if self.status >= 400 && !self.body.is_empty() {
            self.check_problem();
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
        assert_eq!(
            self.status == 503,
            retry_after.is_some_and(|secs: u8| (1..=5).contains(&secs))
        );
    }
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
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let head_bytes = head.unwrap_or_else(|| panic!("no answer ({end:?}): {bytes:?}"));
    let head = String::from_utf8(bytes[..head_bytes].to_vec()).expect("ASCII");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.expect("a status"),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: bytes[head_bytes + 4..].to_vec(),
    }
}
