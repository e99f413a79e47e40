//! What Redis answers to the worker's commands, in our words.

use domain::time::UnixMs;
use domain::usage::Arrival;
use ports::usage::{Backlog, Batch, DeadContent, DeadLetter, Receipt};
use redis::{ErrorKind, RedisError, RedisResult, Value};

use crate::redis::entry;
use crate::redis::keys;

/// An entry that was delivered.
#[derive(Debug, PartialEq)]
pub(super) struct Delivered {
    /// Its id in the stream.
    pub(super) id: String,
    /// What it holds; nothing when it was deleted before it was acknowledged.
    fields: Option<Vec<Vec<u8>>>,
}

/// The entries in the answer to `XREADGROUP` of one stream.
pub(super) fn read(answer: Value) -> RedisResult<Vec<Delivered>> {
    match answer {
        Value::Nil => Ok(Vec::new()),
        streams => {
            let [stream] = array::<1>(streams)?;
            let [_, entries] = array::<2>(stream)?;
            delivered(entries)
        }
    }
}

/// Where `XAUTOCLAIM` goes on, and what it claimed. Since Redis 7 it also names entries that were deleted; those are acknowledged with it.
pub(super) fn claimed(answer: Value) -> RedisResult<(String, Vec<Delivered>)> {
    let [cursor, entries, _] = array::<3>(answer)?;
    Ok((text(cursor)?, delivered(entries)?))
}

/// The counts in the answers to `XLEN` and `XPENDING` of each shard in turn, and last to `XLEN` of the dead letters.
pub(super) fn backlog(mut answers: Vec<Value>) -> RedisResult<Backlog> {
    let dead = answers.pop().map_or_else(|| Err(unexpected()), count)?;
    let mut backlog = Backlog {
        dead,
        ..Backlog::default()
    };
    let mut answers = answers.into_iter();
    while let (Some(entries), Some(pending)) = (answers.next(), answers.next()) {
        backlog.entries += count(entries)?;
        backlog.in_flight += in_flight(pending)?;
    }
    Ok(backlog)
}

/// When the first of the entries was put there that stand at the head of each shard, in the answers to `XRANGE` of each.
pub(super) fn oldest(answers: Vec<Value>) -> RedisResult<Option<UnixMs>> {
    let mut oldest: Option<UnixMs> = None;
    for answer in answers {
        for entry in delivered(answer)? {
            let put_at = keys::put_at(&entry.id).ok_or_else(unexpected)?;
            oldest = Some(oldest.map_or(put_at, |oldest| oldest.min(put_at)));
        }
    }
    Ok(oldest)
}

/// How many arrivals the entries hold, as far as they can be read, and the entries as a batch.
#[derive(Default)]
pub(super) struct Taken {
    ids: Vec<String>,
    arrivals: Vec<Arrival>,
    unreadable: Vec<DeadLetter>,
}

impl Taken {
    /// Adds entries behind those there are.
    pub(super) fn add(&mut self, entries: Vec<Delivered>) {
        for entry in entries {
            match entry.fields.map(content) {
                None => {}
                Some(Content::Arrivals(arrivals)) => self.arrivals.extend(arrivals),
                Some(Content::Unreadable(bytes, reason)) => {
                    tracing::error!(entry = entry.id, reason, "an entry of the queue cannot be read");
                    self.unreadable.push(DeadLetter {
                        content: DeadContent::Unreadable(bytes),
                        reason,
                    });
                }
            }
            self.ids.push(entry.id);
        }
    }

    /// How many entries.
    pub(super) fn entries(&self) -> usize {
        self.ids.len()
    }

    /// How many arrivals.
    pub(super) fn arrivals(&self) -> usize {
        self.arrivals.len()
    }

    /// The batch of a shard; none when there are no entries.
    pub(super) fn into_batch(self, shard: u16) -> Option<Batch> {
        (!self.ids.is_empty()).then_some(Batch {
            arrivals: self.arrivals,
            unreadable: self.unreadable,
            receipt: Receipt {
                shard,
                entries: self.ids,
            },
        })
    }
}

enum Content {
    Arrivals(Vec<Arrival>),
    /// The bytes, and why nobody can read them.
    Unreadable(Vec<u8>, String),
}

fn content(mut fields: Vec<Vec<u8>>) -> Content {
    if fields.len() != 2 || fields[0] != keys::ARRIVALS.as_bytes() {
        let why = format!("the entry is not one field named {}", keys::ARRIVALS);
        return Content::Unreadable(fields.join(&b' '), why);
    }
    let bytes = fields.swap_remove(1);
    match entry::read(&bytes) {
        Ok(arrivals) => Content::Arrivals(arrivals),
        Err(error) => Content::Unreadable(bytes, error.to_string()),
    }
}

fn delivered(entries: Value) -> RedisResult<Vec<Delivered>> {
    let Value::Array(entries) = entries else {
        return Err(unexpected());
    };
    let entry = |entry: Value| {
        let [id, fields] = array::<2>(entry)?;
        let fields = match fields {
            Value::Nil => None,
            Value::Array(fields) => Some(fields.into_iter().map(bytes).collect::<RedisResult<_>>()?),
            _ => return Err(unexpected()),
        };
        Ok(Delivered { id: text(id)?, fields })
    };
    entries.into_iter().map(entry).collect()
}

fn in_flight(pending: Value) -> RedisResult<u64> {
    match pending {
        Value::ServerError(error) if error.code() == "NOGROUP" => Ok(0),
        Value::ServerError(error) => Err(error.into()),
        summary => array::<4>(summary).and_then(|[total, ..]| count(total)),
    }
}

fn count(value: Value) -> RedisResult<u64> {
    match value {
        Value::Int(count) => u64::try_from(count).map_err(|_| unexpected()),
        Value::ServerError(error) => Err(error.into()),
        _ => Err(unexpected()),
    }
}

fn text(value: Value) -> RedisResult<String> {
    String::from_utf8(bytes(value)?).map_err(|_| unexpected())
}

fn bytes(value: Value) -> RedisResult<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(unexpected()),
    }
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
        "an answer does not have the shape of its command's",
    )
        .into()
}
