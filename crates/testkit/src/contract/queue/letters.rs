//! To the dead letters and back.

use ports::usage::{Dead, DeadContent, Outcome};

use super::{NEVER, QueueUnderTest, dead, letter, settled, taken, taken_now};
use crate::arrivals::{numbered, ping};

const GARBAGE: &[u8] = &[0xff, 0x00, b'\r', b'\n', b'p'];

/// # Panics
/// When the promise is broken.
pub async fn dead_letters_are_listed_in_pages_oldest_first(queue: &dyn QueueUnderTest) {
    let worker = queue.worker("a", NEVER);
    for count in 0..5 {
        queue.door().push(vec![ping(1, count)]).await.expect("kept");
        let batch = taken(&*worker).await;
        let outcome = Outcome {
            dead: vec![dead(&batch, 0, &format!("reason {count}"))],
            ..Outcome::default()
        };
        settled(&*worker, &batch, outcome).await;
    }
    let letters = queue.letters();
    let mut after: Option<String> = None;
    let mut listed = Vec::new();
    for size in [2, 2, 1, 0] {
        let page = letters.list(after.as_deref(), 2).await.expect("a page");
        assert_eq!(page.len(), size);
        after = page.last().map(|last| last.id.clone()).or(after);
        listed.extend(page);
    }
    assert!(listed.is_sorted_by_key(|kept| kept.died_at));
    let listed: Vec<_> = listed.into_iter().map(|kept| kept.letter).collect();
    let expected = (0..5).map(|count| letter(&ping(1, count), &format!("reason {count}")));
    assert_eq!(listed, expected.collect::<Vec<_>>());
}

/// # Panics
/// When the promise is broken.
pub async fn a_dead_arrival_is_replayed_once(queue: &dyn QueueUnderTest) {
    let (worker, letters) = (queue.worker("a", NEVER), queue.letters());
    queue.door().push(vec![numbered(1, 0), ping(1, 1)]).await.expect("kept");
    let batch = taken(&*worker).await;
    let outcome = Outcome {
        dead: vec![dead(&batch, 0, "a test")],
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    let [letter] = &letters.list(None, 10).await.expect("a page")[..] else {
        panic!("one letter");
    };
    assert_eq!(letters.find(&letter.id).await.expect("looked up"), Some(letter.clone()));
    assert!(letters.replay(&letter.id).await.expect("replayed"));
    assert!(!letters.replay(&letter.id).await.expect("gone"));
    assert_eq!(letters.find(&letter.id).await.expect("looked up"), None);
    assert_eq!(letters.list(None, 10).await.expect("a page"), []);
    let again = taken(&*worker).await;
    assert_eq!(again.arrivals, [numbered(1, 0)]);
    assert_eq!(again.receipt.shard, batch.receipt.shard);
    settled(&*worker, &again, Outcome::default()).await;
}

/// # Panics
/// When the promise is broken.
pub async fn unreadable_bytes_are_replayed_as_they_are(queue: &dyn QueueUnderTest) {
    let (worker, letters) = (queue.worker("a", NEVER), queue.letters());
    queue.push_unreadable(1, GARBAGE.to_vec()).await;
    for _ in 0..2 {
        let batch = taken(&*worker).await;
        assert_eq!((batch.receipt.shard, &batch.arrivals[..]), (1, &[][..]));
        let [Dead { entry: 0, letter }] = &batch.unreadable[..] else {
            panic!("one unreadable entry");
        };
        assert_eq!(letter.content, DeadContent::Unreadable(GARBAGE.to_vec()));
        assert!(
            !letter.reason.is_empty() && !letter.reason.contains('\n'),
            "{:?}",
            letter.reason
        );
        let outcome = Outcome {
            dead: batch.unreadable.clone(),
            ..Outcome::default()
        };
        settled(&*worker, &batch, outcome).await;
        let [kept] = &letters.list(None, 10).await.expect("a page")[..] else {
            panic!("one letter");
        };
        assert_eq!(kept.letter, *letter);
        assert!(letters.replay(&kept.id).await.expect("replayed"));
    }
    let batch = taken(&*worker).await;
    settled(&*worker, &batch, Outcome::default()).await;
}

/// # Panics
/// When the promise is broken.
pub async fn what_is_unreadable_holds_nothing_else_back(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    let (before, after) = (ping(1, 0), ping(1, 1));
    door.push(vec![before.clone()]).await.expect("kept");
    for shard in 0..worker.shards() {
        queue.push_unreadable(shard, GARBAGE.to_vec()).await;
        queue.push_unreadable(shard, Vec::new()).await;
    }
    door.push(vec![after.clone()]).await.expect("kept");
    let (mut arrivals, mut unreadable) = (Vec::new(), 0);
    while let Some(batch) = taken_now(&*worker).await {
        unreadable += batch.unreadable.len();
        settled(&*worker, &batch, Outcome::default()).await;
        arrivals.extend(batch.arrivals);
    }
    assert_eq!(arrivals, [before, after]);
    assert_eq!(unreadable, 2 * usize::from(worker.shards()));
}

/// # Panics
/// When the promise is broken.
pub async fn a_letter_that_does_not_exist_is_not_replayed(queue: &dyn QueueUnderTest) {
    let letters = queue.letters();
    for id in ["", "-", "1-1", "99", "no such letter", "99999999999999999999-0"] {
        assert!(!letters.replay(id).await.expect("looked up"), "{id:?}");
        assert_eq!(letters.find(id).await.expect("looked up"), None, "{id:?}");
        assert_eq!(letters.list(Some(id), 1).await.expect("a page"), [], "{id:?}");
    }
}
