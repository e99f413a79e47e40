//! A person's own dead letters: pings of theirs that could not be merged.

use std::sync::Arc;

use domain::accounts::Caller;
use ports::PortError;
use ports::usage::{DeadLetters, KeptLetter};

/// The use case. A letter that nobody can read is nobody's here: the operator looks after it.
#[derive(Clone)]
pub struct OwnLetters {
    /// Everybody's letters.
    pub letters: Arc<dyn DeadLetters>,
}

/// Part of a person's letters.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterPage {
    /// The oldest first.
    pub letters: Vec<KeptLetter>,
    /// What the next page comes after; `None` when there is none. There may be one though this holds little or nothing.
    pub next: Option<String>,
}

impl OwnLetters {
    /// The most letters in a page.
    pub const LIMIT_MAX: usize = 500;
    /// How many letters of anybody are looked through for one page. They are kept in the order in which they died, and there are few where all is well.
    pub const LOOKED_THROUGH_MAX: usize = 5_000;
    /// How many are read at once.
    const AT_ONCE: usize = 500;

    /// Up to `limit` letters of the caller's, after where the page before ended.
    ///
    /// # Errors
    /// When the letters cannot be read.
    pub async fn page(&self, caller: &Caller, after: Option<String>, limit: usize) -> Result<LetterPage, PortError> {
        let limit = limit.clamp(1, Self::LIMIT_MAX);
        let mut page = LetterPage {
            letters: Vec::new(),
            next: after,
        };
        for _ in 0..Self::LOOKED_THROUGH_MAX / Self::AT_ONCE {
            let some = self.letters.list(page.next.as_deref(), Self::AT_ONCE).await?;
            let is_last = some.len() < Self::AT_ONCE;
            for kept in some {
                if page.letters.len() == limit {
                    return Ok(page);
                }
                page.next = Some(kept.id.clone());
                page.letters.extend(Some(kept).filter(|kept| is_of(caller, kept)));
            }
            if is_last {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// A letter of the caller's; `None` when they have none of that id.
    ///
    /// # Errors
    /// When the letters cannot be read.
    pub async fn show(&self, caller: &Caller, id: &str) -> Result<Option<KeptLetter>, PortError> {
        let found = self.letters.find(id).await?;
        Ok(found.filter(|kept| is_of(caller, kept)))
    }

    /// Puts a letter of the caller's back into the queue. `false` when they have none of that id.
    ///
    /// # Errors
    /// When it cannot be done, or it is not known whether it was: the letter is then where it was, or in the queue.
    pub async fn replay(&self, caller: &Caller, id: &str) -> Result<bool, PortError> {
        match self.show(caller, id).await? {
            Some(_) => self.letters.replay(id).await,
            None => Ok(false),
        }
    }
}

fn is_of(caller: &Caller, kept: &KeptLetter) -> bool {
    kept.arrival().is_some_and(|arrival| arrival.user() == caller.user)
}
