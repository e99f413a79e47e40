//! Keeps what the capture hands on: as much at a time as there is, so that a slow disk is synced less often.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::chain::Chain;
use crate::outbox::Outbox;
use crate::watch::Ping;

/// How many pings may wait for the disk, once in the channel and once here.
pub const UNKEPT_MAX: usize = 1_024;
/// How long to wait before a write that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Runs until the capture has let go of its end of the channel, and everything is kept or cannot be.
pub fn keep(outbox: &Outbox, unkept: &Receiver<Ping>) {
    let mut pings: Vec<Ping> = Vec::new();
    let (mut failing, mut ended) = (false, false);
    loop {
        if pings.is_empty() {
            match unkept.recv() {
                Ok(ping) => pings.push(ping),
                Err(_) => return,
            }
        }
        pings.extend(unkept.try_iter().take(UNKEPT_MAX.saturating_sub(pings.len())));
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
                ended = pause(&mut pings, unkept);
            }
        }
    }
}

/// Lets some time pass. True if the capture has ended.
fn pause(pings: &mut Vec<Ping>, unkept: &Receiver<Ping>) -> bool {
    if pings.len() >= UNKEPT_MAX {
        thread::sleep(RETRY_PAUSE);
        return false;
    }
    match unkept.recv_timeout(RETRY_PAUSE) {
        Ok(ping) => {
            pings.push(ping);
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

    use domain::time::{Span, UnixMs};
    use domain::usage::AppName;

    use crate::spool::Spool;

    use super::*;

    #[test]
    fn everything_handed_on_is_kept_in_order() {
        let dir = tempfile::tempdir().expect("a directory");
        let outbox = Arc::new(Outbox::new(Spool::open(dir.path(), 1_000).expect("opened")));
        let (pings, unkept) = sync_channel(4);
        let keeper = {
            let outbox = Arc::clone(&outbox);
            thread::spawn(move || keep(&outbox, &unkept))
        };
        for number in 0..200 {
            let span = Span::new(UnixMs(number), UnixMs(number + 1)).expect("not empty");
            let app = AppName::parse("A").expect("a name");
            pings.send(Ping { app, span }).expect("taken");
        }
        drop(pings);
        keeper.join().expect("ended");
        let offers = outbox.lock().spool.offers(0, 1_000);
        let starts: Vec<i64> = offers.iter().map(|offer| offer.kept.span.start().0).collect();
        assert_eq!(starts, (0..200).collect::<Vec<_>>());
        assert!(fs::metadata(dir.path().join("spool")).expect("there").len() > 0);
    }
}
