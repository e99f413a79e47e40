//! The worker's side of the queue in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use domain::usage::{Arrival, Lane};
use ports::PortError;
use ports::usage::{Backlog, Batch, Dead, DeadContent, DeadLetter, Fates, Outcome, Part, PingSource, Receipt};
use tokio::time::{Instant, timeout_at};

use super::MemoryQueue;
use super::state::{Buried, Content, Entry, Key, State, Taken};

/// How long `ready` waits for pings.
const WAIT: Duration = Duration::from_millis(50);
/// How much older than the last entry of a live lane those in front are when the newest are taken before them.
const LAGS_AFTER: Duration = Duration::from_secs(10);
/// So often an entry may have been given out with others, and at all.
const GIVEN_OUT_MAX: [u64; 2] = [5, 10];

/// One worker process: making another of the same name is restarting it.
pub struct MemoryPingSource {
    queue: MemoryQueue,
    name: String,
    abandoned_after: Duration,
    lags_after: Duration,
    /// After which of its own entries each lane is looked through for what was held before the start; none once it has it all.
    own_after: Mutex<HashMap<(u16, Lane), Option<u64>>>,
}

impl MemoryPingSource {
    pub(super) fn new(queue: MemoryQueue, name: &str, abandoned_after: Duration) -> Self {
        Self {
            queue,
            name: name.to_owned(),
            abandoned_after,
            lags_after: LAGS_AFTER,
            own_after: Mutex::default(),
        }
    }

    /// The same, taking the newest first where the others lag so far behind; 10 s otherwise.
    #[must_use]
    pub fn lagging_after(self, lags_after: Duration) -> Self {
        Self { lags_after, ..self }
    }

    fn take_now(&self, state: &mut State, shard: u16, lane: Lane, arrivals_max: usize) -> Option<Batch> {
        let own_after = self.own_after(shard, lane);
        if let Some(after) = own_after {
            let is_own = |(_, _, id): Key, entry: &Entry| {
                id > after && entry.taken.as_ref().is_some_and(|taken| taken.by == self.name)
            };
            let (own, _) = self.gather(state, (shard, lane), arrivals_max, is_own);
            let last = own
                .as_ref()
                .and_then(|batch| batch.receipt.entries.last()?.name.parse().ok());
            self.set_own_after(shard, lane, last);
            if own.is_some() {
                return own;
            }
        }
        let now = Instant::now();
        let is_abandoned = |_, entry: &Entry| self.is_abandoned(entry, now);
        let (abandoned, _) = self.gather(state, (shard, lane), arrivals_max, is_abandoned);
        abandoned.or_else(|| {
            let (new, is_full) = self.gather(state, (shard, lane), arrivals_max, |_, entry| entry.taken.is_none());
            self.look_for_a_lag(state, shard, new.as_ref().filter(|_| is_full && lane == Lane::Live));
            new
        })
    }

    fn is_abandoned(&self, entry: &Entry, now: Instant) -> bool {
        let taken = entry.taken.as_ref();
        taken.is_some_and(|taken| now.duration_since(taken.held_at) >= self.abandoned_after)
    }

    /// After the oldest were taken, and there was no room for `full`'s successors.
    fn look_for_a_lag(&self, state: &mut State, shard: u16, full: Option<&Batch>) {
        let Some(full) = full else {
            state.newest_after.remove(&shard);
            return;
        };
        if let Some(end) = self.end_behind(state, full) {
            state.newest_after.entry(shard).or_insert(end);
        }
    }

    /// The last entry of the live lane, where it came much later than the batch.
    fn end_behind(&self, state: &State, batch: &Batch) -> Option<u64> {
        let shard = batch.receipt.shard;
        let last: u64 = batch.receipt.entries.last()?.name.parse().ok()?;
        let put_at = |id| state.entries.get(&(shard, Lane::Live, id)).map(|entry| entry.put_at);
        let ((.., end), entry) = state.lane(shard, Lane::Live).next_back()?;
        let lag = entry.put_at.0 - put_at(last)?.0;
        let lags = Duration::from_millis(lag.try_into().unwrap_or(0)) >= self.lags_after;
        lags.then_some(*end)
    }

    fn take_newest(&self, state: &mut State, shard: u16, arrivals_max: usize) -> Option<Batch> {
        let after = *state.newest_after.get(&shard)?;
        let mut batch = empty(shard, Lane::Live);
        let mut is_full = false;
        for ((.., id), entry) in state.lane(shard, Lane::Live).filter(|((.., id), _)| *id > after) {
            if !has_room(&batch, entry, arrivals_max) {
                is_full = true;
                break;
            }
            add(&mut batch, *id, entry);
        }
        let last = batch.receipt.entries.last()?.name.parse().ok()?;
        let end = self.end_behind(state, &batch).filter(|_| is_full);
        state.newest_after.insert(shard, end.unwrap_or(last));
        Some(batch)
    }

    /// Takes what is wanted of a lane, as far as there is room; also answers whether there was not.
    fn gather(
        &self,
        state: &mut State,
        (shard, lane): (u16, Lane),
        arrivals_max: usize,
        is_wanted: impl Fn(Key, &Entry) -> bool,
    ) -> (Option<Batch>, bool) {
        let mut batch = empty(shard, lane);
        let mut is_full = false;
        for (key, entry) in state.lane_mut(shard, lane) {
            if !is_wanted(*key, entry) {
                continue;
            }
            let given_out = entry.given_out;
            let is_suspect = given_out >= GIVEN_OUT_MAX[0];
            if !has_room(&batch, entry, arrivals_max) || (is_suspect && !batch.receipt.entries.is_empty()) {
                is_full = true;
                break;
            }
            if given_out >= GIVEN_OUT_MAX[1] {
                give_up(&mut batch, key.2, entry);
            } else {
                add(&mut batch, key.2, entry);
            }
            entry.given_out += 1;
            entry.taken = Some(self.taken());
            if is_suspect {
                break;
            }
        }
        ((!batch.receipt.entries.is_empty()).then_some(batch), is_full)
    }

    fn taken(&self) -> Taken {
        Taken {
            by: self.name.clone(),
            held_at: Instant::now(),
        }
    }

    fn own_after(&self, shard: u16, lane: Lane) -> Option<u64> {
        let after = self.own_after.lock().unwrap_or_else(PoisonError::into_inner);
        after.get(&(shard, lane)).copied().unwrap_or(Some(0))
    }

    fn set_own_after(&self, shard: u16, lane: Lane, after: Option<u64>) {
        let mut own_after = self.own_after.lock().unwrap_or_else(PoisonError::into_inner);
        own_after.insert((shard, lane), after);
    }

    /// The lanes in which there is something for this worker.
    fn waiting(&self, state: &State) -> Vec<(u16, Lane)> {
        let now = Instant::now();
        let lanes = Lane::ALL
            .into_iter()
            .flat_map(|lane| (0..self.queue.shards).map(move |shard| (shard, lane)));
        let has_some = |&(shard, lane): &(u16, Lane)| {
            let own_after = self.own_after(shard, lane);
            state.lane(shard, lane).any(|((.., id), entry)| match &entry.taken {
                None => true,
                Some(taken) => {
                    let is_own = taken.by == self.name && own_after.is_some_and(|after| *id > after);
                    is_own || self.is_abandoned(entry, now)
                }
            })
        };
        lanes.filter(has_some).collect()
    }
}

fn empty(shard: u16, lane: Lane) -> Batch {
    Batch {
        arrivals: Vec::new(),
        unreadable: Vec::new(),
        receipt: Receipt {
            shard,
            lane,
            entries: Vec::new(),
        },
    }
}

fn has_room(batch: &Batch, entry: &Entry, arrivals_max: usize) -> bool {
    let arrivals = match &entry.content {
        Content::Arrivals(arrivals) => arrivals.len(),
        Content::Unreadable(_) => 0,
    };
    let arrivals_max = arrivals_max.min(Batch::ARRIVALS_MAX);
    batch.receipt.entries.is_empty() || batch.arrivals.len() + arrivals <= arrivals_max
}

fn add(batch: &mut Batch, id: u64, entry: &Entry) {
    let mut part = part(id);
    match &entry.content {
        Content::Arrivals(arrivals) => {
            let refused = arrivals
                .iter()
                .filter(|arrival| matches!(arrival, Arrival::Refused { .. }));
            part.refused = refused.count() as u64;
            part.pings = arrivals.len() as u64 - part.refused;
            batch.arrivals.extend_from_slice(arrivals);
        }
        Content::Unreadable(bytes) => {
            part.unreadable = entry.content.arrivals();
            batch.unreadable.push(Dead {
                entry: batch.receipt.entries.len(),
                letter: DeadLetter {
                    content: DeadContent::Unreadable(bytes.clone()),
                    reason: "nobody can read it".to_owned(),
                },
            });
        }
    }
    batch.receipt.entries.push(part);
}

fn give_up(batch: &mut Batch, id: u64, entry: &Entry) {
    let contents = match &entry.content {
        Content::Arrivals(arrivals) => arrivals.iter().cloned().map(DeadContent::Arrival).collect(),
        Content::Unreadable(bytes) => vec![DeadContent::Unreadable(bytes.clone())],
    };
    let number = batch.receipt.entries.len();
    batch.unreadable.extend(contents.into_iter().map(|content| Dead {
        entry: number,
        letter: DeadLetter {
            content,
            reason: format!("it was given out {} times and never settled", entry.given_out),
        },
    }));
    batch.receipt.entries.push(ports::usage::Entry {
        unreadable: entry.content.arrivals(),
        ..part(id)
    });
}

fn part(id: u64) -> ports::usage::Entry {
    ports::usage::Entry {
        name: id.to_string(),
        pings: 0,
        refused: 0,
        unreadable: 0,
    }
}

fn keys(receipt: &Receipt) -> impl Iterator<Item = Key> {
    let names = receipt.entries.iter().map(|entry| &entry.name);
    names.map(|name| (receipt.shard, receipt.lane, name.parse().expect("it is one of ours")))
}

#[async_trait]
impl PingSource for MemoryPingSource {
    fn shards(&self) -> u16 {
        self.queue.shards
    }

    async fn ready(&self) -> Result<Vec<(u16, Lane)>, PortError> {
        let until = Instant::now() + WAIT;
        loop {
            let pushed = self.queue.pushed.notified();
            tokio::pin!(pushed);
            // From here on no push is missed.
            pushed.as_mut().enable();
            let ready = self.waiting(&*self.queue.open("wait for pings")?);
            if !ready.is_empty() || timeout_at(until, pushed).await.is_err() {
                return Ok(ready);
            }
        }
    }

    async fn take(&self, shard: u16, part: Part, arrivals_max: usize) -> Result<Option<Batch>, PortError> {
        if shard >= self.queue.shards {
            let there_are = format!("there are {} shards", self.queue.shards);
            return Err(PortError::bug(format!("take pings of shard {shard}"), there_are));
        }
        let state = &mut *self.queue.open("take pings")?;
        Ok(match part {
            Part::Newest => self.take_newest(state, shard, arrivals_max),
            Part::Live | Part::Bulk => self.take_now(state, shard, part.lane(), arrivals_max),
        })
    }

    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError> {
        let mut state = self.queue.open("hold pings")?;
        for key in keys(receipt) {
            // What only the newest were taken of is nobody's.
            if let Some(taken) = state.entries.get_mut(&key).and_then(|entry| entry.taken.as_mut()) {
                *taken = self.taken();
            }
        }
        Ok(())
    }

    async fn settle(&self, receipt: &Receipt, outcome: &Outcome) -> Result<(), PortError> {
        let mut state = self.queue.open("settle pings")?;
        let ours: Vec<bool> = keys(receipt).map(|key| state.entries.remove(&key).is_some()).collect();
        for (fates, _) in Fates::of(receipt, outcome)
            .into_iter()
            .zip(&ours)
            .filter(|(_, ours)| **ours)
        {
            state.settle(fates);
        }
        for dead in outcome.dead.iter().filter(|dead| ours[dead.entry]) {
            state.bury(Buried {
                shard: receipt.shard,
                died_at: self.queue.clock.now(),
                letter: dead.letter.clone(),
            });
        }
        for (device, through) in &outcome.merged_through {
            let known = state.merged.entry(*device).or_default();
            *known = (*known).max(*through);
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, PortError> {
        let state = self.queue.open("count what waits in the queue")?;
        let in_flight = state.entries.values().filter(|entry| entry.taken.is_some()).count();
        Ok(Backlog {
            entries: state.entries.len() as u64,
            in_flight: in_flight as u64,
            dead: state.dead.len() as u64,
        })
    }

    async fn oldest(&self) -> Result<Option<UnixMs>, PortError> {
        let state = self.queue.open("ask for the oldest entry of the queue")?;
        Ok(state.entries.values().map(|entry| entry.put_at).min())
    }
}
