//! The door's side of the queue: every write carries the pings of all callers that gathered while another was under way.

mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::accounts::DeviceId;
use domain::usage::Arrival;
use ports::PortError;
use ports::usage::PingQueue;
use redis::RedisError;
use tokio::sync::{mpsc, oneshot};

use super::entry::{self, Piece};
use super::keys;
use super::link::{Link, port_error};

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
}

impl RedisPingQueue {
    /// Starts the task that writes, on the present runtime; it ends when the queue is dropped.
    pub(super) fn start(link: Link, shards: u16) -> Self {
        let (pushes, waiting) = mpsc::channel(WAITING_MAX);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        tokio::spawn(writer::write_all(link, waiting, Arc::clone(&waiting_bytes)));
        Self {
            pushes,
            waiting_bytes,
            shards,
        }
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
    async fn push(&self, arrivals: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        let Some(first) = arrivals.first() else {
            return Ok(None);
        };
        let (answer, answered) = oneshot::channel();
        let push = Push {
            shard: keys::shard_of(first.user(), self.shards),
            device: arrivals.iter().find_map(Arrival::numbered).map(|(device, _)| device),
            pieces: entry::pieces(&arrivals),
            answer,
        };
        let attempted = || format!("keep {} pings in the queue", arrivals.len());
        self.admit(push)
            .map_err(|refusal| PortError::unavailable(attempted(), refusal))?;
        match answered.await {
            Ok(Ok(merged_through)) => Ok(merged_through),
            Ok(Err(error)) => Err(port_error(attempted(), error)),
            Err(_) => Err(PortError::unavailable(attempted(), Refusal::Stopped)),
        }
    }
}

/// What one caller wants kept.
struct Push {
    shard: u16,
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
