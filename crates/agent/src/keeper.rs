//! Keeps what is handed on, as far as the person's wishes allow: as much at a time as there is, so that a slow disk is synced less often.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::chain::Chain;
use crate::outbox::Outbox;
use crate::privacy::Privacy;
use crate::privacy::changes::Changes;
use crate::watch::Ping;

/// How many pings may wait for the disk, once in the channel and once here.
pub const UNKEPT_MAX: usize = 1_024;
/// How long to wait before a write that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Is shown pings, and must not wait.
pub type Seen = Box<dyn Fn(&[Ping]) + Send>;

/// What becomes of a ping before it is kept.
pub struct Keeping {
    /// What may be kept of it.
    pub privacy: Arc<Privacy>,
    /// Is shown once what may be kept.
    pub seen: Seen,
}

/// Runs until the capture has let go of its end of the channel, and everything is kept or cannot be.
pub fn keep(outbox: &Outbox, unkept: &Receiver<Ping>, keeping: &Keeping) {
    let privacy = &*keeping.privacy;
    let mut pings: Vec<Ping> = Vec::new();
    // What the keeper has not looked at yet.
    let mut fresh: Vec<Ping> = Vec::new();
    let changes = Changes::of(privacy.dir());
    let (mut failing, mut ended) = (false, false);
    loop {
        if pings.is_empty() && fresh.is_empty() {
            match unkept.recv() {
                Ok(ping) => fresh.push(ping),
                Err(_) => return,
            }
        }
        fresh.extend(
            unkept
                .try_iter()
                .take(UNKEPT_MAX.saturating_sub(pings.len() + fresh.len())),
        );
        // Whoever was told that a wish is heard finds it heeded, so the files are asked each time.
        if changes.any() {
            privacy.reload();
        }
        let admitted: Vec<Ping> = fresh.drain(..).flat_map(|ping| privacy.admit(ping)).collect();
        if !admitted.is_empty() {
            (keeping.seen)(&admitted);
        }
        pings.extend(admitted);
        if pings.is_empty() {
            continue;
        }
        match outbox.keep(&pings) {
            Ok(dropped) => {
                if dropped > 0 {
                    tracing::warn!(dropped, "the spool is full: the oldest pings are gone");
                }
                pings.clear();
                failing = false;
            }
            Err(error) if ended => {
                tracing::error!(error = %Chain(&error), pings = pings.len(), "pings are lost: they could not be kept to the end");
                return;
            }
            Err(error) => {
                if !failing {
                    tracing::error!(error = %Chain(&error), "pings cannot be kept: trying on");
                }
                failing = true;
                ended = pause(pings.len(), &mut fresh, unkept);
            }
        }
    }
}

/// Lets some time pass. True if the capture has ended.
fn pause(unkept_pings: usize, fresh: &mut Vec<Ping>, unkept: &Receiver<Ping>) -> bool {
    if unkept_pings >= UNKEPT_MAX {
        thread::sleep(RETRY_PAUSE);
        return false;
    }
    match unkept.recv_timeout(RETRY_PAUSE) {
        Ok(ping) => {
            fresh.push(ping);
            false
        }
        Err(error) => error == RecvTimeoutError::Disconnected,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;
    use std::time::Instant;

    use domain::privacy::PlainRule;
    use domain::time::{Span, UnixMs};
    use domain::usage::AppName;

    use crate::privacy::{dir_in, private, rules};
    use crate::spool::{Kept, Offer, Spool};

    use super::*;

    #[test]
    fn everything_handed_on_is_kept_in_order() {
        let dir = tempfile::tempdir().expect("a directory");
        let outbox = Arc::new(Outbox::new(Spool::open(dir.path(), 1_000).expect("opened")));
        let (pings, unkept) = sync_channel(4);
        let keeper = {
            let outbox = Arc::clone(&outbox);
            let privacy = Arc::new(Privacy::open(dir.path()).expect("opened"));
            thread::spawn(move || {
                let seen = Box::new(|_: &[Ping]| {});
                keep(&outbox, &unkept, &Keeping { privacy, seen });
            })
        };
        for number in 0..200 {
            let span = Span::new(UnixMs(number), UnixMs(number + 1)).expect("not empty");
            let app = AppName::parse("A").expect("a name");
            pings.send(Ping::of_app(app, span)).expect("taken");
        }
        drop(pings);
        keeper.join().expect("ended");
        let offers = outbox.lock().spool.offers(0, 1_000);
        let starts: Vec<i64> = offers.iter().map(|offer| offer.kept.ping.span.start().0).collect();
        assert_eq!(starts, (0..200).collect::<Vec<_>>());
        assert!(fs::metadata(dir.path().join("spool")).expect("there").len() > 0);
    }

    #[test]
    fn what_may_not_be_recorded_is_not_kept_from_the_moment_that_somebody_wishes_so() {
        let dir = tempfile::tempdir().expect("a directory");
        let outbox = Arc::new(Outbox::new(Spool::open(dir.path(), 1_000).expect("opened")));
        let privacy = Privacy::open(dir.path()).expect("opened");
        let (pings, unkept) = sync_channel(0);
        let (home, private) = (privacy.dir().to_owned(), dir_in(dir.path()));
        assert_eq!(home, private);
        let keeper = {
            let outbox = Arc::clone(&outbox);
            thread::spawn(move || {
                let seen: Seen = Box::new(|_| {});
                keep(
                    &outbox,
                    &unkept,
                    &Keeping {
                        privacy: Arc::new(privacy),
                        seen,
                    },
                );
            })
        };
        let send = |app: &str, start: i64| {
            let span = Span::new(UnixMs(start), UnixMs(start + 10)).expect("not empty");
            pings
                .send(Ping::of_app(AppName::parse(app).expect("a name"), span))
                .expect("taken");
        };
        send("Secret", 0);
        let deadline = Instant::now() + Duration::from_mins(1);
        while outbox.lock().spool.waiting() == 0 {
            assert!(Instant::now() < deadline, "it is not kept");
            thread::yield_now();
        }
        send("Public", 10);
        let rule = PlainRule {
            app: Some("secret".to_owned()),
            action: "exclude".to_owned(),
            ..PlainRule::default()
        };
        rules::add(&home, rule).expect("added");
        send("Secret", 20);
        private::pause(&home, UnixMs(35), None).expect("paused");
        send("Public", 30);
        send("Public", 40);
        drop(pings);
        keeper.join().expect("ended");
        let offers = outbox.lock().spool.offers(0, 1_000);
        let kept: Vec<(String, i64, i64)> = offers
            .iter()
            .map(
                |Offer {
                     kept: Kept { ping, .. },
                     ..
                 }| (ping.app.as_str().to_owned(), ping.span.start().0, ping.span.end().0),
            )
            .collect();
        let expected = [("Secret", 0, 10), ("Public", 10, 20), ("Public", 30, 35)];
        assert_eq!(kept, expected.map(|(app, start, end)| (app.to_owned(), start, end)));
    }
}
