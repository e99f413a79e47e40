//! Forgetting people, and what tells when nothing of theirs can be on its way any more.

use domain::usage::Arrival;
use ports::usage::{DeadLetter, Outcome};

use super::{NEVER, QueueUnderTest, dead, drained, letter, settled, taken};
use crate::arrivals::{device, numbered, ping, user};

/// More letters than anybody reads at once.
const MANY: u64 = 1_100;

/// Pushes `arrivals`, takes them and buries them all.
async fn bury(queue: &dyn QueueUnderTest, arrivals: Vec<Arrival>) {
    let worker = queue.worker("a", NEVER);
    let mut left = arrivals.len();
    queue.door().push(arrivals).await.expect("kept");
    while left > 0 {
        let batch = taken(&*worker).await;
        left -= batch.arrivals.len();
        let outcome = Outcome {
            dead: (0..batch.arrivals.len())
                .map(|arrival| dead(&batch, arrival, "a test"))
                .collect(),
            ..Outcome::default()
        };
        settled(&*worker, &batch, outcome).await;
    }
}

async fn letters(queue: &dyn QueueUnderTest) -> Vec<DeadLetter> {
    let kept = queue.letters().list(None, 10_000).await.expect("a page");
    kept.into_iter().map(|kept| kept.letter).collect()
}

/// # Panics
/// When the promise is broken.
pub async fn an_empty_queue_has_no_oldest_entry(queue: &dyn QueueUnderTest) {
    let worker = queue.worker("a", NEVER);
    assert_eq!(worker.oldest().await.expect("asked"), None);
    queue.door().push(vec![ping(1, 0)]).await.expect("kept");
    assert!(worker.oldest().await.expect("asked").is_some());
    drained(&*worker).await;
    assert_eq!(worker.oldest().await.expect("asked"), None);
}

/// Whoever has taken it, and whatever else was settled.
///
/// # Panics
/// When the promise is broken.
pub async fn the_oldest_entry_is_the_first_that_is_not_settled(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    door.push(vec![ping(0, 0)]).await.expect("kept");
    let first = worker.oldest().await.expect("asked").expect("one waits");
    let batch = taken(&*worker).await;
    assert_eq!(worker.oldest().await.expect("asked"), Some(first), "it is in hand");
    let mut others = Vec::new();
    for number in 1..9 {
        door.push(vec![ping(number, 0)]).await.expect("kept");
        others.push(taken(&*worker).await);
        assert_eq!(worker.oldest().await.expect("asked"), Some(first));
    }
    settled(&*worker, &batch, Outcome::default()).await;
    let second = worker.oldest().await.expect("asked").expect("others are in hand");
    assert!(second >= first);
    for batch in &others {
        settled(&*worker, batch, Outcome::default()).await;
    }
    assert_eq!(worker.oldest().await.expect("asked"), None);
}

/// # Panics
/// When the promise is broken.
pub async fn a_letter_that_is_replayed_counts_from_then_on(queue: &dyn QueueUnderTest) {
    let worker = queue.worker("a", NEVER);
    bury(queue, vec![ping(1, 0)]).await;
    assert_eq!(worker.oldest().await.expect("asked"), None, "a letter does not wait");
    let [letter] = &queue.letters().list(None, 10).await.expect("a page")[..] else {
        panic!("one letter");
    };
    assert!(queue.letters().replay(&letter.id).await.expect("replayed"));
    let oldest = worker.oldest().await.expect("asked").expect("it waits");
    assert!(oldest >= letter.died_at);
    drained(&*worker).await;
}

/// # Panics
/// When the promise is broken.
pub async fn the_letters_of_erased_people_are_forgotten_and_no_others(queue: &dyn QueueUnderTest) {
    let pings = |number: u64| (0..MANY).map(move |count| ping(number, count));
    for number in [1, 2, 3] {
        bury(queue, pings(number).collect()).await;
    }
    bury(queue, vec![ping(2, MANY), ping(1, MANY)]).await;
    queue.erasure().erase(&[user(1), user(3)], &[]).await.expect("erased");
    let expected = pings(2).chain([ping(2, MANY)]).map(|ping| letter(&ping, "a test"));
    let kept = letters(queue).await;
    assert_eq!(kept.len(), usize::try_from(MANY + 1).expect("small"));
    assert!(expected.eq(kept));
}

/// In part at least it is theirs; what else it holds, nobody can tell.
///
/// # Panics
/// When the promise is broken.
pub async fn an_unreadable_letter_is_forgotten_where_it_names_somebody_erased(queue: &dyn QueueUnderTest) {
    let worker = queue.worker("a", NEVER);
    for number in [1, 2] {
        let garbage = [&[0xff, 0x00][..], user(number).0.as_bytes(), &[7]].concat();
        queue.push_unreadable(1, garbage).await;
        let batch = taken(&*worker).await;
        let outcome = Outcome {
            dead: batch.unreadable.clone(),
            ..Outcome::default()
        };
        settled(&*worker, &batch, outcome).await;
    }
    let before = letters(queue).await;
    assert_eq!(before.len(), 2);
    queue.erasure().erase(&[user(1)], &[]).await.expect("erased");
    assert_eq!(letters(queue).await, before[1..]);
}

/// # Panics
/// When the promise is broken.
pub async fn how_far_erased_devices_are_merged_is_forgotten(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    door.push(vec![numbered(1, 0)]).await.expect("kept");
    let batch = taken(&*worker).await;
    let merged_through = (1..=3).map(|number| (device(number), 1)).collect();
    let outcome = Outcome {
        merged_through,
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    queue
        .erasure()
        .erase(&[user(1)], &[device(1), device(3)])
        .await
        .expect("erased");
    for (number, through) in [(1, None), (2, Some(1)), (3, None)] {
        assert_eq!(door.push(vec![numbered(number, 1)]).await.expect("kept"), through);
    }
    drained(&*worker).await;
}

/// An entry may hold pings of many people.
///
/// # Panics
/// When the promise is broken.
pub async fn what_waits_is_left_to_the_merge(queue: &dyn QueueUnderTest) {
    queue.door().push(vec![ping(1, 0)]).await.expect("kept");
    queue.erasure().erase(&[user(1)], &[device(1)]).await.expect("erased");
    assert_eq!(drained(&*queue.worker("a", NEVER)).await, [ping(1, 0)]);
}

/// # Panics
/// When the promise is broken.
pub async fn erasing_again_or_nobody_changes_nothing(queue: &dyn QueueUnderTest) {
    let erasure = queue.erasure();
    erasure
        .erase(&[user(1)], &[device(1)])
        .await
        .expect("erased, where nothing is");
    bury(queue, vec![ping(1, 0), ping(1, 1)]).await;
    bury(queue, vec![ping(2, 0)]).await;
    erasure.erase(&[], &[]).await.expect("nobody was erased");
    assert_eq!(letters(queue).await.len(), 3);
    for _ in 0..2 {
        erasure.erase(&[user(1)], &[device(1)]).await.expect("erased");
        assert_eq!(letters(queue).await, [letter(&ping(2, 0), "a test")]);
    }
}
