//! The queue between door and workers, in Redis Streams: one for each shard; entries are deleted once their pings are merged, so what is there waits.
//! Beside it, what is announced of sessions, in a stream of its own, and who has failed to sign in and how often.

mod books;
mod entry;
mod erasure;
mod facts;
mod keys;
mod letters;
mod link;
mod look;
mod pending;
mod queue;
mod room;
mod shards;
mod source;
mod standing;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use domain::time::UnixMs;
use ports::usage::Books;
use ports::{Clock, PortError, Probe};
use redis::Client;

pub use erasure::RedisPingErasure;
pub use facts::{MayLose, PowerCut, RedisFacts, RedisProbe};
pub use letters::RedisDeadLetters;
pub use look::{LaneLook, QueueLook, RedisQueueWatch};
pub use pending::RedisPendingPings;
pub use queue::RedisPingQueue;
pub use room::BacklogMax;
pub use shards::ShardsError;
pub use source::{RedisPingSource, Taking};
pub use standing::{RedisAnnouncements, RedisHearing};
pub use throttle::RedisSignInThrottle;

use link::Link;
use room::Room;

/// How long opening a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// How long an answer may take unless set otherwise: longer than a disk that stalls.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A Redis that holds the queue. Connects to nothing until something is asked of it, and again after a connection broke.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    shards: u16,
    answer_max: Duration,
}

impl Redis {
    /// The server at `url` (`redis://host:port`, `redis+unix:///path`), with pings divided into so many shards.
    ///
    /// # Errors
    /// When it is no such URL, or when there are no shards.
    pub fn new(url: &str, shards: u16) -> Result<Self, PortError> {
        let attempted = "read where Redis is";
        if shards == 0 {
            return Err(PortError::bug(attempted, "pings cannot be divided into 0 shards"));
        }
        let client = Client::open(url).map_err(|error| PortError::bug(attempted, error))?;
        Ok(Self {
            client,
            shards,
            answer_max: ANSWER_MAX,
        })
    }

    /// The same, with another bound on how long an answer may take; 5 s otherwise.
    #[must_use]
    pub fn with_answer_max(self, answer_max: Duration) -> Self {
        Self { answer_max, ..self }
    }

    /// Makes sure that the queue has as many shards as this process thinks. To be called before anything is pushed or taken.
    ///
    /// # Errors
    /// When it has another number, or when Redis cannot be asked.
    pub async fn agree_on_shards(&self) -> Result<(), ShardsError> {
        shards::agree(&self.link(self.answer_max), self.shards).await
    }

    /// The queue, from the door's side. Starts a task on the present runtime, which must live as long as the callers'.
    #[must_use]
    pub fn ping_queue(&self) -> RedisPingQueue {
        RedisPingQueue::start(self.link(self.answer_max), self.shards, None)
    }

    /// The same, which takes nothing more once so much waits; and what tells whether Redis still keeps what it is told.
    #[must_use]
    pub fn bounded_ping_queue(&self, max: BacklogMax) -> (RedisPingQueue, Arc<dyn Probe>) {
        let room = Room::watch(max, self.link(self.answer_max));
        let queue = RedisPingQueue::start(self.link(self.answer_max), self.shards, Some(Arc::clone(&room)));
        (queue, room)
    }

    /// The queue, from the worker's side.
    #[must_use]
    pub fn ping_source(&self, taking: &Taking) -> RedisPingSource {
        RedisPingSource::new(taking, self.shards, self.answer_max, |answer_max| self.link(answer_max))
    }

    /// The dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> RedisDeadLetters {
        RedisDeadLetters::new(self.link(self.answer_max), self.shards)
    }

    /// Where changes of sessions are told.
    #[must_use]
    pub fn announcements(&self) -> RedisAnnouncements {
        RedisAnnouncements::new(self.link(self.answer_max))
    }

    /// Where they are heard, over a connection of its own: for one who asks again and again.
    #[must_use]
    pub fn hearing(&self) -> RedisHearing {
        RedisHearing::new(self.link(RedisHearing::ANSWER_MAX))
    }

    /// What forgets people.
    #[must_use]
    pub fn ping_erasure(&self) -> RedisPingErasure {
        RedisPingErasure::new(self.link(self.answer_max))
    }

    /// What of somebody is on its way.
    #[must_use]
    pub fn pending_pings(&self) -> RedisPendingPings {
        RedisPendingPings::new(self.link(RedisPendingPings::ANSWER_MAX), self.shards)
    }

    /// What slows down whoever guesses passwords, by this clock.
    #[must_use]
    pub fn sign_in_throttle(&self, clock: Arc<dyn Clock>) -> RedisSignInThrottle {
        RedisSignInThrottle::new(self.link(self.answer_max), clock)
    }

    /// Whether it is there.
    #[must_use]
    pub fn probe(&self) -> RedisProbe {
        RedisProbe::new(self.link(RedisProbe::ANSWER_MAX))
    }

    /// What looks at the queue, and waits so long at most for each answer.
    #[must_use]
    pub fn queue_watch(&self, answer_max: Duration) -> RedisQueueWatch {
        RedisQueueWatch::new(self.link(answer_max), self.shards)
    }

    /// What became of all arrivals.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn books(&self) -> Result<Books, PortError> {
        books::read(&self.link(self.answer_max)).await
    }

    /// What it says of itself; `now` is the present instant by our clock.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn facts(&self, now: UnixMs) -> Result<RedisFacts, PortError> {
        RedisFacts::ask(&self.link(self.answer_max), now).await
    }

    fn link(&self, answer_max: Duration) -> Link {
        Link::new(self.client.clone(), CONNECT_MAX, answer_max)
    }
}
