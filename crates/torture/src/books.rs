//! Reads the books off every node all the time, and keeps every moment at which they did not balance or went backwards.

mod page;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use testkit::runs::Failure;
use tokio::sync::watch as signal;
use tokio::task::JoinSet;

use crate::http::{Ask, Node};
use crate::reach::Reach;
use crate::violation::Violation;

use page::Page;
use watch::{Scrape, Watch};

/// How often each node is asked.
const EVERY: Duration = Duration::from_millis(100);
/// How long a node may take to answer; it may be down, or stopped.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// Everybody who reads, one for each node.
#[derive(Debug)]
pub struct Scraper {
    readers: JoinSet<()>,
    stop: signal::Sender<bool>,
    watch: Arc<Mutex<Watch>>,
}

impl Scraper {
    /// Begins to read the metrics of all nodes.
    ///
    /// # Errors
    /// When one of their URLs is none.
    pub fn start(reach: &Reach) -> Result<Self, Failure> {
        let (stop, stopped) = signal::channel(false);
        let watch = Arc::new(Mutex::new(Watch::default()));
        let mut readers = JoinSet::new();
        for (number, url) in reach.metrics.iter().enumerate() {
            let (node, stopped, watch) = (Node::at(url)?, stopped.clone(), Arc::clone(&watch));
            readers.spawn(read(number, node, stopped, watch));
        }
        Ok(Self { readers, stop, watch })
    }

    /// How many times the books were read and found whole.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).scrapes()
    }

    /// Ends, and says what was wrong. That nobody could ever read the books is wrong, too: nothing was looked at.
    pub async fn stop(mut self) -> Vec<Violation> {
        // Nobody may be listening any more, which is what is wanted.
        let _ = self.stop.send(true);
        while self.readers.join_next().await.is_some() {}
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *watch).into_violations()
    }
}

async fn read(number: usize, mut node: Node, mut stopped: signal::Receiver<bool>, watch: Arc<Mutex<Watch>>) {
    while !*stopped.borrow() {
        let asked = Instant::now();
        if let Ok(answer) = node.ask(&Ask::get(""), ANSWER_MAX).await
            && answer.status == 200
        {
            let scrape = Scrape {
                node: number,
                asked,
                answered: Instant::now(),
                page: Page::read(&answer.text()),
            };
            watch.lock().unwrap_or_else(PoisonError::into_inner).add(scrape);
        }
        let rest = EVERY.saturating_sub(asked.elapsed());
        let _ = tokio::time::timeout(rest, stopped.wait_for(|stopped| *stopped)).await;
    }
}
