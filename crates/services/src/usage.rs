//! Pings: in through the door, out of the queue, into the timeline, and forgotten with their person.

mod erase;
mod forget;
mod import;
mod letters;
mod merge;
mod prepare;
mod track;

pub use erase::Erase;
pub use forget::ForgetErasures;
pub use import::{Foretold, History, ImportError, ImportHistory, Imported};
pub use letters::{LetterPage, OwnLetters};
pub use merge::{MergePings, MergeSummary};
pub use prepare::PrepareStorage;
pub use track::{Claimable, TrackPings, Tracked};
