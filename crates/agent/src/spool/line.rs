//! One line of the spool's file: a checksum, a space and a JSON value. A torn or damaged line is known by its checksum.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use domain::time::{Span, UnixMs};
use domain::usage::{AppName, Domain};

use crate::watch::Ping;

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
    /// Absent for time without a site, as in every line from before sites were known.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub passive: bool,
    pub start: i64,
    pub end: i64,
}

impl<'a> PingLine<'a> {
    pub(super) fn of(kept: &'a Kept) -> Self {
        Self {
            seq: kept.seq,
            app: Cow::Borrowed(kept.ping.app.as_str()),
            domain: kept.ping.domain.as_ref().map(|domain| Cow::Borrowed(domain.as_str())),
            passive: kept.ping.passive,
            start: kept.ping.span.start().0,
            end: kept.ping.span.end().0,
        }
    }

    /// The ping, when the line holds a valid one.
    pub(super) fn kept(&self) -> Option<Kept> {
        Some(Kept {
            seq: self.seq,
            ping: Ping {
                app: AppName::parse(&self.app).ok()?,
                domain: match self.domain.as_deref() {
                    Some(host) => Domain::of_url(&format!("https://{host}/")).ok()?,
                    None => None,
                },
                passive: self.passive,
                span: Span::new(UnixMs(self.start), UnixMs(self.end))?,
            },
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How many bytes the line of a ping takes, its line break included.
pub(super) fn line_bytes(kept: &Kept) -> usize {
    /// Everything but names and numbers: `01234567 {"ping":{"seq":,"app":"","start":,"end":}}` and the line break.
    const FRAME: usize = 52;
    const SITE: usize = r#","domain":"""#.len();
    const PASSIVE: usize = r#","passive":true"#.len();
    let ping = &kept.ping;
    let app = ping.app.as_str();
    // What else JSON escapes is in no name.
    let escapes = app.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    let site = ping.domain.as_ref().map_or(0, |domain| SITE + domain.as_str().len());
    let passive = if ping.passive { PASSIVE } else { 0 };
    FRAME
        + digits(i128::from(kept.seq))
        + digits(i128::from(ping.span.start().0))
        + digits(i128::from(ping.span.end().0))
        + app.len()
        + escapes
        + site
        + passive
}

fn digits(number: i128) -> usize {
    usize::from(number < 0) + number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1
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
    fn the_length_of_a_line_is_known_without_writing_it() {
        let long = "x".repeat(255);
        for (app, domain, passive, seq, start) in [
            ("A", None, false, 1, 0),
            ("Zoë \"quoted\" \\ app", Some("example.org"), true, 99, -5),
            (&long, None, true, u64::MAX, 1_772_355_600_000),
        ] {
            let kept = Kept {
                seq,
                ping: Ping {
                    app: AppName::parse(app).expect("a name"),
                    domain: domain.map(|name| {
                        Domain::of_url(&format!("https://{name}/"))
                            .expect("a URL")
                            .expect("a site")
                    }),
                    passive,
                    span: Span::new(UnixMs(start), UnixMs(start + 10)).expect("not empty"),
                },
            };
            let mut line = Vec::new();
            Line::Ping(PingLine::of(&kept)).write(&mut line);
            assert_eq!(line_bytes(&kept), line.len(), "{}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn the_checksum_is_the_usual_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn a_ping_from_before_sites_were_known_is_one_without_a_site() {
        let text = br#"{"ping":{"seq":7,"app":"Editor","start":1772355600000,"end":1772355605250}}"#;
        let line = [format!("{:08x} ", crc32(text)).as_bytes(), text].concat();
        let Some(Line::Ping(read)) = Line::read(&line) else {
            panic!("not read");
        };
        let kept = read.kept().expect("a ping");
        let span = Span::new(UnixMs(1_772_355_600_000), UnixMs(1_772_355_605_250)).expect("not empty");
        let app = AppName::parse("Editor").expect("a name");
        assert_eq!(kept.ping, Ping::of_app(app, span));
        // And one without a site is written as it was then, so that an older agent reads it.
        let mut bytes = Vec::new();
        Line::Ping(PingLine::of(&kept)).write(&mut bytes);
        assert_eq!(bytes.strip_suffix(b"\n"), Some(line.as_slice()));
    }

    #[test]
    fn a_site_and_attention_are_read_as_they_were_written() {
        for (host, passive) in [
            (Some("example.org"), true),
            (Some("xn--bcher-kva.example"), false),
            (Some("[::1]"), false),
            (None, true),
        ] {
            let kept = Kept {
                seq: 1,
                ping: Ping {
                    app: AppName::parse("Browser").expect("a name"),
                    domain: host.map(|host| {
                        Domain::of_url(&format!("https://{host}/"))
                            .expect("a URL")
                            .expect("a host")
                    }),
                    passive,
                    span: Span::new(UnixMs(0), UnixMs(1)).expect("not empty"),
                },
            };
            assert_eq!(PingLine::of(&kept).kept(), Some(kept));
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written_and_any_damage_is_seen() {
        let line = Line::Ping(PingLine {
            seq: 7,
            app: "Zoë \"quoted\" \\ app".into(),
            domain: Some("example.org".into()),
            passive: true,
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
