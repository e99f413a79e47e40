//! One line of the spool's file: a checksum, a space and a JSON value. A torn or damaged line is known by its checksum.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use domain::time::{Span, UnixMs};
use domain::usage::AppName;

use super::Kept;

/// Everything that a line can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// What was true when the file was last rewritten. Its first line.
    Head(Head<'a>),
    /// A ping and its number.
    #[serde(borrow)]
    Ping(PingLine<'a>),
    /// The server took a request.
    Answered {
        /// When, in Unix milliseconds.
        at: i64,
        /// Through which number everything is merged; 0 for nothing.
        merged: u64,
    },
    /// The server will never take this ping.
    Refused { seq: u64 },
    /// The spool was full: the oldest pings went.
    Dropped { through: u64 },
    /// Whose pings these are.
    Owner {
        #[serde(borrow)]
        email: Cow<'a, str>,
    },
}

/// The first line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Head<'a> {
    /// The number of the next ping, when none follows.
    pub next: u64,
    /// Through which number everything is merged.
    pub merged: u64,
    /// Whether a server has ever answered to these numbers.
    pub agreed: bool,
    pub dropped: u64,
    pub refused: u64,
    pub answered_at: Option<i64>,
    #[serde(borrow)]
    pub owner: Option<Cow<'a, str>>,
}

/// A ping; times in Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PingLine<'a> {
    pub seq: u64,
    #[serde(borrow)]
    pub app: Cow<'a, str>,
    pub start: i64,
    pub end: i64,
}

impl<'a> PingLine<'a> {
    pub(super) fn of(kept: &'a Kept) -> Self {
        Self {
            seq: kept.seq,
            app: Cow::Borrowed(kept.app.as_str()),
            start: kept.span.start().0,
            end: kept.span.end().0,
        }
    }

    /// The ping, when the line holds a valid one.
    pub(super) fn kept(&self) -> Option<Kept> {
        Some(Kept {
            seq: self.seq,
            app: AppName::parse(&self.app).ok()?,
            span: Span::new(UnixMs(self.start), UnixMs(self.end))?,
        })
    }
}

impl<'a> Line<'a> {
    /// Appends the line to `to`, with its line break.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        let json = serde_json::to_vec(self).expect("strings and numbers have a JSON form");
        to.extend_from_slice(format!("{:08x} ", crc32(&json)).as_bytes());
        to.extend_from_slice(&json);
        to.push(b'\n');
    }

    /// The line without its line break; `None` if it is damaged or unknown.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let (sum, json) = line.split_at_checked(9)?;
        let sum = str::from_utf8(sum).ok()?.strip_suffix(' ')?;
        if u32::from_str_radix(sum, 16).ok()? != crc32(json) {
            return None;
        }
        serde_json::from_slice(json).ok()
    }
}

/// CRC-32 as in Ethernet and zip (IEEE 802.3, reflected 0xEDB88320).
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = crc32_table();
    let index = |sum: u32, byte: u8| usize::from(sum.to_le_bytes()[0] ^ byte);
    !bytes.iter().fold(!0, |sum, byte| (sum >> 8) ^ TABLE[index(sum, *byte)])
}

const fn crc32_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    let mut start: u32 = 0;
    while index < 256 {
        let mut sum = start;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 {
                (sum >> 1) ^ 0xEDB8_8320
            } else {
                sum >> 1
            };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
        start += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_line_is_read_as_it_was_written_and_any_damage_is_seen() {
        let line = Line::Ping(PingLine {
            seq: 7,
            app: "Zoë \"quoted\" \\ app".into(),
            start: 1_772_355_600_000,
            end: 1_772_355_605_250,
        });
        let mut bytes = Vec::new();
        line.write(&mut bytes);
        assert_eq!(bytes.pop(), Some(b'\n'));
        assert!(!bytes.contains(&b'\n'));
        assert_eq!(Line::read(&bytes), Some(line));
        for at in 0..bytes.len() {
            assert_eq!(Line::read(&bytes[..at]), None, "torn at {at}");
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert_eq!(Line::read(&damaged), None, "damaged at {at}");
        }
    }
}
