//! The history of the pings behind a violation: when each was sent to whom, what was answered, and what was disturbed meanwhile.

use std::collections::HashSet;

use domain::time::{Span, UnixMs};

use super::file::words;
use super::{Disturbance, Ledger, Log};

/// The most pings whose history a violation shows.
const PINGS_MAX: usize = 8;
/// The most requests shown of one ping.
const REQUESTS_MAX: usize = 12;
/// How long before a request a disturbance may have ended and still be told.
const BEFORE_MS: i64 = 2_000;

impl Ledger {
    /// What happened to the pings of `person` that claim any of `span`, oldest first.
    #[must_use]
    pub fn history_of_span(&self, person: usize, span: Span) -> Vec<String> {
        let mut pings = Vec::new();
        for log in self.of(person) {
            let claiming = log
                .pings
                .iter()
                .enumerate()
                .filter(|(_, ping)| ping.span.clip(span).is_some());
            pings.extend(claiming.map(|(place, _)| (log, place)));
        }
        self.history(&pings)
    }

    /// What happened to the pings of one device with numbers from `first` to `last`.
    #[must_use]
    pub fn history_of_numbers(&self, log: &Log, first: u64, last: u64) -> Vec<String> {
        let wanted = |seq: Option<u64>| seq.is_some_and(|seq| (first..=last).contains(&seq));
        let pings = log.pings.iter().enumerate().filter(|(_, ping)| wanted(ping.seq));
        let pings: Vec<_> = pings.map(|(place, _)| (log, place)).collect();
        self.history(&pings)
    }

    fn history(&self, pings: &[(&Log, usize)]) -> Vec<String> {
        let mut lines: Vec<(UnixMs, String)> = Vec::new();
        for (log, place) in pings.iter().take(PINGS_MAX) {
            lines.extend(requests(log, *place));
        }
        let touched: HashSet<usize> = (0..self.disturbances.len())
            .filter(|place| lines.iter().any(|(at, _)| self.was_on(*place, *at)))
            .collect();
        for place in touched {
            let disturbance = &self.disturbances[place];
            lines.push((disturbance.from, format!("disturbed: {}", disturbance.what)));
            if let Some(until) = disturbance.until {
                lines.push((until, format!("healed: {}", disturbance.what)));
            }
        }
        // Pings that went together were answered together.
        lines.sort();
        lines.dedup();
        let mut told: Vec<String> = pings
            .iter()
            .take(PINGS_MAX)
            .map(|(log, place)| {
                format!(
                    "{} ping {place}: {}: {:?}",
                    log.owner.name,
                    words(&log.pings[*place]),
                    log.pings[*place].standing
                )
            })
            .collect();
        if pings.len() > PINGS_MAX {
            told.push(format!("and {} pings more", pings.len() - PINGS_MAX));
        }
        told.extend(lines.into_iter().map(|(at, line)| format!("{at} {line}")));
        told
    }

    fn was_on(&self, disturbance: usize, at: UnixMs) -> bool {
        let Disturbance { from, until, .. } = &self.disturbances[disturbance];
        from.plus_ms(-BEFORE_MS) <= at && until.is_none_or(|until| at <= until.plus_ms(BEFORE_MS))
    }
}

fn requests(log: &Log, place: usize) -> Vec<(UnixMs, String)> {
    let of_it = log
        .requests
        .iter()
        .enumerate()
        .filter(|(_, request)| request.pings.iter().any(|one| *one as usize == place));
    let mut lines = Vec::new();
    for (number, request) in of_it.take(REQUESTS_MAX) {
        let name = &log.owner.name;
        let count = request.pings.len();
        let sent = format!(
            "{name} ping {place}: sent in request {number} of {count} to door {}",
            request.door
        );
        lines.push((request.at, sent));
        if let Some(answered) = &request.answered {
            lines.push((answered.at, format!("{name} request {number}: {}", answered.what)));
        }
    }
    lines
}
