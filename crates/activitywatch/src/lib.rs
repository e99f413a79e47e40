//! What ActivityWatch's clients write and read, for everybody here who listens to them: events and buckets as JSON, and what of them counts. Nothing here
//! listens, keeps or joins.

pub mod event;
pub mod multipart;
mod told;

pub use told::tells;
