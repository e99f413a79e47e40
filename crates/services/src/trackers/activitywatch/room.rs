//! Room for new events in a bucket that is full. The oldest go whose time is claimed and settled, and those of which nothing may be claimed any more. Others were
//! promised to count once the rest of their time is known, so a list for which they would have to go is refused. A heartbeat never is: its watcher would lose it.

use std::collections::HashSet;

use domain::accounts::Caller;
use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::{GAP_MAX_MS, Known, Watched};
use ports::trackers::{EVENTS_MAX, Edit, EventWindow, Look, Seen, WatchEvent};

use super::{ActivityWatch, WatchError, watcher};

/// How many of the oldest events are looked at together, and so how many may go together: the next time there is room.
const TOGETHER_MAX: usize = 1_000;
/// How often that is done for an event, and for every further [`TOGETHER_MAX`] once more.
const LOOKS_MAX: usize = 4;
/// A window of everything.
const ALL: EventWindow = EventWindow {
    from_us: i64::MIN,
    to_us: i64::MAX,
    limit: usize::MAX,
};

/// What becomes of new events for which too few of the old may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// They are refused.
    Refused,
    /// They are kept, and the oldest go: counted, and named in the log.
    OldestGo,
}

/// The oldest events of a bucket, as they are looked through.
struct Oldest {
    /// What ends later stays.
    until: UnixMs,
    /// Of what ended before this nothing may be claimed any more.
    too_old: UnixMs,
    /// What stays of those that were looked at ends here at the latest.
    staying_until: UnixMs,
    /// Those that may go unless one that stays begins too soon after the last that does.
    between: Vec<(i64, UnixMs)>,
    /// Those that go.
    going: Vec<i64>,
}

impl ActivityWatch {
    /// The change, with what has to go for it.
    ///
    /// # Errors
    /// [`WatchError::TooManyEvents`] where that would be more than may go, and they are to be refused then; or something outside.
    pub(super) async fn fitted(
        &self,
        caller: &Caller,
        bucket: &str,
        (seen, mut edit): (&Seen, Edit),
        full: Full,
    ) -> Result<Edit, WatchError> {
        let new = edit.put.iter().filter(|event| event.id > seen.last_id).count();
        // There are no more events than numbers. Only where that does not tell, they are counted.
        if new == 0 || edit.last_id - seen.first_id.unwrap_or(edit.last_id) < EVENTS_MAX {
            return Ok(edit);
        }
        let there = self.events.count(watcher(caller), bucket, ALL).await?;
        let after = (there + new as u64).saturating_sub(edit.removed.len() as u64);
        let surplus = usize::try_from(after.saturating_sub(EVENTS_MAX.unsigned_abs())).unwrap_or(usize::MAX);
        if surplus == 0 {
            return Ok(edit);
        }
        let mut going = self.settled(caller, bucket, (&edit, surplus)).await?;
        if let Some(lacking) = surplus.checked_sub(going.len()).filter(|lacking| *lacking > 0) {
            if full == Full::Refused {
                return Err(WatchError::TooManyEvents);
            }
            going.extend(self.first(caller, bucket, (&edit, &going, lacking)).await?);
        }
        edit.removed.extend(going);
        Ok(edit)
    }

    /// Those of the oldest events that may go, at least so many where there are.
    async fn settled(
        &self,
        caller: &Caller,
        bucket: &str,
        (edit, surplus): (&Edit, usize),
    ) -> Result<Vec<i64>, WatchError> {
        let hostname = self.bucket(caller, bucket).await?.hostname;
        let mut oldest = self.oldest(caller, edit).await?;
        let mut look = from(i64::MIN, oldest.until.0.saturating_mul(1_000), TOGETHER_MAX);
        for _ in 0..LOOKS_MAX + surplus / TOGETHER_MAX {
            let mut events = self.seen(caller, bucket, &look).await?.after;
            let is_last = events.len() < TOGETHER_MAX;
            let Some((first, last)) = events.first().zip(events.last()) else {
                break;
            };
            let (first, (last, _), last_us) = (first.stretch.ms().0, last.stretch.ms(), last.stretch.start_us);
            if !is_last {
                // Others may start where the last does.
                events.retain(|event| event.stretch.start_us < last_us);
                look.at_us = last_us - 1;
            }
            let known = self.known(caller, (first, last)).await?;
            oldest.look_through(&events, edit, |event| known.holds(&hostname, event.stretch.ms()));
            oldest.stays_from(if is_last { oldest.until } else { last });
            if is_last || events.is_empty() || oldest.going.len() >= surplus {
                break;
            }
        }
        Ok(oldest.going)
    }

    /// Only what is over before the new events begin, and before the first time that is not claimed, may go: so what stays is joined as before.
    async fn oldest(&self, caller: &Caller, edit: &Edit) -> Result<Oldest, WatchError> {
        let marks = self.claims.marks.marks(watcher(caller), UnixMs(i64::MAX), 1).await?;
        let marked = marks.iter().map(|mark| mark.span.start());
        let begins = edit.put.iter().map(|event| event.stretch.ms().0);
        let until = marked.chain(begins).min().unwrap_or(UnixMs(i64::MIN));
        Ok(Oldest {
            until: until.plus_ms(-GAP_MAX_MS),
            too_old: self.claims.clock.now().before(self.claims.rules.age_max),
            staying_until: UnixMs(i64::MIN),
            between: Vec::new(),
            going: Vec::new(),
        })
    }

    /// What is known around these starts.
    async fn known(&self, caller: &Caller, (first, last): (UnixMs, UnixMs)) -> Result<Known, WatchError> {
        let reach = Span::new(first.plus_ms(-GAP_MAX_MS), last.plus_ms(GAP_MAX_MS));
        let Some(reach) = reach else {
            return Ok(Known::of(&Watched::default()));
        };
        let told = self
            .claims
            .marks
            .watched(watcher(caller), reach, 2 * TOGETHER_MAX)
            .await?;
        Ok(Known::of(&told.watched))
    }

    /// So many of the first that would stay, which nobody will see in a timeline.
    async fn first(
        &self,
        caller: &Caller,
        bucket: &str,
        (edit, going, lacking): (&Edit, &[i64], usize),
    ) -> Result<Vec<i64>, WatchError> {
        let look = from(i64::MIN, i64::MAX, lacking + going.len() + edit.removed.len());
        let first = self.seen(caller, bucket, &look).await?.after;
        let stays = |event: &&WatchEvent| !going.contains(&event.id) && !edit.removed.contains(&event.id);
        let gone: Vec<i64> = first.iter().filter(stays).take(lacking).map(|event| event.id).collect();
        metrics::counter!("daybook_watch_events_dropped_total").increment(gone.len() as u64);
        tracing::warn!(
            user.id = %caller.user,
            device.id = %caller.device,
            events = gone.len(),
            "a bucket is full of events whose windows or presence are not known: the first went for a heartbeat, and what was not claimed of them is lost"
        );
        Ok(gone)
    }
}

impl Oldest {
    /// Events in the order of their starts. What stays must be joined as before: so nothing goes that ends one that stays, or that keeps the gap open between two.
    fn look_through(&mut self, events: &[WatchEvent], edit: &Edit, is_settled: impl Fn(&WatchEvent) -> bool) {
        let put = edit.put.iter().map(|event| event.id);
        let changed: HashSet<i64> = put.chain(edit.removed.iter().copied()).collect();
        for event in events.iter().filter(|event| !changed.contains(&event.id)) {
            let (start, end) = event.stretch.ms();
            if end < self.too_old {
                self.going.push(event.id);
            } else if start >= self.staying_until && end < self.until && is_settled(event) {
                self.between.push((event.id, end));
            } else {
                self.stays_from(start);
                let ends = self.between.drain(..).map(|(_, end)| end).chain([end]);
                self.staying_until = ends.fold(self.staying_until, UnixMs::max);
            }
        }
    }

    /// What stays next begins here, or later.
    fn stays_from(&mut self, start: UnixMs) {
        if start > self.staying_until.plus_ms(GAP_MAX_MS) {
            self.going.extend(self.between.drain(..).map(|(id, _)| id));
        }
    }
}

/// A look at the events that start after one instant, up to another.
fn from(at_us: i64, until_us: i64, limit: usize) -> Look {
    Look {
        at_us,
        until_us,
        limit,
        ids: Vec::new(),
        starts_us: Vec::new(),
    }
}
