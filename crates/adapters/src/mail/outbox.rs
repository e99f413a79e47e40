//! A queue in front of what takes mail: whoever sends goes on at once, so that how long a request takes does not tell whether there was a mail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ports::PortError;
use ports::accounts::{Mail, Mailer};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// How many mails may wait. One more is given up.
const WAITING_MAX: usize = 1_000;
/// How many are handed over at once, so that one that must wait holds up no other.
const AT_ONCE: usize = 4;
/// How long to wait after the first and after the second attempt. After the third the mail is given up.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_mins(1)];
/// How long the end of the program waits for what is not handed over yet.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Takes mail and hands it on in the background.
#[derive(Clone)]
pub struct QueuedMailer {
    mails: mpsc::Sender<Mail>,
    waiting: Arc<Waiting>,
}

/// The background of a [`QueuedMailer`].
pub struct Outbox {
    stop: watch::Sender<bool>,
    work: JoinHandle<()>,
    waiting: Arc<Waiting>,
}

impl QueuedMailer {
    /// In front of `mailer`, on the present runtime.
    #[must_use]
    pub fn start(mailer: Arc<dyn Mailer>) -> (Self, Outbox) {
        Self::pausing(mailer, PAUSES)
    }

    fn pausing(mailer: Arc<dyn Mailer>, pauses: [Duration; 2]) -> (Self, Outbox) {
        let (mails, queue) = mpsc::channel(WAITING_MAX);
        let (stop, stopping) = watch::channel(false);
        let waiting = Arc::new(Waiting::default());
        let sender = Carrier {
            mailer,
            pauses,
            stopping,
            waiting: Arc::clone(&waiting),
        };
        let outbox = Outbox {
            stop,
            work: tokio::spawn(sender.work(queue)),
            waiting: Arc::clone(&waiting),
        };
        (Self { mails, waiting }, outbox)
    }
}

#[async_trait]
impl Mailer for QueuedMailer {
    async fn send(&self, mail: &Mail) -> Result<(), PortError> {
        self.waiting.add();
        self.mails.try_send(mail.clone()).map_err(|error| {
            self.waiting.gave_up();
            let why = match error {
                mpsc::error::TrySendError::Full(_) => "as many wait as may",
                mpsc::error::TrySendError::Closed(_) => "the program ends",
            };
            PortError::unavailable("queue a mail", why)
        })
    }
}

impl Outbox {
    /// Takes no more mail, hands over what waits if that can be done soon, and gives up the rest.
    pub async fn stop(self) {
        self.stop_within(STOP_MAX).await;
    }

    async fn stop_within(mut self, max: Duration) {
        // Nobody listens if the work has ended.
        let _ = self.stop.send(true);
        match tokio::time::timeout(max, &mut self.work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the mail queue did not end well"),
            Err(_) => self.work.abort(),
        }
        let left = self.waiting.give_up_all();
        if left > 0 {
            tracing::warn!(mails = left, "the program ends before these mails were sent");
        }
    }
}

/// Mails that were taken and are neither handed over nor given up.
#[derive(Default)]
struct Waiting(AtomicU64);

impl Waiting {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn sent(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        metrics::counter!("daybook_mails_sent_total").increment(1);
    }

    fn gave_up(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        metrics::counter!("daybook_mails_given_up_total").increment(1);
    }

    fn give_up_all(&self) -> u64 {
        let left = self.0.swap(0, Ordering::SeqCst);
        metrics::counter!("daybook_mails_given_up_total").increment(left);
        left
    }
}

/// Who hands the mails over.
struct Carrier {
    mailer: Arc<dyn Mailer>,
    pauses: [Duration; 2],
    stopping: watch::Receiver<bool>,
    waiting: Arc<Waiting>,
}

impl Carrier {
    async fn work(self, mut queue: mpsc::Receiver<Mail>) {
        let mut stopping = self.stopping.clone();
        let mut carried = FuturesUnordered::new();
        let mut is_open = true;
        loop {
            tokio::select! {
                mail = queue.recv(), if carried.len() < AT_ONCE => match mail {
                    Some(mail) => carried.push(self.carry(mail)),
                    None => break,
                },
                Some(()) = carried.next() => {}
                _ = stopping.wait_for(|stop| *stop), if is_open => {
                    is_open = false;
                    queue.close();
                }
            }
        }
        while carried.next().await.is_some() {}
    }

    async fn carry(&self, mail: Mail) {
        let mut pauses = self.pauses.iter();
        loop {
            let Err(error) = self.mailer.send(&mail).await else {
                return self.waiting.sent();
            };
            let next = pauses.next().filter(|_| error.is_unavailable());
            let Some(pause) = next else {
                tracing::warn!(error = %error.chain(), "a mail was given up");
                return self.waiting.gave_up();
            };
            self.pause(*pause).await;
        }
    }

    /// At the end of the program nobody waits.
    async fn pause(&self, pause: Duration) {
        let mut stopping = self.stopping.clone();
        // Either way it is over.
        let _ = tokio::time::timeout(pause, stopping.wait_for(|stop| *stop)).await;
    }
}

#[cfg(test)]
mod tests;
