//! An entry of the stream of announcements: the bytes of its changes. It is read by every version of the program that runs at the same time.

use domain::accounts::{SessionId, UserId};
use ports::accounts::StandingChange;
use redis::{ErrorKind, RedisError, RedisResult, Value, from_redis_value};
use uuid::Uuid;

use crate::redis::keys;

/// How many bytes an id has.
const ID_BYTES: usize = 16;
/// How many bytes an id and a precedence have.
const PRECEDENCE_BYTES: usize = ID_BYTES + 4;
/// How many bytes an id and a version have.
const RULES_BYTES: usize = ID_BYTES + 8;

/// An entry to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) field: &'static str,
    pub(super) value: Vec<u8>,
}

/// An entry that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    /// Names and values in turn.
    pub(super) fields: Vec<Vec<u8>>,
}

/// The entries of `changes`, in their order: one for each run of the same sort.
pub(super) fn written(changes: &[StandingChange]) -> Vec<Written> {
    let mut entries: Vec<Written> = Vec::new();
    for change in changes {
        let (field, id) = match change {
            StandingChange::Ended(session) => (keys::ENDED, session.0),
            StandingChange::Precedence { session, .. } => (keys::PRECEDENCE, session.0),
            StandingChange::Rules { user, .. } => (keys::RULES, user.0),
        };
        if entries.last().is_none_or(|entry| entry.field != field) {
            entries.push(Written {
                field,
                value: Vec::new(),
            });
        }
        if let Some(entry) = entries.last_mut() {
            entry.value.extend(id.as_bytes());
            match change {
                StandingChange::Ended(_) => {}
                StandingChange::Precedence { precedence, .. } => entry.value.extend(precedence.to_be_bytes()),
                StandingChange::Rules { version, .. } => entry.value.extend(version.to_be_bytes()),
            }
        }
    }
    entries
}

/// The changes of an entry; nothing when any of it cannot be read.
pub(super) fn changes(fields: &[Vec<u8>]) -> Option<Vec<StandingChange>> {
    let mut changes = Vec::new();
    let (pairs, rest) = fields.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return None;
    }
    for [field, value] in pairs {
        if field == keys::ENDED.as_bytes() {
            let (sessions, []) = value.as_chunks::<ID_BYTES>() else {
                return None;
            };
            changes.extend(sessions.iter().map(|id| StandingChange::Ended(session(*id))));
        } else if field == keys::PRECEDENCE.as_bytes() {
            let (precedences, []) = value.as_chunks::<PRECEDENCE_BYTES>() else {
                return None;
            };
            for bytes in precedences {
                let (id, precedence) = bytes.split_first_chunk::<ID_BYTES>()?;
                changes.push(StandingChange::Precedence {
                    session: session(*id),
                    precedence: i32::from_be_bytes(precedence.try_into().ok()?),
                });
            }
        } else if field == keys::RULES.as_bytes() {
            let (rules, []) = value.as_chunks::<RULES_BYTES>() else {
                return None;
            };
            for bytes in rules {
                let (id, version) = bytes.split_first_chunk::<ID_BYTES>()?;
                changes.push(StandingChange::Rules {
                    user: UserId(Uuid::from_bytes(*id)),
                    version: u64::from_be_bytes(version.try_into().ok()?),
                });
            }
        } else {
            return None;
        }
    }
    Some(changes)
}

/// The entries in the answer to `XREAD` of one stream.
pub(super) fn read(answer: Value) -> RedisResult<Vec<Entry>> {
    if answer == Value::Nil {
        return Ok(Vec::new());
    }
    let [stream] = array(answer)?;
    let [_, entries] = array(stream)?;
    let Value::Array(entries) = entries else {
        return Err(unexpected());
    };
    let entry = |entry| {
        let [id, fields] = array(entry)?;
        Ok(Entry {
            id: from_redis_value(id)?,
            fields: from_redis_value(fields)?,
        })
    };
    entries.into_iter().map(entry).collect()
}

fn session(id: [u8; ID_BYTES]) -> SessionId {
    SessionId(Uuid::from_bytes(id))
}

fn array<const N: usize>(value: Value) -> RedisResult<[Value; N]> {
    match value {
        Value::Array(values) => values.try_into().map_err(|_| unexpected()),
        _ => Err(unexpected()),
    }
}

fn unexpected() -> RedisError {
    (
        ErrorKind::UnexpectedReturnType,
        "Redis answered in a form that is not known",
    )
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(id: u128) -> StandingChange {
        StandingChange::Ended(SessionId(Uuid::from_u128(id)))
    }

    fn precedence(id: u128, precedence: i32) -> StandingChange {
        StandingChange::Precedence {
            session: SessionId(Uuid::from_u128(id)),
            precedence,
        }
    }

    fn rules(id: u128, version: u64) -> StandingChange {
        StandingChange::Rules {
            user: UserId(Uuid::from_u128(id)),
            version,
        }
    }

    fn fields(entry: Written) -> Vec<Vec<u8>> {
        vec![entry.field.as_bytes().to_vec(), entry.value]
    }

    #[test]
    fn changes_are_read_as_they_were_written_and_in_order() {
        let told = [
            ended(1),
            ended(u128::MAX),
            precedence(2, -3),
            precedence(2, i32::MAX),
            ended(2),
            rules(2, 1),
            rules(u128::MAX, u64::MAX),
        ];
        let entries = written(&told);
        assert_eq!(entries.len(), 4);
        let read: Option<Vec<_>> = entries.into_iter().map(|entry| changes(&fields(entry))).collect();
        assert_eq!(read.expect("readable").concat(), told);
        assert_eq!(written(&[]), []);
    }

    #[test]
    fn the_bytes_stay_as_they_are() {
        let entries = written(&[ended(0x0102), precedence(3, 4), rules(5, 6)]);
        let bytes = entries.iter().map(|entry| (entry.field, entry.value.as_slice()));
        let expected: [(&str, &[u8]); 3] = [
            ("ended", &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]),
            (
                "precedence",
                &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4],
            ),
            (
                "rules",
                &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6],
            ),
        ];
        assert!(bytes.eq(expected), "{entries:?}");
    }

    #[test]
    fn what_is_not_known_to_the_last_byte_is_not_read() {
        let entry = |parts: &[&[u8]]| parts.iter().map(|part| part.to_vec()).collect::<Vec<_>>();
        for unreadable in [
            entry(&[]),
            entry(&[b"ended"]),
            entry(&[b"ended", &[0; 15]]),
            entry(&[b"ended", &[0; 17]]),
            entry(&[b"precedence", &[0; 16]]),
            entry(&[b"rules", &[0; 20]]),
            entry(&[b"user", &[0; 16]]),
            entry(&[b"ended", &[0; 16], b"user", &[0; 16]]),
        ] {
            assert_eq!(changes(&unreadable), None, "{unreadable:?}");
        }
        assert_eq!(
            changes(&entry(&[b"ended", &[0; 32]])).map(|changes| changes.len()),
            Some(2)
        );
    }
}
