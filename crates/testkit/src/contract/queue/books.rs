//! Everything that came in is somewhere, and counted once.

use ports::usage::{Books, Dropped, Outcome};

use super::{NEVER, QueueUnderTest, dead, drained, settled, taken, taken_now};
use crate::arrivals::{device, heartbeat, numbered, ping, refused, user};

/// How soon a batch that nobody holds counts as abandoned, where that is to happen.
const AT_ONCE: std::time::Duration = std::time::Duration::from_millis(1);

/// # Panics
/// When the promise is broken.
pub async fn what_is_pushed_is_received_and_in_flight(queue: &dyn QueueUnderTest) {
    assert_eq!(queue.books().await, Books::default());
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    door.push(vec![ping(1, 0), numbered(1, 1), refused(1, 2)])
        .await
        .expect("kept");
    door.push(Vec::new()).await.expect("nothing to keep");
    door.push((0..1_000).map(|count| ping(2, count)).collect())
        .await
        .expect("kept");
    let expected = Books {
        received: 1_003,
        in_flight: 1_003,
        ..Books::default()
    };
    assert_eq!(queue.books().await, expected);
    let batch = taken(&*worker).await;
    assert_eq!(queue.books().await, expected, "what is taken is in flight");
    settled(&*worker, &batch, Outcome::default()).await;
    drained(&*worker).await;
}

/// # Panics
/// When the promise is broken.
pub async fn what_is_settled_is_counted_for_what_became_of_it(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    let pushed = vec![
        ping(1, 0),
        numbered(1, 1),
        refused(1, 2),
        refused(1, 3),
        refused(1, 4),
        ping(1, 5),
    ];
    door.push(pushed).await.expect("kept");
    let batch = taken(&*worker).await;
    let outcome = Outcome {
        dead: vec![dead(&batch, 0, "a test"), dead(&batch, 2, "a test")],
        dropped: vec![Dropped {
            entry: 0,
            pings: 1,
            refused: 1,
        }],
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    queue.push_unreadable(0, vec![0xff]).await;
    let batch = taken(&*worker).await;
    let outcome = Outcome {
        dead: batch.unreadable.clone(),
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    let expected = Books {
        received: 7,
        merged: 1,
        refused: 1,
        dropped: 2,
        dead: 3,
        in_flight: 0,
    };
    assert_eq!(queue.books().await, expected);
}

/// Also beside pings of others that are written at the same time, and as dead letters.
///
/// # Panics
/// When the promise is broken.
pub async fn heartbeats_come_as_they_were_sent_and_count_as_pings(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    let beats = vec![heartbeat(1, 0), heartbeat(1, 7), heartbeat(1, 0)];
    door.push(vec![ping(1, 0)]).await.expect("kept");
    door.push(beats.clone()).await.expect("kept");
    let batch = taken(&*worker).await;
    assert_eq!(batch.arrivals, [vec![ping(1, 0)], beats].concat());
    let outcome = Outcome {
        dead: vec![dead(&batch, 1, "a test")],
        dropped: vec![Dropped {
            entry: batch.entry_of(2),
            pings: 1,
            refused: 0,
        }],
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    let expected = Books {
        received: 4,
        merged: 2,
        dropped: 1,
        dead: 1,
        ..Books::default()
    };
    assert_eq!(queue.books().await, expected);
    let letters = queue.letters().list(None, 9).await.expect("read");
    assert_eq!(letters[0].arrival(), Some(&heartbeat(1, 0)));
}

/// # Panics
/// When the promise is broken.
pub async fn what_is_settled_again_or_by_others_is_counted_once(queue: &dyn QueueUnderTest) {
    let (door, slow) = (queue.door(), queue.worker("slow", NEVER));
    door.push(vec![ping(1, 0), refused(1, 1)]).await.expect("kept");
    let batch = taken(&*slow).await;
    let heir = queue.worker("heir", AT_ONCE);
    let inherited = taken(&*heir).await;
    assert_eq!(inherited, batch);
    door.push(vec![ping(1, 2)]).await.expect("kept");
    let outcome = Outcome {
        dead: vec![dead(&batch, 0, "a test")],
        ..Outcome::default()
    };
    settled(&*heir, &inherited, outcome).await;
    for _ in 0..2 {
        settled(&*slow, &batch, Outcome::default()).await;
        settled(&*heir, &inherited, Outcome::default()).await;
    }
    let expected = Books {
        received: 3,
        refused: 1,
        dead: 1,
        in_flight: 1,
        ..Books::default()
    };
    assert_eq!(queue.books().await, expected);
    drained(&*heir).await;
}

/// Each of two workers has part of what the other has.
///
/// # Panics
/// When the promise is broken.
pub async fn what_others_settled_of_a_batch_is_neither_counted_nor_buried_by_it(queue: &dyn QueueUnderTest) {
    let (door, slow) = (queue.door(), queue.worker("slow", NEVER));
    for count in 0..3 {
        door.push(vec![ping(1, 2 * count), refused(1, 2 * count + 1)])
            .await
            .expect("kept");
    }
    let batch = taken(&*slow).await;
    assert_eq!((batch.arrivals.len(), batch.receipt.entries.len()), (6, 3));
    let of_batch = Outcome {
        dead: vec![
            dead(&batch, 0, "of both"),
            dead(&batch, 2, "of both"),
            dead(&batch, 4, "of one"),
        ],
        ..Outcome::default()
    };
    // Another has taken the first two of the three over.
    let heir = queue.worker("heir", NEVER);
    let mut inherited = batch.clone();
    inherited.receipt.entries.truncate(2);
    let of_inherited = Outcome {
        dead: of_batch.dead[..2].to_vec(),
        ..Outcome::default()
    };
    settled(&*heir, &inherited, of_inherited).await;
    settled(&*slow, &batch, of_batch).await;
    let expected = Books {
        received: 6,
        refused: 3,
        dead: 3,
        ..Books::default()
    };
    assert_eq!(queue.books().await, expected);
    let letters = queue.letters().list(None, 10).await.expect("a page");
    let reasons: Vec<_> = letters.iter().map(|kept| kept.letter.reason.as_str()).collect();
    assert_eq!(reasons, ["of both", "of both", "of one"]);
}

/// # Panics
/// When the promise is broken.
pub async fn a_dead_letter_that_is_replayed_is_in_flight_again(queue: &dyn QueueUnderTest) {
    let (worker, letters) = (queue.worker("a", NEVER), queue.letters());
    queue.door().push(vec![ping(1, 0), ping(1, 1)]).await.expect("kept");
    queue.push_unreadable(2, b"\xffnonsense".to_vec()).await;
    while let Some(batch) = taken_now(&*worker).await {
        let mut died: Vec<_> = (0..batch.arrivals.len()).map(|at| dead(&batch, at, "a test")).collect();
        died.extend(batch.unreadable.clone());
        let outcome = Outcome {
            dead: died,
            ..Outcome::default()
        };
        settled(&*worker, &batch, outcome).await;
    }
    let (received, mut left) = (3, 3);
    for kept in letters.list(None, 10).await.expect("a page") {
        for _ in 0..2 {
            letters.replay(&kept.id).await.expect("replayed, or gone");
        }
        left -= 1;
        let expected = Books {
            received,
            dead: left,
            in_flight: received - left,
            ..Books::default()
        };
        assert_eq!(queue.books().await, expected);
    }
    assert_eq!(left, 0);
    drained(&*worker).await;
}

/// # Panics
/// When the promise is broken.
pub async fn a_dead_letter_of_somebody_erased_is_dropped(queue: &dyn QueueUnderTest) {
    let worker = queue.worker("a", NEVER);
    for number in [1, 2] {
        queue
            .door()
            .push(vec![ping(number, 0), ping(number, 1)])
            .await
            .expect("kept");
        let batch = taken(&*worker).await;
        let outcome = Outcome {
            dead: vec![dead(&batch, 1, "a test")],
            ..Outcome::default()
        };
        settled(&*worker, &batch, outcome).await;
    }
    for _ in 0..2 {
        queue.erasure().erase(&[user(1)], &[device(1)]).await.expect("erased");
    }
    let expected = Books {
        received: 4,
        merged: 2,
        dropped: 1,
        dead: 1,
        ..Books::default()
    };
    assert_eq!(queue.books().await, expected);
}

/// # Panics
/// When the promise is broken.
pub async fn the_books_balance_whatever_is_done(queue: &dyn QueueUnderTest) {
    let (door, worker, letters) = (queue.door(), queue.worker("a", NEVER), queue.letters());
    let balances = async || {
        let books = queue.books().await;
        assert!(books.balance(), "{books:?}");
    };
    for round in 0..8_u64 {
        for number in 0..4 {
            let count = 10 * round + number;
            door.push(vec![ping(number, count), refused(number, count + 1)])
                .await
                .expect("kept");
            balances().await;
        }
        queue.push_unreadable(1, vec![0xff, 1, 2]).await;
        balances().await;
        let mut take = round % 3;
        while let Some(batch) = taken_now(&*worker).await {
            take += 1;
            let mut outcome = Outcome {
                dead: batch.unreadable.clone(),
                ..Outcome::default()
            };
            if take % 2 == 0 && !batch.arrivals.is_empty() {
                outcome.dead.push(dead(&batch, 0, "a test"));
            }
            for _ in 0..=take % 2 {
                settled(&*worker, &batch, outcome.clone()).await;
                balances().await;
            }
        }
        for kept in letters.list(None, 2).await.expect("a page") {
            letters.replay(&kept.id).await.expect("replayed");
            balances().await;
        }
        queue.erasure().erase(&[user(round % 4)], &[]).await.expect("erased");
        balances().await;
    }
    drained(&*worker).await;
    let books = queue.books().await;
    assert_eq!(books.received, 8 * (4 * 2 + 1), "{books:?}");
}
