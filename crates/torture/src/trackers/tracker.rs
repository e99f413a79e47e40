//! One device: makes pings, sends them, believes what it is told and nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::time::UnixMs;
use serde_json::{Value, json};
use testkit::runs::Failure;
use tokio::sync::watch;

use super::Retired;
use super::answer::{self, Told};
use super::doors::Entrance;
use super::identity::SignedIn;
use super::made::{Maker, body};
use super::pace::Pace;
use super::plan::FleetPlan;
use super::session::Session;
use crate::http::{Answer, Ask};
use crate::ledger::file::LogFile;
use crate::ledger::{Log, Standing, now};
use crate::random::Random;
use crate::reach::Doors;
use crate::violation::Violation;

/// Where pings go.
pub(crate) const TRACK: &str = "/api/v1/usage/track";
/// The most pings that a list may hold.
pub(crate) const LIST_MAX: usize = 1_000;
/// How many pings may wait before a device makes no more.
const WAITING_MAX: usize = 4_000;
/// The most pings that the heavy device makes at once.
const HEAVY_WALK_MAX: u64 = 1_000;
/// The most accepted pings that a request holds again.
const AGAIN_MAX: u64 = 5;
/// Of so many pings that it made a device sends one again, at most, though it was accepted.
const AGAIN_EVERY: u64 = 4;
/// How long a device rests before it sends again what was not taken: a door that refuses at once would be asked thousands of times a second.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// The most pings with which a device comes back from offline.
const BACKLOG_MAX: u64 = 800;
/// The longest that a device goes offline.
const OFFLINE_MAX_MS: u64 = 1_500;
/// How many violations a device tells one by one.
const VIOLATIONS_MAX: usize = 20;
/// How much of an answer is written down.
const WORDS_MAX: usize = 240;

/// What all trackers of a run share.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) plan: Arc<FleetPlan>,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) accepted: Arc<AtomicU64>,
    /// When the run began.
    pub(super) begun: UnixMs,
}

/// A device.
#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) log: Log,
    pub(super) life: Life,
    pub(super) violations: Vec<Violation>,
    /// How many more there were than are kept.
    pub(super) untold: u64,
    /// What is to be sent, by its place in the log.
    pub(super) waiting: VecDeque<u32>,
    pub(super) session: Session,
    entrance: Entrance,
    maker: Maker,
    pace: Pace,
    random: Random,
    heavy: bool,
    /// How long it must rest before it sends again.
    pub(super) rest: Duration,
}

impl Tracker {
    pub(super) fn new(device: SignedIn, doors: &Doors, life: &Life, random: &Random) -> Result<Self, Failure> {
        let owner = device.owner;
        let file = match &life.plan.directory {
            Some(directory) => LogFile::create(directory, &owner.name)?,
            None => LogFile::none(),
        };
        let (own, together) = (
            random.fork(&owner.name),
            random.fork(&format!("places-{}", owner.person)),
        );
        Ok(Self {
            entrance: Entrance::new(doors, own.fork("door").index(doors.api.len()), life.plan.answer_max)?,
            maker: Maker::new(together, own.fork("pings"), life.begun),
            pace: Pace::of(device.heavy, life.plan.lasts),
            random: own,
            log: Log::kept_in(owner, file),
            life: life.clone(),
            violations: Vec::new(),
            untold: 0,
            waiting: VecDeque::new(),
            session: device.session,
            heavy: device.heavy,
            rest: Duration::ZERO,
        })
    }

    /// Lives until it is told to stop, and then until it knows what became of everything.
    pub(super) async fn live(mut self) -> Retired {
        let begun = Instant::now();
        while !*self.life.stopped.borrow() {
            self.make_what_is_due(self.pace.due(begun.elapsed())).await;
            let batch = self.take();
            self.deliver(batch).await;
            self.pause().await;
        }
        self.retire().await
    }

    /// Sends `batch` once.
    pub(super) async fn deliver(&mut self, batch: Vec<u32>) {
        if batch.is_empty() {
            return;
        }
        if !self.session.renew(&mut self.entrance, &mut self.random).await {
            self.put_back(&batch);
            return;
        }
        let body = self.request(&batch);
        self.log.send(now(), self.entrance.door(), &batch);
        let ask = Ask::post(TRACK, &body).by(self.session.token());
        match self.entrance.ask(&ask).await {
            Ok(answer) => self.answered(&batch, &answer),
            Err(cut) => {
                self.log.answer(now(), format!("unknown: {cut}"));
                self.put_back(&batch);
            }
        }
    }

    fn answered(&mut self, batch: &[u32], answer: &Answer) {
        let text = answer.text();
        let said: String = text.chars().take(WORDS_MAX).collect();
        self.log.answer(now(), format!("{} {said}", answer.status));
        let reading = answer::read(answer, batch.len());
        if let Some(promise) = reading.broken {
            self.violated(promise, &format!("{} to {} pings: {text}", answer.status, batch.len()));
        }
        match reading.told {
            Told::Taken {
                rejected,
                merged_through,
            } => {
                for (index, place) in batch.iter().enumerate() {
                    if rejected.contains(&index) {
                        self.refused(*place);
                    } else {
                        self.accepted(*place);
                    }
                }
                if let Some(through) = merged_through {
                    self.told(through);
                }
            }
            Told::Refused => batch.iter().for_each(|place| self.refused(*place)),
            Told::Later(after) => {
                self.rest = after.min(self.life.plan.retry_after_max);
                self.put_back(batch);
            }
            Told::Unauthenticated => {
                self.session.refuse();
                self.put_back(batch);
            }
            Told::Unknown => self.put_back(batch),
        }
    }

    fn accepted(&mut self, place: u32) {
        let ping = &self.log.pings[place as usize];
        if let Some(wrong) = ping.wrong {
            self.violated(
                "what is wrong is refused",
                &format!("ping {place} was accepted: {wrong:?}"),
            );
        }
        self.log.arrivals += 1;
        self.life.accepted.fetch_add(1, Ordering::Relaxed);
        self.log.acknowledge(place);
    }

    fn refused(&mut self, place: u32) {
        let ping = &self.log.pings[place as usize];
        if ping.wrong.is_none() {
            self.violated("a sound ping is accepted", &format!("ping {place} was refused"));
        }
        // A refused number is settled through the queue, as an accepted ping is.
        self.log.arrivals += u64::from(ping_has_number(&self.log, place));
        self.log.refuse(place);
    }

    /// The server says that all numbers through this one are merged: the device forgets those pings.
    fn told(&mut self, through: u64) {
        let before = self.log.told;
        if through < before {
            let found = format!("{before} was told before, and now {through}");
            self.violated("merged_through never goes down", &found);
            return;
        }
        let beyond = self.log.pings.len() as u64 + 1;
        let never_sent = self.log.lowest_unsent().unwrap_or(beyond).min(beyond);
        if through >= never_sent {
            let found = format!("{through} was told, and number {never_sent} was never sent");
            self.violated("merged_through tells only of what was sent", &found);
            return;
        }
        self.log.told = through;
        for seq in before + 1..=through {
            // Numbers begin at 1 and places at 0.
            let place = u32::try_from(seq - 1).unwrap_or(u32::MAX);
            let ping = &self.log.pings[place as usize];
            match (ping.standing, ping.wrong) {
                (Standing::Unknown, None) => self.log.acknowledge(place),
                (Standing::Unknown, Some(_)) => self.log.refuse(place),
                _ => {}
            }
        }
    }

    /// Whatever nobody knows of yet goes back, to be sent next or last.
    fn put_back(&mut self, batch: &[u32]) {
        self.rest = self.rest.max(AGAIN_AFTER);
        let last = self.random.chance(25);
        for place in batch.iter().rev().copied() {
            if self.log.pings[place as usize].standing > Standing::Unknown {
                continue;
            }
            if last {
                self.waiting.push_back(place);
            } else {
                self.waiting.push_front(place);
            }
        }
    }

    /// What goes into the next request: any number of what waits, sometimes shuffled, sometimes with what was accepted long ago.
    fn take(&mut self) -> Vec<u32> {
        if self.random.chance(15) {
            self.random.shuffle(self.waiting.make_contiguous());
        }
        let most = match self.random.below(100) {
            _ if self.heavy => LIST_MAX,
            0..50 => 1,
            50..80 => 20,
            80..95 => 200,
            _ => LIST_MAX,
        };
        let mut batch = self.next(most);
        if self.random.chance(15) || batch.is_empty() {
            let left = (self.log.pings.len() as u64 / AGAIN_EVERY).saturating_sub(self.log.resent);
            for _ in 0..self.random.between(1, AGAIN_MAX).min(left) {
                let place = self.random.index(self.log.pings.len());
                let accepted = self.log.pings.get(place);
                if batch.len() < most && accepted.is_some_and(|ping| ping.standing == Standing::Acknowledged) {
                    batch.extend(u32::try_from(place));
                }
            }
        }
        if self.random.chance(10) {
            self.random.shuffle(&mut batch);
        }
        batch
    }

    /// The next `most` of what waits and is not settled.
    pub(super) fn next(&mut self, most: usize) -> Vec<u32> {
        let mut batch = Vec::new();
        while batch.len() < most
            && let Some(place) = self.waiting.pop_front()
        {
            if self.log.pings[place as usize].standing <= Standing::Unknown {
                batch.push(place);
            }
        }
        batch
    }

    /// Makes pings until there are `due` of them, or more by what is made in one go. While too many wait it makes none, and makes up for it later.
    async fn make_what_is_due(&mut self, due: u64) {
        while (self.log.pings.len() as u64) < due && self.waiting.len() < WAITING_MAX && !*self.life.stopped.borrow() {
            self.make().await;
        }
    }

    /// Makes some pings, or none.
    async fn make(&mut self) {
        let pings = match self.random.below(100) {
            _ if self.heavy => {
                let count = self.random.between(1, HEAVY_WALK_MAX);
                self.maker.walk(count)
            }
            0..45 => self.maker.live(now()).into_iter().collect(),
            45..80 => {
                let count = self.random.between(1, 12);
                self.maker.walk(count)
            }
            80..93 => match self.random.pick(&self.log.pings).filter(|ping| ping.wrong.is_none()) {
                Some(other) => vec![self.maker.contest(other)],
                None => Vec::new(),
            },
            93..97 => vec![self.maker.wrong(now())],
            _ => {
                // Offline for a while, and back with a backlog.
                let offline = Duration::from_millis(self.random.below(OFFLINE_MAX_MS));
                self.sleep(offline).await;
                let count = self.random.between(50, BACKLOG_MAX);
                self.maker.walk(count)
            }
        };
        for ping in pings {
            let place = self.log.make(ping);
            self.waiting.push_back(place);
        }
    }

    fn request(&mut self, batch: &[u32]) -> String {
        let bodies = batch.iter().map(|place| body(&self.log.pings[*place as usize]));
        match batch {
            [alone] if self.random.chance(70) => body(&self.log.pings[*alone as usize]).to_string(),
            _ => json!({"pings": bodies.collect::<Vec<Value>>()}).to_string(),
        }
    }

    async fn pause(&mut self) {
        let longest = if self.heavy && !self.waiting.is_empty() {
            Duration::ZERO
        } else {
            self.life.plan.pause_max
        };
        let longest_ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let pause = Duration::from_millis(self.random.below(longest_ms + 1)).max(self.rest);
        self.rest = Duration::ZERO;
        self.sleep(pause).await;
    }

    /// Sleeps, but not beyond the end of the run.
    async fn sleep(&mut self, longest: Duration) {
        let mut stopped = self.life.stopped.clone();
        let _ = tokio::time::timeout(longest, stopped.wait_for(|stopped| *stopped)).await;
    }

    fn violated(&mut self, promise: &str, found: &str) {
        if self.violations.len() >= VIOLATIONS_MAX {
            self.untold += 1;
            return;
        }
        let history = self
            .log
            .requests
            .last()
            .map(|request| format!("{} last request, to door {}", request.at, request.door));
        self.violations.push(Violation {
            promise: promise.to_owned(),
            found: format!("{}: {found}", self.log.owner.name),
            history: history.into_iter().collect(),
        });
    }
}

fn ping_has_number(log: &Log, place: u32) -> bool {
    log.pings[place as usize].seq.is_some()
}

#[cfg(test)]
mod tests;
