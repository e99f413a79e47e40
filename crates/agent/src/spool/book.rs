//! What the spool's lines add up to. Pure: the file replayed line by line, and every change while running, come through [`Book::apply`].

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};

use domain::time::UnixMs;
use domain::usage::{AppName, Domain};

use super::line::{Head, Line, PingLine, line_bytes};
use super::{Kept, Offer};

/// The pings that are kept, and how far the numbers have come.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    queue: VecDeque<Kept>,
    /// Of the lines of all that is in the queue.
    bytes: usize,
    /// One copy of each name, however many pings have it.
    names: BTreeSet<AppName>,
    /// And of each site.
    sites: BTreeSet<Domain>,
    last: u64,
    merged: u64,
    agreed: bool,
    dropped: u64,
    refused: u64,
    answered_at: Option<UnixMs>,
    owner: Option<String>,
}

impl Book {
    /// Takes in one line. False if it makes no sense where it stands, and was passed over.
    pub(super) fn apply(&mut self, line: &Line<'_>) -> bool {
        match line {
            Line::Head(head) => self.begin(head),
            Line::Ping(ping) => return self.push(ping),
            Line::Answered { at, merged } => {
                self.answered_at = Some(UnixMs(*at));
                self.agreed = true;
                self.merged = self.merged.max(*merged);
                self.last = self.last.max(*merged);
                self.cut(*merged);
            }
            Line::Refused { seq } => {
                if let Ok(index) = self.queue.binary_search_by_key(seq, |kept| kept.seq) {
                    self.bytes -= self.queue.remove(index).as_ref().map_or(0, line_bytes);
                    self.refused += 1;
                }
            }
            Line::Dropped { through } => self.dropped += self.cut(*through),
            Line::Owner { email } => self.owner = Some(email.clone().into_owned()),
        }
        true
    }

    /// The first line of a file that holds this book.
    pub(super) fn head(&self) -> Head<'_> {
        Head {
            next: self.last + 1,
            merged: self.merged,
            agreed: self.agreed,
            dropped: self.dropped,
            refused: self.refused,
            answered_at: self.answered_at.map(|at| at.0),
            owner: self.owner.as_deref().map(Cow::Borrowed),
        }
    }

    /// Numbers everything that is kept anew, from `first` on and without a gap.
    pub(super) fn renumber(&mut self, first: u64) {
        self.last = first - 1;
        self.merged = first - 1;
        for kept in &mut self.queue {
            self.last += 1;
            kept.seq = self.last;
        }
        self.bytes = self.queue.iter().map(line_bytes).sum();
    }

    /// At most `max` numbers after `after`, in order and without a gap.
    ///
    /// The server merges through a number only when it has seen every number up to it. So a number whose ping is gone is offered with the ping
    /// that follows: merging that twice changes nothing.
    pub(super) fn offers(&self, after: u64, max: usize) -> Vec<Offer> {
        let mut offers = Vec::new();
        let mut seq = after.max(self.merged) + 1;
        let from = self.queue.partition_point(|kept| kept.seq < seq);
        for kept in self.queue.range(from..) {
            while seq <= kept.seq {
                if offers.len() == max {
                    return offers;
                }
                offers.push(Offer {
                    seq,
                    kept: kept.clone(),
                });
                seq += 1;
            }
        }
        offers
    }

    /// Gives back what names take that no ping has any longer.
    pub(super) fn tidy(&mut self) {
        self.queue.shrink_to(1_024);
        self.names = self.queue.iter().map(|kept| kept.ping.app.clone()).collect();
        self.sites = self.queue.iter().filter_map(|kept| kept.ping.domain.clone()).collect();
    }

    pub(super) fn queue(&self) -> &VecDeque<Kept> {
        &self.queue
    }

    /// How many bytes their lines take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number given last.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn merged(&self) -> u64 {
        self.merged
    }

    pub(super) fn agreed(&self) -> bool {
        self.agreed
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn answered_at(&self) -> Option<UnixMs> {
        self.answered_at
    }

    pub(super) fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    fn begin(&mut self, head: &Head<'_>) {
        *self = Self {
            last: head.next.saturating_sub(1).max(head.merged),
            merged: head.merged,
            agreed: head.agreed,
            dropped: head.dropped,
            refused: head.refused,
            answered_at: head.answered_at.map(UnixMs),
            owner: head.owner.clone().map(Cow::into_owned),
            ..Self::default()
        };
    }

    fn push(&mut self, ping: &PingLine<'_>) -> bool {
        let above = self.queue.back().map_or(self.merged, |kept| kept.seq);
        let Some(mut kept) = ping.kept().filter(|kept| kept.seq > above) else {
            return false;
        };
        share(&mut self.names, &mut kept.ping.app);
        if let Some(domain) = &mut kept.ping.domain {
            share(&mut self.sites, domain);
        }
        self.last = self.last.max(kept.seq);
        self.bytes += line_bytes(&kept);
        self.queue.push_back(kept);
        true
    }

    fn cut(&mut self, through: u64) -> u64 {
        let count = self.queue.partition_point(|kept| kept.seq <= through);
        self.bytes -= self.queue.drain(..count).map(|kept| line_bytes(&kept)).sum::<usize>();
        count as u64
    }
}

/// Makes `text` the copy that is known, or known.
fn share<T: Ord + Clone>(known: &mut BTreeSet<T>, text: &mut T) {
    match known.get(text) {
        Some(copy) => *text = copy.clone(),
        None => {
            known.insert(text.clone());
        }
    }
}
