//! Whether the door may take more: the queue is bounded well before Redis is full, and closed when Redis no longer keeps what it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use ports::{PortError, Probe};
use redis::{Pipeline, RedisResult, Value};
use tokio::time::sleep;

use super::facts::{Forcing, MayLose, said, volatility};
use super::link::Link;
use super::{books, keys};

/// How often Redis is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How much of its memory Redis may use, in percent: what is left takes the writes that are on their way when the door closes, and everything but pings.
const MEMORY_PERCENT_MAX: u64 = 80;
/// How many bytes of memory a byte of an entry takes at most, with what a stream keeps beside it.
const BYTES_KEPT_PER_BYTE: u64 = 2;
/// To how much the backlog must shrink before a door that is closed opens again, in percent of what may wait: or it would open and close with every batch.
const REOPEN_PERCENT: u64 = 90;

/// How much may wait in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BacklogMax {
    /// Arrivals: pings, and numbers of refused ones.
    pub arrivals: u64,
    /// Bytes of Redis' memory, whatever uses them. Where Redis has a bound itself, never more than four fifths of that.
    pub bytes: u64,
    /// Pings are taken only while Redis is set to lose no more of them than this.
    pub may_lose: MayLose,
}

/// Why nothing is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Closed {
    #[error("as many pings wait to be merged as may wait")]
    Arrivals,
    #[error("the queue uses as much memory as it may")]
    Bytes,
    #[error("Redis no longer keeps what it is told")]
    Volatile,
}

impl Closed {
    /// The word for it in metrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Arrivals => "arrivals",
            Self::Bytes => "bytes",
            Self::Volatile => "volatile",
        }
    }
}

/// The room that is left, as far as this process knows: from the answers to its own writes, and from looking once a second.
pub(super) struct Room {
    max: BacklogMax,
    arrivals: AtomicU64,
    bytes: AtomicU64,
    bytes_max: AtomicU64,
    /// What makes Redis forget more than it may, in a sentence; empty when nothing does.
    volatility: Mutex<String>,
    /// 0 when open, else the place in [`REASONS`] and one more.
    closed: AtomicU8,
}

const REASONS: [Closed; 3] = [Closed::Volatile, Closed::Arrivals, Closed::Bytes];

impl Room {
    /// All of it. Looks at Redis over `link` from now on, on the present runtime, until it is dropped.
    pub(super) fn watch(max: BacklogMax, link: Link) -> Arc<Self> {
        let room = Arc::new(Self::within(max));
        metrics::gauge!("daybook_backlog_arrivals_max").set(float(max.arrivals));
        for why in REASONS.map(Closed::word).into_iter().chain([super::queue::REDIS_FULL]) {
            // They are there from the start, so that what comes first is seen to come.
            super::queue::turned_away(0, why);
        }
        room.show();
        tokio::spawn(look_on(Arc::downgrade(&room), link, max.may_lose));
        room
    }

    fn within(max: BacklogMax) -> Self {
        Self {
            max,
            arrivals: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            bytes_max: AtomicU64::new(max.bytes),
            volatility: Mutex::default(),
            closed: AtomicU8::new(0),
        }
    }

    /// Whether more may come in.
    pub(super) fn check(&self) -> Result<(), Closed> {
        match self.closed.load(Ordering::Relaxed) {
            0 => Ok(()),
            reason => Err(REASONS[usize::from(reason) - 1]),
        }
    }

    /// Now that `bytes` more were written so many arrivals wait, as the answer to that says.
    pub(super) fn holds(&self, arrivals: u64, bytes: usize) {
        self.arrivals.store(arrivals, Ordering::Relaxed);
        // Until Redis is looked at again.
        self.bytes
            .fetch_add(BYTES_KEPT_PER_BYTE * bytes as u64, Ordering::Relaxed);
        self.judge();
    }

    fn looks(&self, seen: Seen) {
        self.arrivals.store(seen.arrivals, Ordering::Relaxed);
        self.bytes.store(seen.bytes, Ordering::Relaxed);
        let of_redis = match seen.memory_bytes_max {
            0 => u64::MAX,
            max => max / 100 * MEMORY_PERCENT_MAX,
        };
        self.bytes_max.store(of_redis.min(self.max.bytes), Ordering::Relaxed);
        *self.volatility.lock().unwrap_or_else(PoisonError::into_inner) = seen.volatility.unwrap_or_default();
        self.judge();
        self.show();
    }

    fn judge(&self) {
        let was = self.check().err();
        let is = REASONS.into_iter().find(|reason| self.is_closed_by(*reason, was));
        if is == was {
            return;
        }
        let code = |reason| 1 + REASONS.iter().position(|one| *one == reason).unwrap_or(0);
        let code = u8::try_from(is.map_or(0, code)).unwrap_or(0);
        self.closed.store(code, Ordering::Relaxed);
        self.show();
        if let Some(reason) = is {
            tracing::warn!(why = %reason, "pings are refused until there is room again");
        } else {
            tracing::info!("pings are taken again");
        }
    }

    fn is_closed_by(&self, reason: Closed, was: Option<Closed>) -> bool {
        let is_over = |counted: &AtomicU64, max: u64| {
            let max = if was == Some(reason) {
                max / 100 * REOPEN_PERCENT
            } else {
                max
            };
            counted.load(Ordering::Relaxed) >= max
        };
        match reason {
            Closed::Volatile => !self.volatility().is_empty(),
            Closed::Arrivals => is_over(&self.arrivals, self.max.arrivals),
            Closed::Bytes => is_over(&self.bytes, self.bytes_max.load(Ordering::Relaxed)),
        }
    }

    fn volatility(&self) -> String {
        self.volatility.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn show(&self) {
        metrics::gauge!("daybook_backlog_bytes_max").set(float(self.bytes_max.load(Ordering::Relaxed)));
        metrics::gauge!("daybook_backlog_full").set(f64::from(u8::from(self.check().is_err())));
    }
}

#[async_trait]
impl Probe for Room {
    fn name(&self) -> &'static str {
        "redis_durability"
    }

    /// A queue that is full is no fault of this node: it will have room. One that forgets is.
    async fn check(&self) -> Result<(), PortError> {
        match Room::check(self) {
            Err(Closed::Volatile) => Err(PortError::unavailable("keep pings durably", self.volatility())),
            _ => Ok(()),
        }
    }
}

/// What there is to see of Redis.
struct Seen {
    arrivals: u64,
    bytes: u64,
    /// 0 where it has no bound.
    memory_bytes_max: u64,
    volatility: Option<String>,
}

/// While Redis cannot be asked, what was seen stays: pushes find out for themselves.
async fn look_on(room: Weak<Room>, link: Link, may_lose: MayLose) {
    loop {
        let seen = look(&link, may_lose).await;
        let Some(room) = room.upgrade() else { return };
        match seen {
            Ok(seen) => room.looks(seen),
            Err(error) => tracing::debug!(%error, "cannot see how much room the queue has"),
        }
        drop(room);
        sleep(LOOK_EVERY).await;
    }
}

async fn look(link: &Link, may_lose: MayLose) -> RedisResult<Seen> {
    let mut commands = Pipeline::with_capacity(2);
    commands.cmd("HGET").arg(keys::BOOKS).arg(books::IN_FLIGHT);
    commands.cmd("INFO").arg("memory").arg("persistence");
    let answers: [Value; 2] = link
        .query_all_again(&commands)
        .await?
        .try_into()
        .map_err(|_| redis::RedisError::from((redis::ErrorKind::UnexpectedReturnType, "two answers")))?;
    let [arrivals, info] = answers;
    let info: String = redis::from_redis_value(info)?;
    let forcing = Forcing::ask(link).await?;
    let info: HashMap<&str, &str> = said(&info);
    let number = |name: &str| info.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
    Ok(Seen {
        arrivals: redis::from_redis_value::<Option<u64>>(arrivals)?.unwrap_or(0),
        bytes: number("used_memory"),
        memory_bytes_max: number("maxmemory"),
        volatility: volatility(&info, &forcing, may_lose),
    })
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room::within(BacklogMax {
            arrivals: 1_000,
            bytes: 10_000,
            may_lose: MayLose::Nothing,
        })
    }

    fn seen(arrivals: u64, bytes: u64) -> Seen {
        Seen {
            arrivals,
            bytes,
            memory_bytes_max: 0,
            volatility: None,
        }
    }

    #[test]
    fn it_closes_at_its_bounds_and_opens_again_well_below() {
        let room = room();
        for (arrivals, is) in [
            (999, Ok(())),
            (1_000, Err(Closed::Arrivals)),
            (900, Err(Closed::Arrivals)),
            (899, Ok(())),
            (999, Ok(())),
        ] {
            room.holds(arrivals, 0);
            assert_eq!(room.check(), is, "{arrivals} arrivals");
        }
        for (bytes, is) in [
            (9_999, Ok(())),
            (10_000, Err(Closed::Bytes)),
            (9_000, Err(Closed::Bytes)),
            (8_999, Ok(())),
        ] {
            room.looks(seen(0, bytes));
            assert_eq!(room.check(), is, "{bytes} bytes");
        }
    }

    #[test]
    fn what_was_written_counts_before_redis_is_looked_at_again() {
        let room = room();
        room.looks(seen(0, 5_000));
        room.holds(1, 2_499);
        assert_eq!(room.check(), Ok(()));
        room.holds(2, 1);
        assert_eq!(room.check(), Err(Closed::Bytes));
        room.looks(seen(2, 7_500));
        assert_eq!(room.check(), Ok(()), "it takes less than it might have");
    }

    #[test]
    fn it_never_lets_redis_fill_up() {
        let room = room();
        for (memory_bytes_max, bytes, is) in [
            (5_000, 3_999, Ok(())),
            (5_000, 4_000, Err(Closed::Bytes)),
            (50_000, 8_999, Ok(())),
            (50_000, 10_000, Err(Closed::Bytes)),
        ] {
            room.looks(Seen {
                memory_bytes_max,
                ..seen(0, bytes)
            });
            assert_eq!(room.check(), is, "{bytes} bytes of {memory_bytes_max}");
        }
    }

    #[tokio::test]
    async fn what_forgets_is_told_nothing_and_the_node_is_not_ready() {
        let room = room();
        room.looks(Seen {
            volatility: Some("it forgets".to_owned()),
            ..seen(1_000, 0)
        });
        assert_eq!(room.check(), Err(Closed::Volatile));
        let error = Probe::check(&room).await.expect_err("it forgets");
        assert!(error.chain().contains("it forgets"), "{}", error.chain());
        room.looks(seen(1_000, 0));
        assert_eq!(room.check(), Err(Closed::Arrivals));
        Probe::check(&room).await.expect("to be full is no fault");
    }
}
