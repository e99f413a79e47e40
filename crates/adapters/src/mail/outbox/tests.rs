use std::sync::{Mutex, PoisonError};

use domain::accounts::Email;
use ports::PortErrorKind;
use testkit::memory::mail::MemoryMailer;
use tokio::sync::{Notify, Semaphore};

use super::*;

const SOON: [Duration; 2] = [Duration::ZERO, Duration::ZERO];
const NEVER: [Duration; 2] = [Duration::from_hours(1), Duration::from_hours(1)];
/// Longer than any test takes: when it is over, something hangs.
const BOUND: Duration = Duration::from_mins(1);

fn mail(number: usize) -> Mail {
    Mail {
        to: address(number),
        subject: "A subject".to_owned(),
        text: "A text.\n".to_owned(),
    }
}

fn address(number: usize) -> Email {
    Email::parse(&format!("{number}@example.org")).expect("an address")
}

/// Answers what it is told to, and counts. It begins when it is let.
struct Scripted {
    answers: Mutex<Vec<Result<(), PortErrorKind>>>,
    asked: AtomicU64,
    was_asked: Notify,
    turns: Semaphore,
}

impl Scripted {
    fn new(mut answers: Vec<Result<(), PortErrorKind>>, turns: usize) -> Arc<Self> {
        answers.reverse();
        Arc::new(Self {
            answers: Mutex::new(answers),
            asked: AtomicU64::new(0),
            was_asked: Notify::new(),
            turns: Semaphore::new(turns),
        })
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until it was asked so many times.
    async fn until_asked(&self, times: u64) {
        let asked = async {
            loop {
                let next = self.was_asked.notified();
                if self.asked() >= times {
                    return;
                }
                next.await;
            }
        };
        tokio::time::timeout(BOUND, asked).await.expect("asked in time");
    }
}

#[async_trait]
impl Mailer for Scripted {
    async fn send(&self, _mail: &Mail) -> Result<(), PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.was_asked.notify_waiters();
        self.turns.acquire().await.expect("never closed").forget();
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        answer.unwrap_or(Ok(())).map_err(|kind| match kind {
            PortErrorKind::Unavailable => PortError::unavailable("send a mail", "away"),
            PortErrorKind::Bug => PortError::bug("send a mail", "refused"),
        })
    }
}

/// How many are neither sent nor given up.
fn left(queued: &QueuedMailer) -> u64 {
    queued.waiting.0.load(Ordering::SeqCst)
}

#[tokio::test]
async fn what_was_queued_is_sent_before_the_end() {
    let mailer = Arc::new(MemoryMailer::default());
    let (queued, outbox) = QueuedMailer::pausing(mailer.clone(), NEVER);
    for number in 0..10 {
        queued.send(&mail(number)).await.expect("queued");
    }
    outbox.stop_within(BOUND).await;
    for number in 0..10 {
        assert_eq!(mailer.sent_to(&address(number)), [mail(number)]);
    }
    assert_eq!((mailer.count(), left(&queued)), (10, 0));
    assert!(queued.send(&mail(0)).await.expect_err("over").is_unavailable());
}

#[tokio::test]
async fn nobody_waits_for_the_server_and_no_more_than_the_bound_wait_in_the_queue() {
    let mailer = Scripted::new(Vec::new(), 0);
    let (queued, outbox) = QueuedMailer::pausing(mailer.clone(), SOON);
    for number in 0..AT_ONCE {
        queued.send(&mail(number)).await.expect("queued");
    }
    mailer.until_asked(AT_ONCE as u64).await;
    for number in 0..WAITING_MAX {
        queued.send(&mail(number)).await.expect("queued");
    }
    let error = queued.send(&mail(0)).await.expect_err("one too many");
    assert!(error.is_unavailable());
    assert_eq!(mailer.asked(), AT_ONCE as u64);
    assert_eq!(left(&queued), (AT_ONCE + WAITING_MAX) as u64);
    mailer.turns.add_permits(AT_ONCE + WAITING_MAX);
    outbox.stop_within(BOUND).await;
    assert_eq!(mailer.asked(), (AT_ONCE + WAITING_MAX) as u64);
}

#[tokio::test]
async fn a_mail_is_tried_three_times_and_then_given_up() {
    let away = Err(PortErrorKind::Unavailable);
    for (answers, tries) in [
        (vec![away, away, Ok(())], 3),
        (vec![away, away, away, Ok(())], 3),
        (vec![Err(PortErrorKind::Bug), Ok(())], 1),
        (vec![away, Err(PortErrorKind::Bug), Ok(())], 2),
    ] {
        let mailer = Scripted::new(answers, 10);
        let (queued, outbox) = QueuedMailer::pausing(mailer.clone(), SOON);
        queued.send(&mail(1)).await.expect("queued");
        outbox.stop_within(BOUND).await;
        assert_eq!((mailer.asked(), left(&queued)), (tries, 0));
    }
}

#[tokio::test]
async fn a_mail_that_pauses_holds_up_no_other() {
    let mailer = Scripted::new(vec![Err(PortErrorKind::Unavailable)], 10);
    let (queued, outbox) = QueuedMailer::pausing(mailer.clone(), NEVER);
    queued.send(&mail(1)).await.expect("queued");
    mailer.until_asked(1).await;
    queued.send(&mail(2)).await.expect("queued");
    mailer.until_asked(2).await;
    // The end of the program waits for no pause either.
    outbox.stop_within(BOUND).await;
    assert_eq!((mailer.asked(), left(&queued)), (3, 0));
}

#[tokio::test]
async fn the_end_waits_for_no_server_that_hangs() {
    let mailer = Scripted::new(Vec::new(), 0);
    let (queued, outbox) = QueuedMailer::pausing(mailer.clone(), SOON);
    queued.send(&mail(1)).await.expect("queued");
    mailer.until_asked(1).await;
    outbox.stop_within(Duration::from_millis(1)).await;
    assert_eq!(left(&queued), 0);
}
