//! How long in all, since a person's first heartbeat.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::accounts::{Caller, User};
use domain::reports::{Days, Dimension, Held, SaidTotals};
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::ContextText;
use futures_util::future::try_join;
use futures_util::{StreamExt, stream};

use super::totals::{CHUNK_MS, CHUNKS_AT_ONCE, chunks};
use super::{Reports, ReportsError};

/// How far after the present instant a heartbeat can be, at the very most.
const AHEAD_MS: i64 = DAY_MS;

/// Everything that heartbeats hold of a person's time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AllTime {
    /// When the first stretch starts; `None` where there is none.
    pub first: Option<UnixMs>,
    /// For how long what was said.
    pub totals: SaidTotals,
    /// Milliseconds of each of the person's days that has any.
    pub days_ms: BTreeMap<NaiveDate, i64>,
    /// Each project, by its name.
    pub projects: Vec<ProjectTime>,
}

/// A person's time with a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectTime {
    /// Its name.
    pub name: ContextText,
    /// When its first stretch starts.
    pub first: UnixMs,
    /// When its last stretch ends.
    pub last: UnixMs,
}

impl Reports {
    /// The caller, and all of their time that heartbeats hold.
    ///
    /// # Errors
    /// [`ReportsError::AccountGone`], or something outside.
    pub async fn all_time(&self, caller: &Caller) -> Result<(User, AllTime), ReportsError> {
        let (user, first) = try_join(self.user(caller), self.first_heartbeat(caller)).await?;
        let mut sums = Sums::of(&user);
        let end = self.clock.now().plus_ms(AHEAD_MS);
        let span = first.and_then(|first| Span::new(first, end));
        let chunks = span.into_iter().flat_map(|span| chunks(span, CHUNK_MS));
        let read = |chunk| async move { (chunk, self.contexts.held(caller.user, chunk).await) };
        let mut reads = stream::iter(chunks).map(read).buffered(CHUNKS_AT_ONCE);
        while let Some((chunk, held)) = reads.next().await {
            for held in &held? {
                sums.add(held, chunk);
            }
        }
        Ok((user, sums.into_all_time()))
    }

    async fn first_heartbeat(&self, caller: &Caller) -> Result<Option<UnixMs>, ReportsError> {
        Ok(self.contexts.first_heartbeat(caller.user).await?)
    }
}

struct Sums {
    days: Days,
    first: Option<UnixMs>,
    totals: SaidTotals,
    days_ms: BTreeMap<NaiveDate, i64>,
    projects: BTreeMap<ContextText, (UnixMs, UnixMs)>,
}

impl Sums {
    fn of(user: &User) -> Self {
        Self {
            days: Days {
                zone: user.timezone,
                day_start: user.day_start,
            },
            first: None,
            totals: SaidTotals::default(),
            days_ms: BTreeMap::new(),
            projects: BTreeMap::new(),
        }
    }

    fn add(&mut self, held: &Held, chunk: Span) {
        let Some(span) = held.span.clip(chunk) else { return };
        self.first = Some(self.first.map_or(span.start(), |first| first.min(span.start())));
        self.totals.add(&held.said, span.ms());
        for (date, part) in self.by_day(span) {
            *self.days_ms.entry(date).or_default() += part.ms();
        }
        if let Some(project) = held.said.of(Dimension::Project) {
            let (first, last) = match self.projects.get(project) {
                Some((first, last)) => (span.start().min(*first), span.end().max(*last)),
                None => (span.start(), span.end()),
            };
            self.projects.insert(project.clone(), (first, last));
        }
    }

    /// The parts of a stretch that lie in the person's days.
    fn by_day(&self, span: Span) -> Vec<(NaiveDate, Span)> {
        let dates = self
            .days
            .date_of(span.start())
            .into_iter()
            .flat_map(|first| first.iter_days());
        let parts = dates.map(|date| (date, self.days.span(date)));
        // A date that never was has no part in anything.
        let reached = parts.take_while(|(_, day)| day.is_none_or(|day| day.start() < span.end()));
        reached
            .filter_map(|(date, day)| Some((date, day?.clip(span)?)))
            .collect()
    }

    fn into_all_time(self) -> AllTime {
        let projects = self.projects.into_iter();
        AllTime {
            first: self.first,
            totals: self.totals,
            days_ms: self.days_ms,
            projects: projects
                .map(|(name, (first, last))| ProjectTime { name, first, last })
                .collect(),
        }
    }
}
