//! The task that writes what callers push: takes all that waits, makes one write of it, answers them all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use domain::accounts::DeviceId;
use domain::usage::Lane;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::{Pipeline, RedisError, RedisResult, Value};
use tokio::sync::{mpsc, oneshot};

use super::Push;
use crate::redis::books;
use crate::redis::entry::Piece;
use crate::redis::keys;
use crate::redis::link::{Link, is_broken};
use crate::redis::room::Room;

/// How many writes may be under way. While Redis forces the first to disk the second waits at its door, so that neither waits for us.
const WRITES_MAX: usize = 2;
/// How many callers may share a write.
const PUSHES_MAX: usize = 1_024;
/// How many bytes a write may have before no further caller joins it.
const WRITE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the task works with.
pub(super) struct Writing {
    /// Where to.
    pub(super) link: Link,
    /// How many bytes wait for a write.
    pub(super) waiting_bytes: Arc<AtomicUsize>,
    /// Who wants to know how much the queue holds.
    pub(super) room: Option<Arc<Room>>,
}

impl Writing {
    /// Writes until the queue is dropped and all is answered.
    pub(super) async fn write_all(self, mut waiting: mpsc::Receiver<Push>) {
        let mut writes = FuturesUnordered::new();
        loop {
            tokio::select! {
                push = waiting.recv(), if writes.len() < WRITES_MAX => {
                    let Some(push) = push else { break };
                    let write = Write::gather(push, &mut waiting);
                    self.waiting_bytes.fetch_sub(write.bytes, Ordering::Relaxed);
                    writes.push(write.run(&self));
                }
                Some(outcome) = writes.next() => {
                    if let Err(error) = outcome {
                        refuse_all(&error, &mut waiting, &self.waiting_bytes);
                    }
                }
            }
        }
        while writes.next().await.is_some() {}
    }

    /// Tells how many arrivals wait, as the answer to a write of so many bytes says.
    fn holds(&self, answer: Option<&Value>, bytes: usize) {
        if let (Some(room), Some(Value::Int(arrivals))) = (&self.room, answer) {
            room.holds(u64::try_from(*arrivals).unwrap_or(0), bytes);
        }
    }
}

/// After a write that Redis did not answer: whoever waits has waited long enough, and the next to come find out whether Redis is back.
fn refuse_all(error: &RedisError, waiting: &mut mpsc::Receiver<Push>, waiting_bytes: &AtomicUsize) {
    while let Ok(push) = waiting.try_recv() {
        waiting_bytes.fetch_sub(push.bytes(), Ordering::Relaxed);
        let _ = push.answer.send(Err(error.clone()));
    }
}

/// Which answer of a write says how many arrivals wait.
const IN_FLIGHT: usize = 1;
/// Which answer of a write holds the numbers that devices asked for; where none did, it is another and nobody waits for it.
const NUMBERS: usize = 2;

/// One write and those who wait for it.
#[derive(Default)]
struct Write {
    entries: BTreeMap<(u16, Lane), Vec<Piece>>,
    bytes: usize,
    arrivals: usize,
    callers: Vec<Caller>,
}

struct Caller {
    device: Option<DeviceId>,
    answer: oneshot::Sender<Result<Option<u64>, RedisError>>,
}

impl Write {
    /// Of `first` and what waits behind it.
    fn gather(first: Push, waiting: &mut mpsc::Receiver<Push>) -> Self {
        let mut write = Self::default();
        let mut next = Some(first);
        while let Some(push) = next {
            write.add(push);
            let has_room = write.callers.len() < PUSHES_MAX && write.bytes < WRITE_BYTES_MAX;
            next = has_room.then(|| waiting.try_recv().ok()).flatten();
        }
        write
    }

    fn add(&mut self, push: Push) {
        self.bytes += push.bytes();
        let entries = self.entries.entry(push.way).or_default();
        for piece in push.pieces {
            self.arrivals += piece.arrivals;
            append(entries, piece);
        }
        self.callers.push(Caller {
            device: push.device,
            answer: push.answer,
        });
    }

    /// Makes the write and answers the callers. An error when Redis gave no answer.
    ///
    /// When the connection broke before the answer came, it is made once more, and its pings may be in the queue twice: then they are twice in the books as well,
    /// because both are changed in one step. When Redis refuses a part of it, because it is full, nothing at all is written.
    async fn run(self, writing: &Writing) -> RedisResult<()> {
        let started = Instant::now();
        let commands = self.commands();
        let answers = writing.link.query_all_again(&commands).await;
        metrics::histogram!("daybook_queue_write_seconds").record(started.elapsed());
        #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
        metrics::histogram!("daybook_queue_write_pings").record(self.arrivals as f64);
        match answers {
            Ok(answers) => {
                writing.holds(answers.get(IN_FLIGHT), self.bytes);
                let mut numbers = numbers(answers.into_iter().nth(NUMBERS)).into_iter();
                for caller in self.callers {
                    let number = caller.device.and_then(|_| numbers.next()).flatten();
                    let _ = caller.answer.send(Ok(number));
                }
                Ok(())
            }
            Err(error) => {
                for caller in self.callers {
                    let _ = caller.answer.send(Err(error.clone()));
                }
                if is_broken(&error) { Err(error) } else { Ok(()) }
            }
        }
    }

    /// One transaction: what comes in is counted, and put into an entry at a time; before that, when a device asks, one `HMGET` for all that do, in the order of their callers.
    fn commands(&self) -> Pipeline {
        let mut commands = Pipeline::with_capacity(4 + self.entries.len());
        commands.atomic();
        for field in [books::RECEIVED, books::IN_FLIGHT] {
            commands.cmd("HINCRBY").arg(keys::BOOKS).arg(field).arg(self.arrivals);
        }
        let mut devices = self.callers.iter().filter_map(|caller| caller.device).peekable();
        if devices.peek().is_some() {
            commands.cmd("HMGET").arg(keys::MERGED);
            for device in devices {
                commands.arg(device.0.as_bytes());
            }
        }
        for ((shard, lane), entries) in &self.entries {
            let stream = keys::pings(*shard, *lane);
            for entry in entries {
                commands
                    .cmd("XADD")
                    .arg(&stream)
                    .arg("*")
                    .arg(keys::ARRIVALS)
                    .arg(entry.entry());
            }
        }
        commands
    }
}

/// Puts a piece into the last entry of its version, or into another when that is full.
fn append(entries: &mut Vec<Piece>, piece: Piece) {
    let last = entries.iter_mut().rev().find(|entry| entry.version == piece.version);
    let too_much = match last {
        Some(entry) => entry.append(piece),
        None => Some(piece),
    };
    entries.extend(too_much);
}

/// The numbers that `HMGET` answered. One that is missing or unreadable is not known, which is safe: the device keeps its pings.
fn numbers(answer: Option<Value>) -> Vec<Option<u64>> {
    match answer {
        Some(Value::Array(numbers)) => numbers
            .into_iter()
            .map(|number| redis::from_redis_value::<Option<u64>>(number).ok().flatten())
            .collect(),
        _ => Vec::new(),
    }
}
