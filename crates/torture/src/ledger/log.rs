//! The log of one device: its pings, its requests, and what it may believe of each ping.

use std::collections::BTreeSet;

use domain::accounts::DeviceId;
use domain::time::{Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment};

use super::file::LogFile;

/// Whose log it is.
#[derive(Debug, Clone)]
pub struct Owner {
    /// What it is called in what a person reads, such as `person-3/device-1`.
    pub name: String,
    /// What it calls itself when it signs in.
    pub key: String,
    /// Whose it is, as a place among the people.
    pub person: usize,
    /// The device, as the server names it.
    pub device: DeviceId,
    /// The device's precedence, for the whole run.
    pub precedence: i32,
    /// Whether it numbers its pings.
    pub numbered: bool,
}

/// What a device may believe of one of its pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Never sent.
    Unsent,
    /// Sent, and nobody said what became of it.
    Unknown,
    /// Refused for good: it must not be in the timeline.
    Refused,
    /// Accepted: it must be in the timeline.
    Acknowledged,
}

/// What is wrong with a ping that is not to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It ends before it starts.
    Turned,
    /// Its application has no name.
    Nameless,
    /// It ends an hour from now.
    Future,
    /// It starts 91 days ago.
    Old,
    /// It is 25 hours long.
    Long,
    /// Its URL is none.
    NoUrl,
}

/// A ping as its tracker has it.
#[derive(Debug, Clone)]
pub struct Ping {
    /// When.
    pub span: Span,
    /// What for.
    pub label: Label,
    /// How much attention.
    pub attention: Attention,
    /// Its number, where the device numbers them.
    pub seq: Option<u64>,
    /// What is wrong with it, when something is.
    pub wrong: Option<Wrong>,
    /// What became of it.
    pub standing: Standing,
}

/// A request that a device sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// When.
    pub at: UnixMs,
    /// Which of the doors it went to.
    pub door: usize,
    /// Places of its pings in the log.
    pub pings: Box<[u32]>,
    /// What came of it, once something did.
    pub answered: Option<Answered>,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub struct Answered {
    /// When.
    pub at: UnixMs,
    /// In words: the status and what it said, or how the connection ended.
    pub what: String,
}

/// What one device sent and was told.
#[derive(Debug)]
pub struct Log {
    /// Whose it is.
    pub owner: Owner,
    /// All pings, in the order they were made; the numbers of a numbered device go up by one from 1.
    pub pings: Vec<Ping>,
    /// All requests, in the order they were sent.
    pub requests: Vec<Request>,
    /// The highest number that the server ever said everything is merged through.
    pub told: u64,
    /// How many arrivals the server must have counted: every accepted ping as often as it was accepted, and every refused number.
    pub arrivals: u64,
    /// How many accepted pings were sent again all the same.
    pub resent: u64,
    /// Numbers that were given and not sent yet.
    unsent: BTreeSet<u64>,
    file: LogFile,
}

impl Log {
    /// An empty log, kept in memory alone.
    #[must_use]
    pub fn new(owner: Owner) -> Self {
        Self::kept_in(owner, LogFile::none())
    }

    pub(crate) fn kept_in(owner: Owner, file: LogFile) -> Self {
        Self {
            owner,
            pings: Vec::new(),
            requests: Vec::new(),
            told: 0,
            arrivals: 0,
            resent: 0,
            unsent: BTreeSet::new(),
            file,
        }
    }

    /// Writes down a ping before it is sent; its place in the log.
    pub fn make(&mut self, mut ping: Ping) -> u32 {
        if self.owner.numbered {
            let seq = self.pings.len() as u64 + 1;
            self.unsent.insert(seq);
            ping.seq = Some(seq);
        }
        let place = u32::try_from(self.pings.len()).unwrap_or(u32::MAX);
        self.file.ping(place, &ping);
        self.pings.push(ping);
        place
    }

    /// Writes down that `pings` are about to be sent to `door`.
    pub fn send(&mut self, at: UnixMs, door: usize, pings: &[u32]) {
        for place in pings {
            let ping = &mut self.pings[*place as usize];
            match ping.standing {
                Standing::Unsent => ping.standing = Standing::Unknown,
                Standing::Acknowledged => self.resent += 1,
                Standing::Unknown | Standing::Refused => {}
            }
            if let Some(seq) = ping.seq {
                self.unsent.remove(&seq);
            }
        }
        self.file.sent(at, door, pings);
        self.requests.push(Request {
            at,
            door,
            pings: pings.into(),
            answered: None,
        });
    }

    /// Writes down what came of the request that was sent last.
    pub fn answer(&mut self, at: UnixMs, what: String) {
        self.file.answered(at, &what);
        if let Some(request) = self.requests.last_mut() {
            request.answered = Some(Answered { at, what });
        }
    }

    /// The server accepted the ping, or says that it is merged.
    pub fn acknowledge(&mut self, place: u32) {
        self.pings[place as usize].standing = Standing::Acknowledged;
    }

    /// The server refused the ping. One that was ever accepted stays accepted.
    pub fn refuse(&mut self, place: u32) {
        let standing = &mut self.pings[place as usize].standing;
        *standing = (*standing).max(Standing::Refused);
    }

    /// The lowest number that was given and never sent.
    #[must_use]
    pub fn lowest_unsent(&self) -> Option<u64> {
        self.unsent.first().copied()
    }

    /// Pings in this standing.
    #[must_use]
    pub fn count(&self, standing: Standing) -> u64 {
        self.pings.iter().filter(|ping| ping.standing == standing).count() as u64
    }

    /// The number through which every ping is known to be settled: accepted or refused for good.
    #[must_use]
    pub fn settled_through(&self) -> u64 {
        let settled = |ping: &&Ping| ping.standing >= Standing::Refused;
        self.pings.iter().take_while(settled).count() as u64
    }

    /// What a ping claims.
    #[must_use]
    pub fn claim(&self, ping: &Ping) -> Segment {
        let rank = Rank {
            attention: ping.attention,
            precedence: self.owner.precedence,
            device: self.owner.device,
            beat: None,
        };
        Segment {
            span: ping.span,
            holder: Holder {
                rank,
                label: ping.label.clone(),
            },
        }
    }

    /// What the sound pings of this standing claim.
    pub fn claims(&self, standing: Standing) -> impl Iterator<Item = Segment> {
        let wanted = move |ping: &&Ping| ping.standing == standing && ping.wrong.is_none();
        self.pings.iter().filter(wanted).map(|ping| self.claim(ping))
    }

    /// Why the log could not be written to its file, if so.
    #[must_use]
    pub fn unwritten(&self) -> Option<String> {
        self.file.fault()
    }
}
