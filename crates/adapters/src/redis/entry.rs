//! The bytes of a queue entry: arrivals of any devices, compact, with a version in front. Reading them never trusts them.
//!
//! ```text
//! entry   = version:u8 arrivals:varint? group*
//! group   = user:16 device:16 count:varint arrival{count}
//! arrival = flags:u8 (claim? seq:varint? | beat)
//! claim   = precedence:zigzag start_ms:zigzag length_ms:varint app_name:text domain:text?
//! beat    = precedence:zigzag at_ms:zigzag patience_ms:varint app_name:text domain:text? kind:varint parts:varint text*
//! text    = bytes:varint utf8{bytes}
//! ```
//!
//! Version 2 knows beats, and is written only for entries that hold some: pings go on as before. Integers are LEB128. Bytes of one version are for ever: what changes gets the next number, and workers learn to read it before the door writes it. Right
//! behind every version but the first stands how many arrivals the entry holds, as a varint: so who cannot read it can still count it.

mod heartbeat;

use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{AppName, Arrival, Attention, Claim, Domain, Holder, Label, Rank, Segment, Seq};
use uuid::Uuid;

/// The most arrivals in an entry. With it, a number of entries bounds a batch.
pub(super) const ARRIVALS_MAX: usize = 256;
/// How many arrivals an entry may say that it holds.
const COUNTS: std::ops::RangeInclusive<u64> = 1..=ARRIVALS_MAX as u64;
/// The first byte of an entry without heartbeats.
const FIRST: u8 = 1;
/// The first byte of an entry with heartbeats.
const WITH_BEATS: u8 = 2;

/// The most bytes an application's name may have: four for each character.
const APP_NAME_BYTES_MAX: usize = 4 * AppName::CHARS_MAX;

const REFUSED: u8 = 1;
const ACTIVE: u8 = 1 << 1;
const WITH_DOMAIN: u8 = 1 << 2;
const NUMBERED: u8 = 1 << 3;
const HEARTBEAT: u8 = 1 << 4;

/// Groups of arrivals, to be put behind each other in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The version that an entry needs to hold them.
    pub(super) version: u8,
    /// How many arrivals.
    pub(super) arrivals: usize,
    /// Their groups.
    pub(super) bytes: Vec<u8>,
}

impl Piece {
    /// Puts another piece behind this one, unless that would be too much for an entry or need another version; then it is given back.
    pub(super) fn append(&mut self, piece: Piece) -> Option<Piece> {
        if piece.version != self.version || self.arrivals + piece.arrivals > ARRIVALS_MAX {
            return Some(piece);
        }
        self.arrivals += piece.arrivals;
        self.bytes.extend(piece.bytes);
        None
    }

    /// The entry that holds it.
    pub(super) fn entry(&self) -> Vec<u8> {
        let mut entry = Vec::with_capacity(3 + self.bytes.len());
        entry.push(self.version);
        if self.version > FIRST {
            write_varint(&mut entry, self.arrivals as u64);
        }
        entry.extend(&self.bytes);
        entry
    }
}

/// The arrivals in pieces, none of which is too much for one entry.
pub(super) fn pieces(arrivals: &[Arrival]) -> Vec<Piece> {
    arrivals.chunks(ARRIVALS_MAX).map(piece).collect()
}

/// An entry that holds one arrival.
pub(super) fn alone(arrival: &Arrival) -> Vec<u8> {
    piece(std::slice::from_ref(arrival)).entry()
}

/// The arrivals of an entry, in order.
pub(super) fn read(entry: &[u8]) -> Result<Vec<Arrival>, Unreadable> {
    let mut reader = Reader {
        rest: entry,
        version: FIRST,
    };
    reader.version = match reader.byte() {
        Some(version @ (FIRST | WITH_BEATS)) => version,
        Some(version) => return Err(Unreadable::Version(version)),
        None => return Err(Unreadable::Empty),
    };
    let mut arrivals = Vec::new();
    match reader.groups(&mut arrivals) {
        Some(()) => Ok(arrivals),
        None => Err(Unreadable::Malformed {
            at: entry.len() - reader.rest.len(),
        }),
    }
}

/// How many arrivals an entry counts as in the books that nobody here can read: what a version after the first says of itself; of anything else nobody can tell, and it is
/// one. The same whenever it is asked of the same bytes.
pub(super) fn unreadable_arrivals(entry: &[u8]) -> u64 {
    let mut reader = Reader {
        rest: entry,
        version: FIRST,
    };
    let said = match reader.byte() {
        // What begins with a letter is text, and no entry.
        Some(version) if version > FIRST && version.is_ascii_control() => reader.varint(),
        _ => None,
    };
    said.filter(|count| COUNTS.contains(count)).unwrap_or(1)
}

/// Why nobody can read an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// Nothing is there.
    #[error("the entry is empty")]
    Empty,
    /// Somebody newer wrote it, or it is none of ours.
    #[error("the entry has version {0}, which is not known here")]
    Version(u8),
    /// It breaks off, or a value cannot be.
    #[error("the entry is malformed before byte {at}")]
    Malformed {
        /// How far it was read.
        at: usize,
    },
}

fn owner(arrival: &Arrival) -> (UserId, DeviceId) {
    match arrival {
        Arrival::Claim { claim, .. } => (claim.user, claim.segment.holder.rank.device),
        Arrival::Heartbeat { heartbeat } => (heartbeat.user, heartbeat.beat.device),
        Arrival::Refused { user, device, .. } => (*user, *device),
    }
}

fn piece(arrivals: &[Arrival]) -> Piece {
    let mut bytes = Vec::with_capacity(32 + 48 * arrivals.len());
    for group in arrivals.chunk_by(|one, next| owner(one) == owner(next)) {
        let (user, device) = owner(&group[0]);
        bytes.extend(user.0.as_bytes());
        bytes.extend(device.0.as_bytes());
        write_varint(&mut bytes, group.len() as u64);
        for arrival in group {
            write_arrival(&mut bytes, arrival);
        }
    }
    let has_beats = arrivals
        .iter()
        .any(|arrival| matches!(arrival, Arrival::Heartbeat { .. }));
    Piece {
        version: if has_beats { WITH_BEATS } else { FIRST },
        arrivals: arrivals.len(),
        bytes,
    }
}

fn write_arrival(bytes: &mut Vec<u8>, arrival: &Arrival) {
    match arrival {
        Arrival::Heartbeat { heartbeat } => heartbeat::write(bytes, heartbeat),
        Arrival::Refused { seq, .. } => {
            bytes.push(REFUSED | NUMBERED);
            write_varint(bytes, seq.get());
        }
        Arrival::Claim { claim, seq } => {
            let Segment { span, holder } = &claim.segment;
            let domain = holder.label.domain.as_ref();
            bytes.push(
                flag(holder.rank.attention == Attention::Active, ACTIVE)
                    | flag(domain.is_some(), WITH_DOMAIN)
                    | flag(seq.is_some(), NUMBERED),
            );
            write_zigzag(bytes, i64::from(holder.rank.precedence));
            write_zigzag(bytes, span.start().0);
            // Modulo 2^64, so that no span is too long; it is read back the same way.
            write_varint(bytes, span.end().0.wrapping_sub(span.start().0).cast_unsigned());
            write_text(bytes, holder.label.app_name.as_str());
            if let Some(domain) = domain {
                write_text(bytes, domain.as_str());
            }
            if let Some(seq) = seq {
                write_varint(bytes, seq.get());
            }
        }
    }
}

fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_varint(bytes, text.len() as u64);
    bytes.extend(text.as_bytes());
}

fn write_zigzag(bytes: &mut Vec<u8>, number: i64) {
    write_varint(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn write_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while let low @ 0x80.. = number {
        bytes.push(low.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// What is left of an entry. `None` from any of its methods means that the entry is malformed.
struct Reader<'a> {
    rest: &'a [u8],
    version: u8,
}

impl<'a> Reader<'a> {
    /// What stands behind the version.
    fn groups(&mut self, arrivals: &mut Vec<Arrival>) -> Option<()> {
        let said = match self.version {
            FIRST => None,
            // Of any other count nobody who cannot read the entry would believe it.
            _ => Some(self.varint().filter(|said| COUNTS.contains(said))?),
        };
        while !self.rest.is_empty() {
            self.group(arrivals)?;
        }
        let counted = arrivals.len() as u64;
        said.is_none_or(|said| said == counted).then_some(())
    }

    fn group(&mut self, arrivals: &mut Vec<Arrival>) -> Option<()> {
        let user = UserId(self.id()?);
        let device = DeviceId(self.id()?);
        for _ in 0..self.varint()? {
            arrivals.push(self.arrival(user, device)?);
        }
        Some(())
    }

    fn arrival(&mut self, user: UserId, device: DeviceId) -> Option<Arrival> {
        let flags = self.byte()?;
        if flags == REFUSED | NUMBERED {
            let seq = self.seq()?;
            return Some(Arrival::Refused { user, device, seq });
        }
        if flags & HEARTBEAT != 0 && self.version >= WITH_BEATS {
            let heartbeat = self.heartbeat(user, device, flags)?;
            return Some(Arrival::Heartbeat { heartbeat });
        }
        if flags & !(ACTIVE | WITH_DOMAIN | NUMBERED) != 0 {
            return None;
        }
        let precedence = i32::try_from(self.zigzag()?).ok()?;
        let start = self.zigzag()?;
        let end = start.wrapping_add_unsigned(self.varint()?);
        let span = Span::new(UnixMs(start), UnixMs(end))?;
        let app_name = self.text(APP_NAME_BYTES_MAX)?;
        let domain = match flags & WITH_DOMAIN {
            0 => None,
            _ => Some(self.text(Domain::BYTES_MAX)?),
        };
        let attention = match flags & ACTIVE {
            0 => Attention::Passive,
            _ => Attention::Active,
        };
        let seq = match flags & NUMBERED {
            0 => None,
            _ => Some(self.seq()?),
        };
        let rank = Rank {
            attention,
            precedence,
            device,
            beat: None,
        };
        let label = Label::trusted(app_name, domain);
        let segment = Segment {
            span,
            holder: Holder { rank, label },
        };
        Some(Arrival::Claim {
            claim: Claim { user, segment },
            seq,
        })
    }

    fn seq(&mut self) -> Option<Seq> {
        Seq::new(self.varint()?).ok()
    }

    fn id(&mut self) -> Option<Uuid> {
        self.bytes(16)?.try_into().ok().map(Uuid::from_bytes)
    }

    fn text(&mut self, bytes_max: usize) -> Option<&'a str> {
        let length = usize::try_from(self.varint()?).ok()?;
        if length > bytes_max {
            return None;
        }
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && low > 1 {
                return None;
            }
            number |= low << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
