//! The little of Postgres' protocol that is needed to see whether a cluster answers and to make its database.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long the server may take to take a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long it may take for a statement; creating a database copies files.
const STATEMENT_MAX: Duration = Duration::from_mins(1);
/// Longer messages do not occur in these few exchanges.
const MESSAGE_MAX: usize = 64 * 1024;
/// Version 3.0 of the protocol.
const PROTOCOL: i32 = 3 << 16;

/// A connection to the server, ready for statements.
pub(super) struct Session {
    stream: UnixStream,
}

/// Why there is no session, or no result.
#[derive(Debug)]
pub(super) enum SessionError {
    /// The server is not there, or broke off.
    Io(io::Error),
    /// The server said no.
    Refused {
        /// The code of the error.
        sqlstate: String,
        /// Its text.
        message: String,
    },
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Session {
    /// Connects to `socket`; the server must trust whoever can reach it.
    pub(super) fn open(socket: &Path, user: &str, database: &str) -> Result<Self, SessionError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(CONNECT_MAX))?;
        stream.set_write_timeout(Some(CONNECT_MAX))?;
        let mut session = Self { stream };
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, "application_name", "supervisor", ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        session.send(&[], &body)?;
        session.answer()?;
        session.stream.set_read_timeout(Some(STATEMENT_MAX))?;
        Ok(session)
    }

    /// Runs one statement and counts the rows it returns.
    pub(super) fn execute(&mut self, statement: &str) -> Result<usize, SessionError> {
        let mut body = statement.as_bytes().to_vec();
        body.push(0);
        self.send(b"Q", &body)?;
        self.answer()
    }

    fn send(&mut self, kind: &[u8], body: &[u8]) -> io::Result<()> {
        let length = i32::try_from(body.len() + 4).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let message = [kind, &length.to_be_bytes(), body].concat();
        self.stream.write_all(&message)
    }

    /// Reads until the server waits for the next statement.
    fn answer(&mut self) -> Result<usize, SessionError> {
        let mut rows = 0;
        let mut refusal = None;
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'D' => rows += 1,
                b'E' => refusal = Some(refused(&body)),
                // Any demand but "you are in" would be for a password.
                b'R' if body != [0; 4] => return Err(io::Error::other("Postgres asks for a password").into()),
                b'Z' => return refusal.map_or(Ok(rows), Err),
                _ => {}
            }
            // While connecting, nothing follows a refusal but the end of the connection.
            if let Some(fatal) = refusal.take_if(|_| is_fatal(kind, &body)) {
                return Err(fatal);
            }
        }
    }

    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(i32::from_be_bytes(length))
            .ok()
            .and_then(|length| length.checked_sub(4));
        let length = length
            .filter(|&length| length <= MESSAGE_MAX)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a message of an impossible length"))?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

fn refused(body: &[u8]) -> SessionError {
    SessionError::Refused {
        sqlstate: field(body, b'C'),
        message: field(body, b'M'),
    }
}

fn is_fatal(kind: u8, body: &[u8]) -> bool {
    kind == b'E' && matches!(field(body, b'V').as_str(), "FATAL" | "PANIC")
}

/// One field of an error: a letter, a text, a zero.
fn field(body: &[u8], letter: u8) -> String {
    body.split(|&byte| byte == 0)
        .find_map(|field| field.strip_prefix(&[letter]))
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{field, is_fatal};

    const STARTING: &[u8] = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";

    #[test]
    fn an_error_is_taken_apart() {
        assert_eq!(field(STARTING, b'C'), "57P03");
        assert_eq!(field(STARTING, b'M'), "the database system is starting up");
        assert_eq!(field(STARTING, b'X'), "");
        assert!(is_fatal(b'E', STARTING));
        assert!(!is_fatal(b'N', STARTING));
    }
}
