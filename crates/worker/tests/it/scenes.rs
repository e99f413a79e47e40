//! Workers, storage with a will of its own, and how to wait for what happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Arrival, Rules, Timeline};
use ports::PortError;
use ports::reports::TimelineReader;
use ports::usage::{Backlog, Merged, PingQueue, PingSource, TimelineStore};
use services::usage::{ForgetErasures, MergePings, PrepareStorage};
use testkit::arrivals::{START, ping};
use testkit::clock::TestClock;
use testkit::memory::queue::MemoryQueue;
use testkit::memory::timelines::MemoryTimelines;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use worker::{Pace, Work};

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(30);
/// Longer than any test lasts.
pub(crate) const NEVER: Duration = Duration::from_hours(1);

/// Quick, so that tests are.
pub(crate) fn pace() -> Pace {
    Pace {
        hold_every: Duration::from_millis(20),
        retry_first: Duration::from_millis(1),
        retry_max: Duration::from_millis(20),
        prepare_every: NEVER,
        forget_every: NEVER,
        grace: NEVER,
    }
}

pub(crate) fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at(START))
}

pub(crate) fn queue() -> MemoryQueue {
    MemoryQueue::new(4, clock())
}

fn work(source: Arc<dyn PingSource>, store: Arc<dyn TimelineStore>, pace: Pace) -> Work {
    Work {
        merge: MergePings::new(Arc::clone(&store), Arc::clone(&source)),
        prepare: PrepareStorage::new(store, clock(), Rules::default()),
        forget: nobody_erased(&source),
        source,
        pace,
    }
}

/// A part of the work that has nothing to do.
fn nobody_erased(source: &Arc<dyn PingSource>) -> ForgetErasures {
    ForgetErasures {
        erasures: Arc::new(MemoryTimelines::default()),
        source: Arc::clone(source),
        pings: Arc::new(queue()),
        clock: clock(),
    }
}

/// A worker that runs until it is told to end; dropping it is killing it.
pub(crate) struct Running {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Running {
    pub(crate) fn start(source: Arc<dyn PingSource>, store: Arc<dyn TimelineStore>) -> Self {
        Self::with(source, store, pace())
    }

    pub(crate) fn with(source: Arc<dyn PingSource>, store: Arc<dyn TimelineStore>, pace: Pace) -> Self {
        Self::at(work(source, store, pace))
    }

    /// Does that work, forgetting erasures as it is told to.
    pub(crate) fn forgetting(
        source: Arc<dyn PingSource>,
        store: Arc<dyn TimelineStore>,
        pace: Pace,
        forget: ForgetErasures,
    ) -> Self {
        Self::at(Work {
            forget,
            ..work(source, store, pace)
        })
    }

    fn at(work: Work) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(worker::run(work, shutdown));
        Self { task, stop: Some(stop) }
    }

    /// Tells it to end.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Tells it to end and waits until it has.
    pub(crate) async fn end(mut self) {
        self.stop();
        soon(&mut self.task).await.expect("it did not panic");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Timelines behind a door that a test can close.
pub(crate) struct Gated {
    pub(crate) timelines: MemoryTimelines,
    open: Semaphore,
    /// How many merges were begun, in all.
    begun: AtomicU64,
    /// How many are under way, by person, and the most there ever were.
    by_user: std::sync::Mutex<BTreeMap<UserId, usize>>,
    most_of_one: AtomicUsize,
    merges: std::sync::Mutex<Vec<usize>>,
    changed: Notify,
}

impl Gated {
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self {
            timelines: MemoryTimelines::default(),
            open: Semaphore::new(0),
            begun: AtomicU64::new(0),
            by_user: std::sync::Mutex::default(),
            most_of_one: AtomicUsize::new(0),
            merges: std::sync::Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Lets every merge pass from now on.
    pub(crate) fn open(&self) {
        self.open.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// Waits until so many merges were begun.
    pub(crate) async fn begun(&self, merges: u64) {
        soon(async {
            loop {
                let changed = self.changed.notified();
                if self.begun.load(Ordering::SeqCst) >= merges {
                    return;
                }
                changed.await;
            }
        })
        .await;
    }

    /// How many merges were begun, in all.
    pub(crate) fn has_begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// How many arrivals each merge had, in the order in which they were begun.
    pub(crate) fn merges(&self) -> Vec<usize> {
        self.merges.lock().expect("no test panicked while it counted").clone()
    }

    /// The most merges of one person that were ever under way.
    pub(crate) fn most_of_one(&self) -> usize {
        self.most_of_one.load(Ordering::SeqCst)
    }

    fn count(&self, arrivals: &[Arrival], up: bool) {
        let mut by_user = self.by_user.lock().expect("no test panicked while it counted");
        let users: std::collections::BTreeSet<_> = arrivals.iter().map(Arrival::user).collect();
        for user in users {
            let count = by_user.entry(user).or_default();
            *count = if up { *count + 1 } else { *count - 1 };
            self.most_of_one.fetch_max(*count, Ordering::SeqCst);
        }
    }
}

#[async_trait]
impl TimelineStore for Gated {
    async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError> {
        self.count(arrivals, true);
        self.merges
            .lock()
            .expect("no test panicked while it counted")
            .push(arrivals.len());
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
        let pass = self.open.acquire().await.expect("it is never taken away");
        drop(pass);
        let merged = self.timelines.merge(arrivals).await;
        self.count(arrivals, false);
        merged
    }

    async fn prepare(&self, span: Span) -> Result<(), PortError> {
        self.timelines.prepare(span).await
    }
}

/// Pushes so many pings of each of so many people, one at a time.
pub(crate) async fn push(queue: &dyn PingQueue, users: u64, pings: u64) {
    for count in 0..pings {
        for number in 0..users {
            queue.push(vec![ping(number, count)]).await.expect("kept");
        }
    }
}

/// Asserts that the timelines are what the law makes of those pings.
pub(crate) async fn the_law_holds(timelines: &dyn TimelineReader, users: u64, pings: u64) {
    let ever = Span::new(UnixMs(0), START.plus_ms(400 * DAY_MS)).expect("not empty");
    for number in 0..users {
        let claims = (0..pings).map(|count| match ping(number, count) {
            Arrival::Claim { claim, .. } => claim.segment,
            _ => panic!("a ping claims something"),
        });
        let stored = timelines.pieces(testkit::arrivals::user(number), ever).await;
        let stored = stored.expect("the storage is there");
        assert_eq!(Timeline::of(stored), Timeline::of(claims), "user {number}");
    }
}

/// Waits until nothing is in the queue.
pub(crate) async fn emptied(source: &dyn PingSource) {
    backlog(source, |backlog| backlog.entries == 0).await;
}

/// Waits until what is in the queue is as it should be.
pub(crate) async fn backlog(source: &dyn PingSource, is_so: impl Fn(Backlog) -> bool) {
    eventually(async || source.backlog().await.is_ok_and(&is_so)).await;
}

/// Waits until something is so that nobody announces.
pub(crate) async fn eventually(is_so: impl AsyncFn() -> bool) {
    soon(async {
        while !is_so().await {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("it comes in time")
}
