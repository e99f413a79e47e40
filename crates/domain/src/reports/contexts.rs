//! What heartbeats said that hold a person's time: by project, language, editor and so on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::DeviceId;
use crate::time::{Span, UnixMs};
use crate::usage::{ContextText, Heartbeat, Holder, Mention, Segment};

/// How long before a heartbeat that mentions the last project, branch or language of its device that one may have been named.
pub const RECALL_MAX: Duration = Duration::from_hours(24);

/// What time that heartbeats hold can be added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The project.
    Project,
    /// The branch.
    Branch,
    /// The language.
    Language,
    /// The category.
    Category,
    /// The editor.
    Editor,
    /// The machine.
    Machine,
    /// What the machine runs.
    OperatingSystem,
}

/// What was said of a stretch of time, with what was left to the heartbeats before found out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Said {
    /// The project.
    pub project: Option<ContextText>,
    /// The branch.
    pub branch: Option<ContextText>,
    /// The language.
    pub language: Option<ContextText>,
    /// The category.
    pub category: Option<ContextText>,
    /// The editor.
    pub editor: Option<ContextText>,
    /// The machine.
    pub machine: Option<ContextText>,
    /// What the machine runs.
    pub operating_system: Option<ContextText>,
}

impl Said {
    /// What was said of one thing.
    #[must_use]
    pub fn of(&self, dimension: Dimension) -> Option<&ContextText> {
        let said = match dimension {
            Dimension::Project => &self.project,
            Dimension::Branch => &self.branch,
            Dimension::Language => &self.language,
            Dimension::Category => &self.category,
            Dimension::Editor => &self.editor,
            Dimension::Machine => &self.machine,
            Dimension::OperatingSystem => &self.operating_system,
        };
        said.as_ref()
    }
}

/// A stretch of time that a heartbeat holds, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// When.
    pub span: Span,
    /// On which device.
    pub device: DeviceId,
    /// What was said.
    pub said: Arc<Said>,
}

/// What a person's heartbeats said, to be asked by those who hold their time.
///
/// What a heartbeat leaves to those before is what its device named last at its instant or before, at most [`RECALL_MAX`] before. Of several names at one
/// instant it is the greatest by its bytes; and where several heartbeats hold one piece, being equal in all that decides, it is the greatest of them that speaks. So
/// neither depends on the order in which they came.
#[derive(Debug, Default)]
pub struct Sayings(HashMap<Holder, Arc<Said>>);

impl Sayings {
    /// What `heartbeats` said: all those of a person in some stretch, in any order. What is asked of them should lie [`RECALL_MAX`] after its start or later.
    #[must_use]
    pub fn of(mut heartbeats: Vec<Heartbeat>) -> Self {
        heartbeats.sort_unstable();
        let mut said = HashMap::with_capacity(heartbeats.len());
        let mut known: HashSet<Arc<Said>> = HashSet::new();
        for of_device in heartbeats.chunk_by(|one, next| one.beat.device == next.beat.device) {
            let mut memory = Memory::default();
            for at_once in of_device.chunk_by(|one, next| one.beat.at == next.beat.at) {
                for heartbeat in at_once {
                    memory.hear(heartbeat);
                }
                for heartbeat in at_once {
                    let saying = Arc::new(memory.resolve(heartbeat));
                    let saying = known.get(&saying).map(Arc::clone).unwrap_or(saying);
                    known.insert(Arc::clone(&saying));
                    said.insert(heartbeat.beat.holder(), saying);
                }
            }
        }
        Self(said)
    }

    /// What was said of `piece`; `None` where no heartbeat holds it.
    #[must_use]
    pub fn held(&self, piece: &Segment) -> Option<Held> {
        piece.holder.rank.beat?;
        let said = self.0.get(&piece.holder).map(Arc::clone).unwrap_or_default();
        Some(Held {
            span: piece.span,
            device: piece.holder.rank.device,
            said,
        })
    }
}

/// What a device named last, and when.
#[derive(Default)]
struct Memory<'a> {
    project: Option<(UnixMs, &'a ContextText)>,
    branch: Option<(UnixMs, &'a ContextText)>,
    language: Option<(UnixMs, &'a ContextText)>,
}

impl<'a> Memory<'a> {
    fn hear(&mut self, heartbeat: &'a Heartbeat) {
        let context = &heartbeat.context;
        for (last, mention) in [
            (&mut self.project, &context.project),
            (&mut self.branch, &context.branch),
            (&mut self.language, &context.language),
        ] {
            if let Some(Mention::Named(text)) = mention {
                *last = (*last).max(Some((heartbeat.beat.at, text)));
            }
        }
    }

    fn resolve(&self, heartbeat: &Heartbeat) -> Said {
        let earliest = heartbeat.beat.at.before(RECALL_MAX);
        let resolve = |mention: &Option<Mention>, last: Option<(UnixMs, &ContextText)>| match mention {
            None => None,
            Some(Mention::Named(text)) => Some(text.clone()),
            Some(Mention::Last) => last.filter(|(at, _)| *at >= earliest).map(|(_, text)| text.clone()),
        };
        let context = &heartbeat.context;
        Said {
            project: resolve(&context.project, self.project),
            branch: resolve(&context.branch, self.branch),
            language: resolve(&context.language, self.language),
            category: context.category.clone(),
            editor: context.editor.clone(),
            machine: context.machine.clone(),
            operating_system: context.operating_system.clone(),
        }
    }
}

/// Milliseconds by what was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SaidTotals(HashMap<Arc<Said>, i64>);

impl SaidTotals {
    /// Counts so many milliseconds more.
    pub fn add(&mut self, said: &Arc<Said>, ms: i64) {
        match self.0.get_mut(said) {
            Some(total) => *total += ms,
            None => drop(self.0.insert(Arc::clone(said), ms)),
        }
    }

    /// Counts all of `more`.
    pub fn add_all(&mut self, more: &Self) {
        for (said, ms) in &more.0 {
            self.add(said, *ms);
        }
    }

    /// Only those of which just this was said.
    #[must_use]
    pub fn only(&self, dimension: Dimension, text: &str) -> Self {
        let wanted = |said: &Arc<Said>| said.of(dimension).is_some_and(|said| said.as_str() == text);
        let wanted = self.0.iter().filter(|(said, _)| wanted(said));
        Self(wanted.map(|(said, ms)| (Arc::clone(said), *ms)).collect())
    }

    /// All of them.
    #[must_use]
    pub fn ms(&self) -> i64 {
        self.0.values().sum()
    }

    /// By one thing that was said, longest first, ties by its bytes; time of which nothing was said is under `None`.
    #[must_use]
    pub fn by(&self, dimension: Dimension) -> Vec<(Option<ContextText>, i64)> {
        super::ranking::ranked(&self.0, |said| said.of(dimension).cloned())
    }
}

/// The time of `held` in each of `windows`, which are sorted and do not overlap, as `held` is.
#[derive(Debug)]
pub struct SaidTally {
    windows: Vec<Span>,
    totals: Vec<SaidTotals>,
}

impl SaidTally {
    /// Sums for each of `windows`, which are sorted and do not overlap.
    #[must_use]
    pub fn new(windows: Vec<Span>) -> Self {
        let totals = vec![SaidTotals::default(); windows.len()];
        Self { windows, totals }
    }

    /// Counts the part of a stretch that lies within `chunk`.
    pub fn push(&mut self, held: &Held, chunk: Span) {
        let Some(span) = held.span.clip(chunk) else { return };
        let first = self.windows.partition_point(|window| window.end() <= span.start());
        for (window, totals) in self.windows[first..].iter().zip(&mut self.totals[first..]) {
            let Some(part) = span.clip(*window) else { break };
            totals.add(&held.said, part.ms());
        }
    }

    /// The sums, for each window in turn.
    #[must_use]
    pub fn into_totals(self) -> Vec<SaidTotals> {
        self.totals
    }
}
