//! What Redis answers to the worker's commands, in our words.

use domain::time::UnixMs;
use domain::usage::{Arrival, Lane};
use ports::usage::{Backlog, Batch, Dead, DeadContent, DeadLetter, Entry, Receipt};
use redis::{ErrorKind, RedisError, RedisResult, Value};

use crate::redis::entry;
use crate::redis::keys;

/// The most entries in a batch, when they hold little each.
pub(super) const ENTRIES_MAX: usize = 1_024;

/// An entry that was delivered.
#[derive(Debug, PartialEq)]
pub(super) struct Delivered {
    /// Its id in the stream.
    pub(super) id: String,
    /// What it holds; nothing when it was deleted before it was acknowledged.
    fields: Option<Vec<Vec<u8>>>,
}

impl Delivered {
    /// How many arrivals it holds, as far as they can be read.
    fn arrivals(&self) -> usize {
        match self.fields.as_deref() {
            Some([_, bytes]) => entry::read(bytes).map_or(0, |arrivals| arrivals.len()),
            _ => 0,
        }
    }
}

/// The entries in the answer to `XREADGROUP`, by their streams.
pub(super) fn read(answer: Value) -> RedisResult<Vec<(String, Vec<Delivered>)>> {
    let Value::Array(streams) = answer else {
        return if answer == Value::Nil {
            Ok(Vec::new())
        } else {
            Err(unexpected())
        };
    };
    let stream = |stream: Value| {
        let [name, entries] = array::<2>(stream)?;
        Ok((text(name)?, delivered(entries)?))
    };
    streams.into_iter().map(stream).collect()
}

/// An entry that somebody has taken and not settled.
#[derive(Debug, PartialEq)]
pub(super) struct Held {
    /// Its id.
    pub(super) id: String,
    /// How often it was given out.
    pub(super) deliveries: u64,
}

/// The entries in the long answer to `XPENDING`.
pub(super) fn held(answer: Value) -> RedisResult<Vec<Held>> {
    let Value::Array(entries) = answer else {
        return Err(unexpected());
    };
    let held = |entry: Value| {
        let [id, _, _, deliveries] = array::<4>(entry)?;
        Ok(Held {
            id: text(id)?,
            deliveries: count(deliveries)?,
        })
    };
    entries.into_iter().map(held).collect()
}

/// The counts in the answers to `XLEN` and `XPENDING` of each stream in turn, and last to `XLEN` of the dead letters.
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

/// When the first of the entries was put there that stand at the head of each stream, in the answers to `XRANGE` of each.
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
    entries: Vec<Entry>,
    arrivals: Vec<Arrival>,
    unreadable: Vec<Dead>,
}

impl Taken {
    /// Adds entries behind those there are, as long as there is room, and one in any case; answers the others.
    pub(super) fn add_some(&mut self, entries: Vec<Delivered>, arrivals_max: usize) -> Vec<Delivered> {
        let mut entries = entries.into_iter().peekable();
        let has_room = |taken: &Self, entry: &Delivered| {
            let room = arrivals_max.saturating_sub(taken.arrivals());
            // Only the last few are looked into before.
            let fits = room >= entry::ARRIVALS_MAX || room >= entry.arrivals();
            taken.is_empty() || (fits && taken.entries() < ENTRIES_MAX)
        };
        while let Some(entry) = entries.next_if(|entry| has_room(self, entry)) {
            self.add(vec![entry]);
        }
        entries.collect()
    }

    /// Adds entries behind those there are.
    pub(super) fn add(&mut self, entries: Vec<Delivered>) {
        for Delivered { id, fields } in entries {
            let mut entry = Entry {
                name: id,
                pings: 0,
                refused: 0,
                unreadable: 0,
            };
            match fields.map(content) {
                None => {}
                Some(Content::Arrivals(arrivals)) => {
                    let refused = arrivals
                        .iter()
                        .filter(|arrival| matches!(arrival, Arrival::Refused { .. }));
                    entry.refused = refused.count() as u64;
                    entry.pings = arrivals.len() as u64 - entry.refused;
                    self.arrivals.extend(arrivals);
                }
                Some(Content::Unreadable(bytes, reason)) => {
                    tracing::error!(entry = entry.name, reason, "an entry of the queue cannot be read");
                    entry.unreadable = entry::unreadable_arrivals(&bytes);
                    let content = DeadContent::Unreadable(bytes);
                    self.unreadable.push(Dead {
                        entry: self.entries.len(),
                        letter: DeadLetter { content, reason },
                    });
                }
            }
            self.entries.push(entry);
        }
    }

    /// Adds entries that were given out so often that nobody shall try again.
    pub(super) fn give_up(&mut self, entries: Vec<Delivered>, deliveries: u64) {
        let reason =
            format!("it was given out {deliveries} times and never settled: whoever merges it comes to an end");
        for Delivered { id, fields } in entries {
            tracing::error!(entry = id, reason, "an entry of the queue is given up");
            let (unreadable, contents) = match fields.map(content) {
                None => (0, Vec::new()),
                Some(Content::Arrivals(arrivals)) => {
                    let contents: Vec<_> = arrivals.into_iter().map(DeadContent::Arrival).collect();
                    (contents.len() as u64, contents)
                }
                Some(Content::Unreadable(bytes, _)) => {
                    (entry::unreadable_arrivals(&bytes), vec![DeadContent::Unreadable(bytes)])
                }
            };
            let entry = self.entries.len();
            self.unreadable.extend(contents.into_iter().map(|content| Dead {
                entry,
                letter: DeadLetter {
                    content,
                    reason: reason.clone(),
                },
            }));
            self.entries.push(Entry {
                name: id,
                pings: 0,
                refused: 0,
                unreadable,
            });
        }
    }

    /// The last entry.
    pub(super) fn last(&self) -> Option<&str> {
        self.entries.last().map(|entry| entry.name.as_str())
    }

    /// Whether it holds the entry of this id.
    pub(super) fn holds(&self, id: &str) -> bool {
        self.entries.iter().any(|held| held.name == id)
    }

    /// Whether there is no entry.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries.
    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// How many arrivals an entry has, as far as can be told by those that are here; as many as it may have, where there are none.
    pub(super) fn arrivals_per_entry(&self) -> usize {
        if self.is_empty() {
            entry::ARRIVALS_MAX
        } else {
            self.arrivals().div_ceil(self.entries()).max(1)
        }
    }

    /// How many arrivals.
    pub(super) fn arrivals(&self) -> usize {
        self.arrivals.len()
    }

    /// The batch of a shard's lane; none when there are no entries.
    pub(super) fn into_batch(self, shard: u16, lane: Lane) -> Option<Batch> {
        (!self.entries.is_empty()).then_some(Batch {
            arrivals: self.arrivals,
            unreadable: self.unreadable,
            receipt: Receipt {
                shard,
                lane,
                entries: self.entries,
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

/// The entries in the answer to `XCLAIM` or `XRANGE`.
pub(super) fn delivered(entries: Value) -> RedisResult<Vec<Delivered>> {
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
