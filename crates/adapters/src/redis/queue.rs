//! The door's side of the queue: every write carries the pings of all callers that gathered while another was under way.

mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::accounts::DeviceId;
use domain::usage::{Arrival, Lane};
use ports::PortError;
use ports::usage::PingQueue;
use redis::RedisError;
use tokio::sync::{mpsc, oneshot};

use super::entry::{self, Piece};
use super::keys;
use super::link::{Link, is_full, port_error};
use super::room::{Closed, Room};

/// How many callers may wait for a write. One more is told that the queue is unavailable.
const WAITING_MAX: usize = 8_192;
/// How many bytes of pings may wait for a write, likewise.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The queue in Redis Streams.
///
/// Nothing waits behind an `Ok`: a caller is answered when Redis has answered, which with `appendfsync always` is after the pings are on disk. Callers that
/// come while a write is under way share the next one, so the cost of a write, and of its fsync, is shared by as many as there are.
pub struct RedisPingQueue {
    pushes: mpsc::Sender<Push>,
    waiting_bytes: Arc<AtomicUsize>,
    shards: u16,
    /// None where nothing but Redis itself bounds the queue.
    room: Option<Arc<Room>>,
}

impl RedisPingQueue {
    /// Starts the task that writes, on the present runtime; it ends when the queue is dropped.
    pub(super) fn start(link: Link, shards: u16, room: Option<Arc<Room>>) -> Self {
        let (pushes, waiting) = mpsc::channel(WAITING_MAX);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let task = writer::Writing {
            link,
            waiting_bytes: Arc::clone(&waiting_bytes),
            room: room.clone(),
        };
        tokio::spawn(task.write_all(waiting));
        Self {
            pushes,
            waiting_bytes,
            shards,
            room,
        }
    }

    /// Whether the queue may grow.
    fn has_room(&self, arrivals: usize) -> Result<(), PortError> {
        let Some(Err(closed)) = self.room.as_ref().map(|room| room.check()) else {
            return Ok(());
        };
        turned_away(arrivals, closed.word());
        let attempted = attempt(arrivals);
        Err(match closed {
            Closed::Volatile => PortError::unavailable(attempted, closed),
            Closed::Arrivals | Closed::Bytes => PortError::full(attempted, closed),
        })
    }

    fn admit(&self, push: Push) -> Result<(), Refusal> {
        let bytes = push.bytes();
        if self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING_BYTES_MAX {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Refusal::Full);
        }
        self.pushes.try_send(push).map_err(|refused| {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            match refused {
                mpsc::error::TrySendError::Full(_) => Refusal::Full,
                mpsc::error::TrySendError::Closed(_) => Refusal::Stopped,
            }
        })
    }
}

#[async_trait]
impl PingQueue for RedisPingQueue {
    async fn push_by(&self, lane: Lane, arrivals: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        let Some(first) = arrivals.first() else {
            return Ok(None);
        };
        self.has_room(arrivals.len())?;
        let (answer, answered) = oneshot::channel();
        let push = Push {
            way: (keys::shard_of(first.user(), self.shards), lane),
            device: arrivals.iter().find_map(Arrival::numbered).map(|(device, _)| device),
            pieces: entry::pieces(&arrivals),
            answer,
        };
        let attempted = || attempt(arrivals.len());
        self.admit(push)
            .map_err(|refusal| PortError::unavailable(attempted(), refusal))?;
        match answered.await {
            Ok(Ok(merged_through)) => Ok(merged_through),
            Ok(Err(error)) => {
                if is_full(&error) {
                    turned_away(arrivals.len(), REDIS_FULL);
                }
                Err(port_error(attempted(), error))
            }
            Err(_) => Err(PortError::unavailable(attempted(), Refusal::Stopped)),
        }
    }
}

fn attempt(arrivals: usize) -> String {
    format!("keep {arrivals} pings in the queue")
}

/// The word in metrics for a Redis that itself had no room.
pub(super) const REDIS_FULL: &str = "redis_full";

/// Counts arrivals that were not even tried to be kept, or for which Redis had no room.
pub(super) fn turned_away(arrivals: usize, why: &'static str) {
    metrics::counter!("daybook_pings_turned_away_total", "why" => why).increment(arrivals as u64);
}

/// What one caller wants kept.
struct Push {
    /// The shard and the lane.
    way: (u16, Lane),
    pieces: Vec<Piece>,
    /// The device that asks through which number its pings are merged.
    device: Option<DeviceId>,
    answer: oneshot::Sender<Result<Option<u64>, RedisError>>,
}

impl Push {
    fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes.len()).sum()
    }
}

/// Why pings were not even tried to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("as many pings wait to be kept as may wait")]
    Full,
    #[error("the queue has been closed")]
    Stopped,
}
