//! A person's own dead letters among those of everybody.

use std::sync::Arc;

use domain::accounts::Caller;
use domain::usage::Lane;
use ports::usage::{Batch, Dead, DeadContent, DeadLetter, KeptLetter, Outcome, Part, PingSource};
use services::usage::OwnLetters;

use crate::world::{World, caller, ping};

impl World {
    fn own_letters(&self) -> OwnLetters {
        OwnLetters {
            letters: Arc::new(self.queue.clone()),
        }
    }

    /// Buries a ping of each of these people, in their order.
    async fn bury(&self, people: impl IntoIterator<Item = u128>) {
        let pings: Vec<_> = people
            .into_iter()
            .map(|user| ping("Editor", -10, -5).sent_by(&caller(user)))
            .collect();
        let mut left = pings.len();
        for some in pings.chunks(Lane::LIVE_PINGS_MAX) {
            self.push(some.to_vec()).await;
        }
        while left > 0 {
            let batch = self
                .source
                .take(0, Part::Live, Batch::ARRIVALS_MAX)
                .await
                .expect("there")
                .expect("a batch");
            left -= batch.arrivals.len();
            let dead = batch.arrivals.iter().enumerate().map(|(at, arrival)| Dead {
                entry: batch.entry_of(at),
                letter: DeadLetter {
                    content: DeadContent::Arrival(arrival.clone()),
                    reason: "a test".to_owned(),
                },
            });
            let outcome = Outcome {
                dead: dead.collect(),
                ..Outcome::default()
            };
            self.source.settle(&batch.receipt, &outcome).await.expect("settled");
        }
    }
}

/// All letters of somebody, by pages, and how many pages that took.
async fn all(own: &OwnLetters, of: &Caller, limit: usize) -> (Vec<KeptLetter>, usize) {
    let (mut letters, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = own.page(of, after, limit).await.expect("there");
        assert!(page.letters.len() <= limit);
        letters.extend(page.letters);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (letters, pages);
        }
    }
}

#[tokio::test]
async fn everybody_sees_their_own_and_nobody_elses() {
    let world = World::new();
    world.queue.push_unreadable(0, vec![9]);
    world.bury((0..30).map(|number| 1 + number % 3)).await;
    let own = world.own_letters();
    for (limit, pages) in [(3, 4), (10, 2), (11, 1), (500, 1)] {
        let (letters, took) = all(&own, &caller(2), limit).await;
        assert_eq!((letters.len(), took), (10, pages), "{limit} at a time");
        assert!(letters.is_sorted_by_key(|kept| kept.id.parse::<u64>().expect("a number")));
        assert!(
            letters
                .iter()
                .all(|kept| kept.arrival().expect("readable").user() == caller(2).user)
        );
    }
    assert_eq!(all(&own, &caller(9), 10).await, (vec![], 1));
    let hers = all(&own, &caller(2), 1).await.0.remove(0);
    assert_eq!(own.show(&caller(2), &hers.id).await.expect("there"), Some(hers.clone()));
    assert_eq!(own.show(&caller(1), &hers.id).await.expect("there"), None);
    assert!(!own.replay(&caller(1), &hers.id).await.expect("there"));
    assert!(own.replay(&caller(2), &hers.id).await.expect("there"));
    assert!(
        !own.replay(&caller(2), &hers.id).await.expect("there"),
        "it waits to be merged"
    );
    assert_eq!(all(&own, &caller(2), 100).await.0.len(), 9);
}

#[tokio::test]
async fn a_page_looks_through_no_more_letters_than_it_may() {
    let world = World::new();
    let many = OwnLetters::LOOKED_THROUGH_MAX;
    world
        .bury((0..=many).map(|number| if number == many { 2 } else { 1 }))
        .await;
    let own = world.own_letters();
    let first = own.page(&caller(2), None, 10).await.expect("there");
    assert!(first.letters.is_empty() && first.next.is_some());
    let second = own.page(&caller(2), first.next, 10).await.expect("there");
    assert_eq!((second.letters.len(), second.next), (1, None));
}
