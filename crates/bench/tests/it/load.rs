//! A run plays every script to its end, counts what was good and says why the rest was not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench::load::{Outcome, Pace, Plan, Script, run};

use crate::server::serve;

/// Asks for numbers in order, so many times.
struct Count {
    next: u64,
    until: u64,
    answers: Vec<(u16, Vec<u8>)>,
}

impl Script for Count {
    fn next(&mut self, request: &mut Vec<u8>) -> bool {
        if self.next == self.until {
            return false;
        }
        self.next += 1;
        request.extend(format!("GET /{} HTTP/1.1\r\n\r\n", self.next).as_bytes());
        true
    }

    fn answered(&mut self, status: u16, body: &[u8]) -> bool {
        self.answers.push((status, body.to_vec()));
        status == 200
    }
}

fn counts(connections: usize, until: u64) -> Vec<Count> {
    let count = || Count {
        next: 0,
        until,
        answers: Vec::new(),
    };
    std::iter::repeat_with(count).take(connections).collect()
}

/// The path asked for, as the body.
fn echo(line: &str) -> String {
    let path = line.split(' ').nth(1).unwrap_or_default();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len())
}

fn plan(target: SocketAddr) -> Plan {
    Plan {
        target,
        warm_up: Duration::ZERO,
        measured: Duration::from_mins(1),
        pace: Pace::Closed,
        threads: 2,
    }
}

async fn play(plan: Plan, scripts: Vec<Count>) -> Outcome<Count, u64> {
    let looks = AtomicU64::new(0);
    let look = move || looks.fetch_add(1, Ordering::Relaxed);
    let played = tokio::task::spawn_blocking(move || run(plan, scripts, look));
    played.await.expect("no panic").expect("a run")
}

#[tokio::test]
async fn every_script_is_played_to_its_end_and_its_answers_are_its_own() {
    let target = serve(echo).await;
    let outcome = play(plan(target), counts(5, 40)).await;
    assert_eq!((outcome.latency.count(), outcome.failed), (200, 0));
    assert_eq!(outcome.seen, (0, 1));
    assert!(
        outcome.rate() > 0.0 && outcome.counted < Duration::from_mins(1),
        "{:?}",
        outcome.counted
    );
    let expected: Vec<_> = (1..=40).map(|n| (200, format!("/{n}").into_bytes())).collect();
    assert_eq!(outcome.scripts.len(), 5);
    assert!(outcome.scripts.iter().all(|script| script.answers == expected));
}

#[tokio::test]
async fn a_run_without_an_end_ends_when_its_time_is_over() {
    let target = serve(echo).await;
    let measured = Duration::from_secs(1);
    let outcome = play(
        Plan {
            measured,
            ..plan(target)
        },
        counts(3, u64::MAX),
    )
    .await;
    assert!(
        outcome.latency.count() > 0 && outcome.counted <= measured,
        "{outcome:?}",
        outcome = outcome.counted
    );
}

#[tokio::test]
async fn answers_of_the_warm_up_are_not_counted() {
    let target = serve(echo).await;
    let (warm_up, measured) = (Duration::from_mins(1), Duration::ZERO);
    let outcome = play(
        Plan {
            warm_up,
            measured,
            ..plan(target)
        },
        counts(2, 10),
    )
    .await;
    assert_eq!((outcome.latency.count(), outcome.failed), (0, 0));
    assert!(outcome.scripts.iter().all(|script| script.answers.len() == 10));
}

#[tokio::test]
async fn what_is_not_good_is_counted_apart_and_the_first_is_shown() {
    let answer = |line: &str| match line {
        "GET /3 HTTP/1.1" => "HTTP/1.1 503 x\r\ncontent-length: 4\r\n\r\nfull".to_owned(),
        _ => echo(line),
    };
    let target = serve(answer).await;
    let outcome = play(plan(target), counts(2, 10)).await;
    assert_eq!((outcome.latency.count(), outcome.failed), (18, 2));
    assert_eq!(outcome.first_failure.as_deref(), Some("503 full"));
    let failure = outcome.faultless("a test").err().expect("two failed").to_string();
    assert!(failure.contains("a test: 2 requests failed"), "{failure}");
}

#[tokio::test]
async fn nobody_there_ends_every_script_after_a_bounded_number_of_failures() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = listener.local_addr().expect("an address");
    drop(listener);
    let outcome = play(plan(target), counts(2, u64::MAX)).await;
    assert_eq!((outcome.latency.count(), outcome.failed), (0, 200));
    assert!(outcome.first_failure.is_some_and(|why| why.contains("refused")));
}

#[tokio::test]
async fn at_a_set_pace_requests_are_sent_no_sooner_than_they_are_due() {
    let arrivals = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrivals);
    let target = serve(move |line| {
        seen.lock().expect("no panic").push(Instant::now());
        echo(line)
    })
    .await;
    let every = Duration::from_millis(20);
    let began = Instant::now();
    let pace = Pace::Open { every, of: 2 };
    let outcome = play(Plan { pace, ..plan(target) }, counts(2, 10)).await;
    assert_eq!(outcome.latency.count(), 20);
    // Two connections take turns: the last of 20 requests is due 19 halves of the pace after the first.
    let last = arrivals.lock().expect("no panic")[19].duration_since(began);
    assert!(last >= every * 19 / 2, "{last:?}");
}
