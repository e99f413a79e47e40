//! Entries that a worker took and did not settle before it ended: taken over together, unless they may be why it ended.

use std::time::Duration;

use redis::{RedisResult, Value, cmd};

use super::reader::ms;
use super::reply::{self, Held, Taken};
use crate::redis::keys;
use crate::redis::link::Link;

/// Before the first entry.
pub(super) const START: &str = "-";
/// So often an entry may have been given out with others. After that it comes alone: it may be what ends its workers.
const TOGETHER_MAX: u64 = 5;
/// So often an entry may have been given out at all, half of them alone. After that it is a dead letter.
const GIVEN_OUT_MAX: u64 = 10;

/// What is taken over by one worker.
pub(super) struct Orphans<'a> {
    pub(super) link: &'a Link,
    pub(super) stream: &'a str,
    /// The worker.
    pub(super) heir: &'a str,
    /// How many entries it takes at once.
    pub(super) entries_max: usize,
}

/// Who took them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The heir itself, before it restarted.
    Own,
    /// Anybody who has not held them for so long.
    Abandoned(Duration),
}

impl Orphans<'_> {
    /// Takes over the next after the entry named. Answers after which to go on; nothing when it has seen all.
    pub(super) async fn adopt(
        &self,
        whose: Whose,
        mut after: String,
        taken: &mut Taken,
    ) -> RedisResult<Option<String>> {
        loop {
            let held = self.held(whose, &after).await?;
            let chosen = together(&held);
            let Some(last) = chosen.last() else {
                return Ok(None);
            };
            after.clone_from(&last.id);
            let claimed = self.claim(whose, chosen).await?;
            if last.deliveries >= GIVEN_OUT_MAX {
                taken.give_up(claimed, last.deliveries);
            } else {
                taken.add(claimed);
            }
            // Who else takes over may have been quicker, and entries that were deleted are gone.
            if !taken.is_empty() {
                return Ok(Some(after));
            }
        }
    }

    async fn held(&self, whose: Whose, after: &str) -> RedisResult<Vec<Held>> {
        let mut pending = cmd("XPENDING");
        pending.arg(self.stream).arg(keys::GROUP);
        if let Whose::Abandoned(after) = whose {
            pending.arg("IDLE").arg(ms(after));
        }
        match after {
            START => pending.arg(START),
            // "(" leaves the entry itself out.
            after => pending.arg(format!("({after}")),
        };
        pending.arg("+").arg(self.entries_max);
        if whose == Whose::Own {
            pending.arg(self.heir);
        }
        reply::held(self.link.query(&pending).await?)
    }

    /// Counts as another delivery.
    async fn claim(&self, whose: Whose, held: &[Held]) -> RedisResult<Vec<reply::Delivered>> {
        let idle = match whose {
            Whose::Own => 0,
            Whose::Abandoned(after) => ms(after),
        };
        let mut claim = cmd("XCLAIM");
        claim.arg(self.stream).arg(keys::GROUP).arg(self.heir).arg(idle);
        for entry in held {
            claim.arg(&entry.id);
        }
        reply::delivered(self.link.query::<Value>(&claim).await?)
    }
}

/// The first of them that may be taken together.
fn together(held: &[Held]) -> &[Held] {
    let is_suspect = |entry: &Held| entry.deliveries >= TOGETHER_MAX;
    match held.iter().position(is_suspect) {
        Some(0) => &held[..1],
        Some(suspect) => &held[..suspect],
        None => held,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(deliveries: &[u64]) -> Vec<String> {
        let held: Vec<Held> = (0..)
            .zip(deliveries)
            .map(|(id, deliveries)| Held {
                id: format!("{id}-0"),
                deliveries: *deliveries,
            })
            .collect();
        together(&held).iter().map(|entry| entry.id.clone()).collect()
    }

    #[test]
    fn what_was_given_out_too_often_comes_alone_and_its_neighbours_without_it() {
        assert_eq!(ids(&[]), [""; 0]);
        assert_eq!(ids(&[1, 4, 1]), ["0-0", "1-0", "2-0"]);
        assert_eq!(ids(&[1, 5, 1]), ["0-0"]);
        assert_eq!(ids(&[5, 5, 1]), ["0-0"]);
    }
}
