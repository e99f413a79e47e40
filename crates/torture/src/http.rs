//! The smallest HTTP/1.1 client that a tracker needs: one keep-alive connection to one node, and an end to every wait.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use testkit::runs::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The most bytes that the head of an answer may have.
const HEAD_MAX: usize = 16 * 1024;
/// The most bytes that the body of an answer may have.
const BODY_MAX: usize = 256 * 1024 * 1024;
/// How much room there is to read into, at least.
const READ_AHEAD: usize = 8 * 1024;

/// One node, and the connection to it that is kept open.
#[derive(Debug)]
pub struct Node {
    authority: String,
    path: String,
    stream: Option<TcpStream>,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'static str,
    /// The path and query.
    pub path: &'a str,
    /// The access token.
    pub token: Option<&'a str>,
    /// Another header, whole and without its end.
    pub header: Option<&'a str>,
    /// JSON.
    pub body: Option<&'a str>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// How long its `Retry-After` says to wait.
    pub retry_after: Option<Duration>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer: the request may have been done, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut(String);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'a> Ask<'a> {
    /// A question without a token.
    #[must_use]
    pub fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            token: None,
            header: None,
            body: None,
        }
    }

    /// JSON to be taken.
    #[must_use]
    pub fn post(path: &'a str, body: &'a str) -> Self {
        Self {
            method: "POST",
            body: Some(body),
            ..Self::get(path)
        }
    }

    /// The same, by whoever has this token.
    #[must_use]
    pub fn by(self, token: &'a str) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    fn bytes(&self, authority: &str) -> Vec<u8> {
        let body = self.body.unwrap_or_default();
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {authority}\r\n", self.method, self.path);
        let mut header = |name: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        };
        if let Some(token) = self.token {
            header("Authorization", &format!("Bearer {token}"));
        }
        if self.body.is_some() {
            header("Content-Type", "application/json");
            header("Content-Length", &body.len().to_string());
        }
        if let Some(line) = self.header {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        head.push_str(body);
        head.into_bytes()
    }
}

impl Answer {
    /// Its body as text, as far as it is.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Its body as JSON.
    pub fn json(&self) -> Result<serde_json::Value, Failure> {
        serde_json::from_slice(&self.body).map_err(Failure::because("read an answer as JSON"))
    }
}

impl Node {
    /// The node at a URL such as `http://127.0.0.1:40001`; a path in it goes before that of every request.
    pub fn at(url: &str) -> Result<Self, Failure> {
        let rest = url.strip_prefix("http://");
        let (authority, path) = rest
            .map(|rest| rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash)))
            .filter(|(authority, _)| authority.contains(':'))
            .ok_or_else(|| Failure::new(format!("{url:?} is no URL of a node, which is http://HOST:PORT")))?;
        Ok(Self {
            authority: authority.to_owned(),
            path: path.to_owned(),
            stream: None,
        })
    }

    /// Asks, and waits for the answer for no longer than `wait_max`. Where there is none, nothing of the connection is left.
    pub async fn ask(&mut self, ask: &Ask<'_>, wait_max: Duration) -> Result<Answer, Cut> {
        match timeout(wait_max, self.exchange(ask)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                self.stream = None;
                Err(Cut(error.to_string()))
            }
            Err(_) => {
                self.stream = None;
                Err(Cut(format!("no answer within {} ms", wait_max.as_millis())))
            }
        }
    }

    async fn exchange(&mut self, ask: &Ask<'_>) -> std::io::Result<Answer> {
        // Taken, so that a connection whose exchange is given up is closed.
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(&self.authority).await?;
            stream.set_nodelay(true)?;
            stream
        };
        let path = format!("{}{}", self.path, ask.path);
        let ask = Ask { path: &path, ..*ask };
        stream.write_all(&ask.bytes(&self.authority)).await?;
        let mut received = Vec::with_capacity(READ_AHEAD);
        let head = loop {
            if let Some(head) = Head::read(&received)? {
                break head;
            }
            receive(&mut stream, &mut received).await?;
        };
        let end = head.body_at + head.body_bytes;
        while received.len() < end {
            receive(&mut stream, &mut received).await?;
        }
        if !head.closes && received.len() == end {
            self.stream = Some(stream);
        }
        Ok(Answer {
            status: head.status,
            retry_after: head.retry_after,
            body: received[head.body_at..end].to_vec(),
        })
    }
}

async fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> std::io::Result<()> {
    received.reserve(READ_AHEAD);
    match stream.read_buf(received).await? {
        0 => Err(std::io::Error::new(
            std::io::ErrorKind::UnexpectedEof,
            "the connection ended before the answer",
        )),
        _ => Ok(()),
    }
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    retry_after: Option<Duration>,
    closes: bool,
    body_at: usize,
    body_bytes: usize,
}

impl Head {
    /// The head at the start of `received`; `None` when it has not come whole yet.
    fn read(received: &[u8]) -> std::io::Result<Option<Self>> {
        let Some(length) = received.windows(4).position(|end| end == b"\r\n\r\n") else {
            return if received.len() > HEAD_MAX {
                Err(broken("has a head without an end"))
            } else {
                Ok(None)
            };
        };
        let text = std::str::from_utf8(&received[..length]).map_err(|_| broken("has a head that is no text"))?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
            .ok_or_else(|| broken("has no status"))?;
        let mut head = Self {
            status,
            retry_after: None,
            closes: false,
            body_at: length + 4,
            body_bytes: 0,
        };
        let mut has_length = false;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    let bytes = value.parse().ok().filter(|bytes| *bytes <= BODY_MAX);
                    head.body_bytes = bytes.ok_or_else(|| broken("has a length that cannot be"))?;
                    has_length = true;
                }
                "retry-after" => head.retry_after = value.parse().ok().map(Duration::from_secs),
                "connection" => head.closes = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        // 204 and 304 have no body and say no length.
        if !has_length && !matches!(status, 204 | 304) {
            return Err(broken("has no length"));
        }
        Ok(Some(head))
    }
}

fn broken(why: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, format!("the answer {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole =
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nretry-after: 3\r\nConnection: close\r\n\r\n{}";
        let head = Head {
            status: 503,
            retry_after: Some(Duration::from_secs(3)),
            closes: true,
            body_at: whole.len() - 2,
            body_bytes: 2,
        };
        assert_eq!(Head::read(whole).expect("sound"), Some(head));
        assert_eq!(Head::read(&whole[..40]).expect("not whole yet"), None);
    }

    #[test]
    fn what_is_no_answer_is_told() {
        for (bytes, why) in [
            (&b"SSH-2.0\r\n\r\n"[..], "the answer has no status"),
            (b"HTTP/1.1 200 OK\r\n\r\n", "the answer has no length"),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
                "the answer has a length that cannot be",
            ),
        ] {
            assert_eq!(Head::read(bytes).expect_err(why).to_string(), why);
        }
        assert!(Head::read(&vec![b'x'; HEAD_MAX + 1]).is_err());
        assert_eq!(Head::read(&vec![b'x'; HEAD_MAX]).expect("may still end"), None);
    }

    #[test]
    fn a_node_is_an_authority_and_may_have_a_path() {
        let node = Node::at("http://127.0.0.1:9/metrics").expect("a node");
        assert_eq!(
            (node.authority.as_str(), node.path.as_str()),
            ("127.0.0.1:9", "/metrics")
        );
        assert!(Node::at("127.0.0.1:9").is_err() && Node::at("http://localhost").is_err());
    }
}
