//! The smallest HTTP/1.1 client that measures a server instead of itself: one keep-alive connection, answers with a `Content-Length`.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The most bytes that the head of an answer may have.
const HEAD_MAX: usize = 16 * 1024;
/// The most bytes that the body of an answer may have.
const BODY_MAX: usize = 64 * 1024 * 1024;
/// How much room there is to read into, at least.
const READ_AHEAD: usize = 4 * 1024;

/// A connection that is kept open.
pub struct Connection<S = TcpStream> {
    stream: S,
    received: Vec<u8>,
    /// How much of `received` the answer before took up.
    used: usize,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects to `target`.
    pub async fn open(target: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection over a stream that is open.
    pub fn over(stream: S) -> Self {
        Self {
            stream,
            received: Vec::with_capacity(READ_AHEAD),
            used: 0,
        }
    }

    /// Sends `request`, which is whole, and waits for its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.drain(..self.used);
        self.used = 0;
        let head = loop {
            if let Some(head) = Head::read(&self.received)? {
                break head;
            }
            self.receive().await?;
        };
        let end = head.body_at + head.body_bytes;
        while self.received.len() < end {
            self.receive().await?;
        }
        self.used = end;
        Ok(Answer {
            status: head.status,
            body: &self.received[head.body_at..end],
        })
    }

    async fn receive(&mut self) -> io::Result<()> {
        self.received.reserve(READ_AHEAD);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Whether a body holds these words.
#[must_use]
pub fn holds(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|window| window == words)
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    body_at: usize,
    body_bytes: usize,
}

impl Head {
    /// The head at the start of `received`; `None` when it has not come whole yet.
    fn read(received: &[u8]) -> io::Result<Option<Self>> {
        let Some(length) = received.windows(4).position(|end| end == b"\r\n\r\n") else {
            return if received.len() > HEAD_MAX {
                Err(broken("has a head without an end"))
            } else {
                Ok(None)
            };
        };
        let mut lines = received[..length].split(|byte| *byte == b'\n');
        let status = lines.next().and_then(status).ok_or_else(|| broken("has no status"))?;
        let length_said = lines.find_map(content_length).ok_or_else(|| broken("has no length"))?;
        let body_bytes = std::str::from_utf8(length_said)
            .ok()
            .and_then(|digits| digits.trim().parse().ok())
            .filter(|bytes| *bytes <= BODY_MAX)
            .ok_or_else(|| broken("has a length that cannot be"))?;
        Ok(Some(Self {
            status,
            body_at: length + 4,
            body_bytes,
        }))
    }
}

fn status(line: &[u8]) -> Option<u16> {
    let code = line.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

/// The value of the header, when this line is it.
fn content_length(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    name.eq_ignore_ascii_case(NAME).then_some(value)
}

fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer {why}"))
}
